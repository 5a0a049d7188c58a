// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SESSION_CALLS_H_
#define PERCPUD_SERVER_SESSION_CALLS_H_

#include <cstdint>
#include <optional>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/limits.h"
#include "server/base/units.h"
#include "server/percpu/allocator/allocator.h"
#include "server/percpu/allocator/updater.h"
#include "server/session/access/caller.h"
#include "server/session/access/policy.h"
#include "server/session/sessions.h"

namespace percpud {

// What local and remote callers ask of memory, checked and served. The side door's lane
// and gRPC both end here, so that both refuse alike; neither's types are known here.
//
// Each call checks the caller's role and that its session lives, then the request's own
// limits. A refused call changes nothing. Thread safe, as the allocator is.
class Calls {
 public:
  struct Limits {
    // Entries in one Alloc or Free.
    std::uint32_t batch = kDefaultBatch;
  };
  struct AddRequest {
    PercpuPtr pointer;
    // nullopt: the unit of the CPU that the thread runs on.
    std::optional<UnitId> unit;
    std::int64_t delta = 0;
    // 4 or 8.
    Bytes width;
  };

  // The references outlive the calls.
  Calls(Allocator& allocator, Sessions& sessions, const Updater& updater, Limits limits)
      : allocator_(allocator), sessions_(sessions), updater_(updater), limits_(limits) {}

  [[nodiscard]] absl::Status Ping(const Caller& caller) const;

  // Errors: BatchOverLimit, and Areas::AllocBatch's. REQUIRES: out is as long as specs.
  absl::Status Alloc(const Caller& caller, std::span<const AreaSpec> specs,
                     const AllocOptions& options, std::span<PercpuPtr> out) const;
  // The same; nullopt, with nothing changed, where it would have to sleep.
  std::optional<absl::Status> TryAlloc(const Caller& caller, std::span<const AreaSpec> specs,
                                       const AllocOptions& options, std::span<PercpuPtr> out) const;
  // Returns the freed bytes of one unit. Errors: BatchOverLimit, and
  // Areas::FreeBatch's.
  absl::StatusOr<Bytes> Free(const Caller& caller, std::span<const PercpuPtr> pointers) const;

  // Errors: UnitOutOfRange, UnitIsGhost, UnknownEnum (the width), FieldOutOfRange,
  // PointerMisaligned, NotOwner, CpuOutOfReach, and Allocator::Touch's.
  absl::StatusOr<Updater::Added> Add(const Caller& caller, const AddRequest& request) const;
  // The same; nullopt, with nothing changed, where it would have to move the thread.
  std::optional<absl::StatusOr<Updater::Added>> TryAdd(const Caller& caller,
                                                       const AddRequest& request) const;

  // Errors: Variables::Open's.
  absl::StatusOr<OpenedVariable> OpenVariable(const Caller& caller, const VariableSpec& spec) const;
  // The same; nullopt, with nothing changed, where the variable would have to be made.
  std::optional<absl::StatusOr<OpenedVariable>> TryOpenVariable(const Caller& caller,
                                                                const VariableSpec& spec) const;

 private:
  [[nodiscard]] absl::Status Admit(Rpc rpc, const Caller& caller) const;
  [[nodiscard]] absl::Status CheckBatch(absl::string_view field, std::size_t entries) const;
  [[nodiscard]] absl::Status CheckAdd(const AddRequest& request) const;
  // The area under the integer, which the caller may add to.
  [[nodiscard]] absl::StatusOr<Allocator::Pin> TouchForAdd(const Caller& caller,
                                                           const AddRequest& request) const;

  Allocator& allocator_;
  Sessions& sessions_;
  const Updater& updater_;
  const Limits limits_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_CALLS_H_
