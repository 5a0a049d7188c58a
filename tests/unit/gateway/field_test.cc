// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/gateway/field.h"

#include <gtest/gtest.h>

namespace percpud::gateway {
namespace {

TEST(FieldTest, AStatusIsWrittenAsGrpcDoes) {
  const Fields trailers = TrailersOf(absl::NotFoundError("50 % of \xc3\xa4\n"));
  EXPECT_EQ(Find(trailers, "grpc-status"), "5");
  EXPECT_EQ(Find(trailers, "grpc-message"), "50 %25 of %C3%A4%0A");
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
