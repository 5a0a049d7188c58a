// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What each call says over the side door's lane: from SDK types to a request, and from
// its answer back. Each function makes one attempt, and notes in it whether the request
// was sent.

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_DOOR_LANE_CALLS_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_DOOR_LANE_CALLS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "percpu/internal/door/lane_client.h"
#include "percpu/types.h"

namespace percpu::lane_calls {

// The areas of an Alloc, or the pointers of a Free, that fit into a message with any tag
// that the daemon takes. Larger requests go over gRPC.
inline constexpr std::size_t kMostEntries = 4096;

// Errors of each: the daemon's refusal, and LaneClient::Call's. `number` is the
// request's number within the session. 0 says that the request is not made again.
// REQUIRES of Alloc and Free: at most kMostEntries.
absl::Status Ping(LaneAttempt& attempt);
absl::StatusOr<std::vector<Pointer>> Alloc(LaneAttempt& attempt, std::uint64_t number,
                                           std::span<const AreaSpec> specs,
                                           const AllocateOptions& options);
absl::StatusOr<std::uint64_t> Free(LaneAttempt& attempt, std::uint64_t number,
                                   std::span<const Pointer> pointers);
absl::StatusOr<AddResult> Add(LaneAttempt& attempt, Pointer pointer, std::int64_t delta,
                              std::optional<Unit> unit, Width width);
absl::StatusOr<OpenedVariable> OpenVariable(LaneAttempt& attempt, const VariableSpec& spec);

}  // namespace percpu::lane_calls

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_DOOR_LANE_CALLS_H_
