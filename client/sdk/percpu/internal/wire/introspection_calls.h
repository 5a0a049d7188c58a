// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_INTROSPECTION_CALLS_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_INTROSPECTION_CALLS_H_

#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "percpu/internal/wire/caller.h"
#include "percpu/introspection.h"
#include "percpu/types.h"

namespace percpu::wire {

// What the calls of IntrospectionService say on the wire: from SDK types to a message,
// and back. Connection says what each call does. They change nothing, so a call without
// an answer is made again.
// Thread safe.
class IntrospectionCalls {
 public:
  // `caller` outlives this.
  explicit IntrospectionCalls(Caller& caller) : caller_(caller) {}

  absl::StatusOr<AllocInfo> GetAllocInfo();
  absl::StatusOr<std::vector<Group>> ListGroups();
  absl::StatusOr<std::vector<UnitInfo>> ListUnits();
  absl::StatusOr<std::vector<StaticVariable>> ListStaticVariables();
  absl::StatusOr<std::vector<ChunkInfo>> ListChunks();
  absl::StatusOr<AreaMap> ListAreas(ChunkId chunk);
  absl::StatusOr<std::vector<SlotInfo>> ListSlots();
  absl::StatusOr<BuddyInfo> GetBuddyInfo();
  absl::StatusOr<std::vector<CheckedPart>> Check();
  absl::StatusOr<Stats> GetStats();
  absl::StatusOr<Owner> Resolve(Pointer pointer);
  absl::StatusOr<AllocEstimate> EstimateAlloc(const AreaSpec& spec, Region region);
  absl::StatusOr<std::vector<SessionInfo>> ListSessions();
  absl::StatusOr<std::vector<LeaseInfo>> ListLeases();
  absl::StatusOr<LeaseMap> ListLeaseAreas(ChunkId chunk);
  absl::StatusOr<std::vector<Variable>> ListVariables();
  absl::Status Watch(absl::Duration interval,
                     const std::function<bool(const StatsSample&)>& on_sample);

 private:
  template <typename Request, typename Response>
  absl::StatusOr<Response> Look(Method<IntrospectionStub, Request, Response> method,
                                const Request& request) {
    return caller_.Call(method, request, Repeat::kSafe);
  }
  // Calls `method` for every page, and converts what entries(page) has.
  template <typename Entry, typename Request, typename Response, typename Entries>
  absl::StatusOr<std::vector<Entry>> ListAll(Method<IntrospectionStub, Request, Response> method,
                                             const Request& first, Entries entries);

  Caller& caller_;
};

}  // namespace percpu::wire

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_INTROSPECTION_CALLS_H_
