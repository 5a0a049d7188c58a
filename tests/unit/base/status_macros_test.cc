// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/status_macros.h"

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"

namespace percpud {
namespace {

absl::StatusOr<std::unique_ptr<int>> Boxed(int value) {
  if (value < 0) return absl::InvalidArgumentError("negative");
  return std::make_unique<int>(value);
}

absl::Status Check(int value) {
  return value == 13 ? absl::OutOfRangeError("thirteen") : absl::OkStatus();
}

absl::StatusOr<int> SumOf(int left, int right) {
  ASSIGN_OR_RETURN(const std::unique_ptr<int> a, Boxed(left));
  ASSIGN_OR_RETURN(const std::unique_ptr<int> b, Boxed(right));
  RETURN_IF_ERROR(Check(*a + *b));
  return *a + *b;
}

TEST(StatusMacrosTest, ValuesAreMovedOut) { EXPECT_EQ(SumOf(2, 3).value(), 5); }

TEST(StatusMacrosTest, TheFirstFailureIsHandedOn) {
  EXPECT_EQ(SumOf(-1, 3).status(), absl::InvalidArgumentError("negative"));
  EXPECT_EQ(SumOf(1, -3).status(), absl::InvalidArgumentError("negative"));
  EXPECT_EQ(SumOf(6, 7).status(), absl::OutOfRangeError("thirteen"));
}

TEST(StatusMacrosTest, ReturnIfErrorIsOneStatement) {
  const auto both = [](bool first) -> absl::Status {
    if (first)
      RETURN_IF_ERROR(absl::InternalError("first"));
    else
      RETURN_IF_ERROR(absl::InternalError("second"));
    return absl::OkStatus();
  };
  EXPECT_EQ(both(true), absl::InternalError("first"));
  EXPECT_EQ(both(false), absl::InternalError("second"));
}

}  // namespace
}  // namespace percpud
