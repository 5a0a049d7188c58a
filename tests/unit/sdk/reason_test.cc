// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/reason.h"

#include <gtest/gtest.h>

#include <string>

#include "percpu/internal/wire/reason.h"
#include "percpud/v1/status.pb.h"

namespace percpu {
namespace {

namespace v1 = ::percpud::v1;

std::string Details(const std::string& domain, const std::string& url) {
  v1::ErrorInfo info;
  info.set_reason("TAG_NOT_TEXT");
  info.set_domain(domain);
  v1::StatusDetails details;
  google::protobuf::Any& any = *details.add_details();
  any.set_type_url(url);
  any.set_value(info.SerializeAsString());
  return details.SerializeAsString();
}

TEST(ReasonTest, ComesOutOfTheDetails) {
  const absl::Status status =
      WithDetails(absl::InvalidArgumentError("x"),
                  Details("percpud", "type.googleapis.com/google.rpc.ErrorInfo"));
  EXPECT_EQ(ReasonOf(status), "TAG_NOT_TEXT");
  EXPECT_EQ(status.message(), "x");
}

TEST(ReasonTest, ComesFromAStreamsAnswer) {
  EXPECT_EQ(ReasonOf(WithReason(absl::NotFoundError("x"), "AREA_NOT_LIVE")), "AREA_NOT_LIVE");
  EXPECT_EQ(ReasonOf(WithReason(absl::NotFoundError("x"), "")), "");
}

TEST(ReasonTest, OkAndTheStatusesOfOthersHaveNone) {
  EXPECT_EQ(ReasonOf(absl::OkStatus()), "");
  EXPECT_EQ(ReasonOf(WithReason(absl::OkStatus(), "AREA_NOT_LIVE")), "");
  EXPECT_EQ(ReasonOf(absl::UnavailableError("x")), "");
  for (const std::string& details : {std::string("no message"), std::string(),
                                     Details("other", "type.googleapis.com/google.rpc.ErrorInfo"),
                                     Details("percpud", "type.googleapis.com/google.rpc.Help")}) {
    EXPECT_EQ(ReasonOf(WithDetails(absl::NotFoundError("x"), details)), "");
  }
}

}  // namespace
}  // namespace percpu
