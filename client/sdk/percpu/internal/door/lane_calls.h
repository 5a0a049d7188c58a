// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What each call says over the side door's lane: from SDK types to a request, and from
// its answer back. Each makes its request once.

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_DOOR_LANE_CALLS_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_DOOR_LANE_CALLS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "percpu/internal/deadline.h"
#include "percpu/internal/door/lane_client.h"
#include "percpu/types.h"

namespace percpu::lane_calls {

// Areas of an Alloc, or pointers of a Free, that fit into a message with any tag that
// the daemon takes. Larger ones go over gRPC.
inline constexpr std::size_t kMostEntries = 4096;

// Errors of each: the daemon's refusal, and LaneClient::Call's. `number` is the
// request's within the session; 0 says that it is not made again.
absl::Status Ping(LaneClient& lane, const Deadline& deadline);
absl::StatusOr<std::vector<Pointer>> Alloc(LaneClient& lane, const Deadline& deadline,
                                           std::uint64_t number, std::span<const AreaSpec> specs,
                                           const AllocateOptions& options);
absl::StatusOr<std::uint64_t> Free(LaneClient& lane, const Deadline& deadline, std::uint64_t number,
                                   std::span<const Pointer> pointers);
absl::StatusOr<AddResult> Add(LaneClient& lane, const Deadline& deadline, Pointer pointer,
                              std::int64_t delta, std::optional<Unit> unit, Width width);
absl::StatusOr<OpenedVariable> OpenVariable(LaneClient& lane, const Deadline& deadline,
                                            const VariableSpec& spec);

}  // namespace percpu::lane_calls

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_DOOR_LANE_CALLS_H_
