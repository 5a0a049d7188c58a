// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/status.h"

#include <gtest/gtest.h>

#include "percpud/v1/status.pb.h"
#include "server/base/errors.h"

namespace percpud {
namespace {

TEST(StatusTest, OkStaysOk) { EXPECT_TRUE(ToGrpc(absl::OkStatus()).ok()); }

TEST(StatusTest, CodeAndMessageCross) {
  const absl::Status refused = errors::ChunkNotFound(ChunkId(7));
  const grpc::Status status = ToGrpc(refused);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(status.error_message(), refused.message());
}

// Programs decide by the reason: any client of google.rpc reads it.
TEST(StatusTest, TheReasonRidesAlong) {
  const absl::Status refused = errors::ChunkNotFound(ChunkId(7));
  v1::StatusDetails details;
  ASSERT_TRUE(details.ParseFromString(ToGrpc(refused).error_details()));
  EXPECT_EQ(details.code(), static_cast<int>(refused.code()));
  EXPECT_EQ(details.message(), refused.message());
  ASSERT_EQ(details.details_size(), 1);
  EXPECT_EQ(details.details(0).type_url(), "type.googleapis.com/google.rpc.ErrorInfo");
  v1::ErrorInfo info;
  ASSERT_TRUE(info.ParseFromString(details.details(0).value()));
  EXPECT_EQ(info.reason(), "CHUNK_NOT_FOUND");
  EXPECT_EQ(info.domain(), "percpud");
}

TEST(StatusTest, AStatusFromOutsideTheCatalogueHasNoDetails) {
  EXPECT_TRUE(ToGrpc(absl::UnavailableError("x")).error_details().empty());
  EXPECT_TRUE(ToGrpc(absl::OkStatus()).error_details().empty());
}

TEST(StatusTest, EveryCodeKeepsItsMeaning) {
  EXPECT_EQ(ToGrpc(absl::InvalidArgumentError("")).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ToGrpc(absl::FailedPreconditionError("")).error_code(),
            grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(ToGrpc(absl::OutOfRangeError("")).error_code(), grpc::StatusCode::OUT_OF_RANGE);
  EXPECT_EQ(ToGrpc(absl::ResourceExhaustedError("")).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ToGrpc(absl::InternalError("")).error_code(), grpc::StatusCode::INTERNAL);
}

}  // namespace
}  // namespace percpud
