// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/gateway/field.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/escaping.h"
#include "proto/percpud/v1/status_details.h"
#include "server/base/errors.h"

namespace percpud::gateway {
namespace {

TEST(FieldTest, AStatusIsWrittenAsGrpcDoes) {
  const Fields trailers = TrailersOf(absl::NotFoundError("50 % of \xc3\xa4\n"));
  EXPECT_EQ(Find(trailers, "grpc-status"), "5");
  EXPECT_EQ(Find(trailers, "grpc-message"), "50 %25 of %C3%A4%0A");
}

TEST(FieldTest, ARefusalHasItsReasonAsPercpudsHave) {
  const std::string path(200, 'x');
  const absl::Status status = errors::MethodUnknown(path);
  std::string details;
  const Fields trailers = TrailersOf(status);
  ASSERT_TRUE(absl::Base64Unescape(Find(trailers, "grpc-status-details-bin"), &details));
  EXPECT_EQ(details, v1::MakeStatusDetails(status, "METHOD_UNKNOWN"));
  EXPECT_EQ(Find(trailers, "grpc-status-details-bin").find('='), absl::string_view::npos);
}

TEST(FieldTest, NoBlankIsAtTheEndOfAMessage) {
  EXPECT_EQ(EncodeEnds(" of no name "), "%20of no name%20");
  EXPECT_EQ(EncodeEnds(" "), "%20");
  EXPECT_EQ(EncodeEnds(""), "");
  EXPECT_EQ(Find(TrailersOf(absl::NotFoundError("no ")), "grpc-message"), "no%20");
}

TEST(FieldTest, AWholeAnswerBeginsAsHttp) {
  const Fields answer = AnswerOf(absl::UnavailableError("away"));
  ASSERT_EQ(answer.size(), 4U);
  EXPECT_EQ(answer[0], (Field{":status", "200"}));
  EXPECT_EQ(Find(answer, "content-type"), "application/grpc");
  EXPECT_EQ(Find(answer, "grpc-status"), "14");
  EXPECT_EQ(Find(answer, "no-such"), "");
}

}  // namespace
}  // namespace percpud::gateway
