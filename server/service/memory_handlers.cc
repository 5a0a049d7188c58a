// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/memory_handlers.h"

#include <atomic>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "server/base/errors.h"
#include "server/base/status_macros.h"
#include "server/service/convert.h"
#include "server/service/former_names.h"
#include "server/service/session_handlers.h"

namespace percpud::handlers {
namespace {

absl::Status CheckUnit(const AllocInfo& info, UnitId unit) {
  if (unit.value() >= info.units()) return errors::UnitOutOfRange(unit, info.units());
  return info.unit_to_cpu[unit.value()] ? absl::OkStatus() : errors::UnitIsGhost(unit);
}

absl::Status CheckTransfer(const MemoryContext& context, UnitId unit, Bytes length) {
  RETURN_IF_ERROR(CheckUnit(context.allocator.info(), unit));
  if (length <= context.limits.transfer) return absl::OkStatus();
  return errors::TransferOverLimit(length, context.limits.transfer);
}

absl::StatusOr<Bytes> FromProto(v1::Width width) {
  switch (width) {
    case v1::WIDTH_UNSPECIFIED:
    case v1::WIDTH_64:
      return Bytes(8);
    case v1::WIDTH_32:
      return Bytes(4);
    default:
      return errors::UnknownEnum("width", width);
  }
}

// Whether the pinned area is the caller's to use so.
absl::Status CheckUse(const MemoryContext& context, Rpc rpc, const Caller& caller,
                      const Allocator::Pin& pin) {
  return context.sessions.areas().CheckUse(rpc, caller, pin.area());
}

// Shared memory that other processes update: every access is atomic.
template <typename T>
std::int64_t Load(std::byte* address) {
  return std::atomic_ref<T>(*reinterpret_cast<T*>(address)).load(std::memory_order_relaxed);
}

// One area per size; the alignments are as many, one for all, or none.
absl::StatusOr<std::vector<AreaSpec>> Specs(const MemoryContext& context,
                                            const v1::AllocRequest& request) {
  const auto& sizes = SizesOf(request);
  const int alignments = request.alignments_size();
  // Before memory is taken for them.
  if (sizes.size() > static_cast<int>(context.limits.batch)) {
    return errors::BatchOverLimit("sizes", sizes.size(), context.limits.batch);
  }
  if (alignments > 1 && alignments != sizes.size()) {
    return errors::AlignmentCountMismatch(alignments, sizes.size());
  }
  std::vector<AreaSpec> specs(static_cast<std::size_t>(sizes.size()));
  for (int i = 0; i < sizes.size(); ++i) {
    specs[i].size = Bytes(sizes[i]);
    if (alignments > 0) specs[i].alignment = Bytes(request.alignments(alignments == 1 ? 0 : i));
  }
  return specs;
}

}  // namespace

Outcome Ping(MemoryContext& context, const Caller& caller, Pace /*pace*/,
             const v1::PingRequest& /*request*/, v1::PingResponse& /*response*/) {
  return context.calls.Ping(caller);
}

Outcome Alloc(MemoryContext& context, const Caller& caller, Pace pace,
              const v1::AllocRequest& request, v1::AllocResponse& response) {
  ASSIGN_OR_RETURN(const std::vector<AreaSpec> specs, Specs(context, request));
  ASSIGN_OR_RETURN(const Region region, percpud::FromProto(request.region()));
  const Caller numbered = WithRequest(caller, request);
  const AllocOptions options{.region = region, .no_grow = request.no_grow(), .tag = request.tag()};
  std::vector<PercpuPtr> pointers(specs.size());
  Outcome outcome = pace == Pace::kMustNotSleep
                        ? context.calls.TryAlloc(numbered, specs, options, pointers)
                        : context.calls.Alloc(numbered, specs, options, pointers);
  if (!outcome || !outcome->ok()) return outcome;
  response.mutable_pointers()->Reserve(static_cast<int>(pointers.size()));
  for (const PercpuPtr pointer : pointers) response.add_pointers(pointer.value());
  return absl::OkStatus();
}

Outcome Free(MemoryContext& context, const Caller& caller, Pace /*pace*/,
             const v1::FreeRequest& request, v1::FreeResponse& response) {
  if (request.pointers_size() > static_cast<int>(context.limits.batch)) {
    return errors::BatchOverLimit("pointers", request.pointers_size(), context.limits.batch);
  }
  const std::vector<PercpuPtr> pointers(request.pointers().begin(), request.pointers().end());
  ASSIGN_OR_RETURN(const Bytes freed, context.calls.Free(WithRequest(caller, request), pointers));
  response.set_freed_bytes(freed.value());
  return absl::OkStatus();
}

// Read and Write copy bytes, not words: against a writer at work they may see,
// or leave, a value half old and half new. Integers are for Add and Sum.
Outcome Read(MemoryContext& context, const Caller& /*caller*/, Pace /*pace*/,
             const v1::ReadRequest& request, v1::ReadResponse& response) {
  const UnitId unit(request.unit());
  const Bytes length(LengthOf(request));
  RETURN_IF_ERROR(CheckTransfer(context, unit, length));
  ASSIGN_OR_RETURN(const auto pin, context.allocator.Touch(PercpuPtr(request.pointer()), length));
  std::string& data = *response.mutable_data();
  data.resize(length.value());
  return pin.Read(unit, std::as_writable_bytes(std::span(data)));
}

Outcome Write(MemoryContext& context, const Caller& caller, Pace /*pace*/,
              const v1::WriteRequest& request, v1::WriteResponse& /*response*/) {
  const UnitId unit(request.unit());
  const Bytes length(request.data().size());
  RETURN_IF_ERROR(CheckTransfer(context, unit, length));
  ASSIGN_OR_RETURN(const auto pin, context.allocator.Touch(PercpuPtr(request.pointer()), length));
  RETURN_IF_ERROR(CheckUse(context, Rpc::kWrite, caller, pin));
  return pin.Write(unit, std::as_bytes(std::span(request.data())));
}

Outcome Add(MemoryContext& context, const Caller& caller, Pace pace, const v1::AddRequest& request,
            v1::AddResponse& response) {
  ASSIGN_OR_RETURN(const Bytes width, FromProto(request.width()));
  const Calls::AddRequest add{
      .pointer = PercpuPtr(request.pointer()),
      .unit = request.has_unit() ? std::optional(UnitId(request.unit())) : std::nullopt,
      .delta = request.delta(),
      .width = width};
  std::optional<absl::StatusOr<Updater::Added>> added;
  if (pace == Pace::kMustNotSleep) {
    added = context.calls.TryAdd(caller, add);
  } else {
    added = context.calls.Add(caller, add);
  }
  if (!added) return std::nullopt;
  if (!added->ok()) return added->status();
  response.set_value((*added)->value);
  response.set_unit((*added)->unit.value());
  return absl::OkStatus();
}

Outcome Sum(MemoryContext& context, const Caller& /*caller*/, Pace /*pace*/,
            const v1::SumRequest& request, v1::SumResponse& response) {
  ASSIGN_OR_RETURN(const Bytes width, FromProto(request.width()));
  const PercpuPtr pointer(request.pointer());
  if (pointer.value() % width.value() != 0) return errors::PointerMisaligned(pointer, width);
  ASSIGN_OR_RETURN(const auto pin, context.allocator.Touch(pointer, width));
  const AllocInfo& info = context.allocator.info();
  std::uint64_t sum = 0;
  RETURN_IF_ERROR(pin.Access([&] {
    for (std::uint32_t unit = 0; unit < info.units(); ++unit) {
      if (!info.unit_to_cpu[unit]) continue;
      std::byte* const address = pin.address(UnitId(unit));
      sum += static_cast<std::uint64_t>(width == Bytes(4) ? Load<std::int32_t>(address)
                                                          : Load<std::int64_t>(address));
    }
  }));
  response.set_sum(static_cast<std::int64_t>(sum));
  return absl::OkStatus();
}

}  // namespace percpud::handlers
