// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What is fuzzed. Each namespace is one target: the kinds of operations of its
// scripts, and Perform, which performs one against a naive model.

#ifndef PERCPUD_TESTS_FUZZ_TARGETS_H_
#define PERCPUD_TESTS_FUZZ_TARGETS_H_

#include "tests/fuzz/script.h"

namespace percpud::fuzz {

// server/area/area_map.h beside intervals. Setup: size, hidden head.
namespace area_map {
enum Kind : std::uint32_t { kTake, kFree, kTakeAt, kFindInClass, kLook, kView, kScribble, kCheck };
absl::StatusOr<std::uint64_t> Perform(const Script& script);
extern const Target kTarget;
}  // namespace area_map

// server/arena/page_allocator.h beside a flag per page. Setup: pages.
namespace buddy {
enum Kind : std::uint32_t {
  kAllocate,
  kFree,
  kBadFree,
  kCheck,
  kAllocateAt,
  kAllocateRun,
  kAllocateRunAt,
  kFreeRun
};
absl::StatusOr<std::uint64_t> Perform(const Script& script);
extern const Target kTarget;
}  // namespace buddy

// The allocator (server/percpu) over each backend there is, beside intervals, with
// marked memory. Setup: backend, CPUs, unit size, reserved size, arena size,
// whether memory is marked.
namespace allocator {
enum Kind : std::uint32_t {
  kAlloc,
  kFree,
  kAllocNoGrow,
  kAllocReserved,
  kAllocBatch,
  kBadFree,
  kAllocFailing,
  kBalance,
  kAge,
  kCheck,
  kFreeBatch,
  kLease,
  kReturnLease
};
absl::StatusOr<std::uint64_t> Perform(const Script& script);
extern const Target kTarget;
}  // namespace allocator

// server/area/lease_map.h: maps that a process wrote, well or with ill intent,
// beside another reading of the contract. Setup: granules.
namespace lease_map {
enum Kind : std::uint32_t {
  kPut,
  kChangeUse,
  kSetLarge,
  kClearLarge,
  kRecover,
  kSetPhase,
  kScribbleState,
  kScribbleHeader,
  kNoise,
  kTruncate
};
absl::StatusOr<std::uint64_t> Perform(const Script& script);
extern const Target kTarget;
}  // namespace lease_map

// server/handoff/lane_connection.h over real sessions: requests well and badly formed,
// beside another reading of the contract.
namespace lane {
enum Kind : std::uint32_t {
  kSend,
  kPing,
  kAlloc,
  kFree,
  kAdd,
  kOpenVariable,
  kScribble,
  kCut,
  kLeave,
  kOpenSeries,
  kRemoveSeries,
  kReadSeries,
  kResetNamespace
};
absl::StatusOr<std::uint64_t> Perform(const Script& script);
extern const Target kTarget;
}  // namespace lane

// server/gateway/peer_session.h between a peer that sends anything and a percpud that says
// when it takes and answers.
namespace gateway {
enum Kind : std::uint32_t {
  kConnect,
  kCall,
  kData,
  kFrame,
  kNoise,
  kDeliver,
  kRead,
  kAnswer,
  kTake,
  kCutDaemon,
  kWait,
  kGoodbye
};
absl::StatusOr<std::uint64_t> Perform(const Script& script);
extern const Target kTarget;
}  // namespace gateway

// client/exposition/writer.h: families with any labels and values, read back. Setup: the
// format.
namespace exposition {
enum Kind : std::uint32_t { kFamily, kCounter, kGauge, kHistogram, kSummary };
absl::StatusOr<std::uint64_t> Perform(const Script& script);
extern const Target kTarget;
}  // namespace exposition

}  // namespace percpud::fuzz

#endif  // PERCPUD_TESTS_FUZZ_TARGETS_H_
