// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/memory_handlers.h"

#include <atomic>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/base/errors.h"
#include "server/service/convert.h"
#include "server/service/former_names.h"

namespace percpud::handlers {
namespace {

absl::Status CheckUnit(const AllocInfo& info, UnitId unit) {
  if (unit.value() >= info.units()) return errors::UnitOutOfRange(unit, info.units());
  return info.unit_to_cpu[unit.value()] ? absl::OkStatus() : errors::UnitIsGhost(unit);
}

absl::StatusOr<Bytes> CheckWidth(v1::Width width) {
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

// The area under an integer of that width, kept while it is used.
absl::StatusOr<Allocator::Pin> TouchInteger(MemoryContext& context, PercpuPtr pointer,
                                            Bytes width) {
  if (pointer.value() % width.value() != 0) return errors::PointerMisaligned(pointer, width);
  return context.allocator.Touch(pointer, width);
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

// The caller, and which of its requests this is.
template <typename Request>
Caller WithRequest(const Caller& caller, const Request& request) {
  Caller out = caller;
  out.request = RequestId(request.request_id());
  return out;
}

std::vector<AreaSpec> Specs(const v1::AllocRequest& request) {
  const auto& sizes = SizesOf(request);
  std::vector<AreaSpec> specs(static_cast<std::size_t>(sizes.size()));
  const bool one_for_all = request.alignments_size() == 1;
  for (int i = 0; i < sizes.size(); ++i) {
    specs[i].size = Bytes(sizes[i]);
    if (request.alignments_size() > 0) {
      specs[i].alignment = Bytes(request.alignments(one_for_all ? 0 : i));
    }
  }
  return specs;
}

absl::Status CheckAlloc(const MemoryContext& context, const v1::AllocRequest& request) {
  const int sizes = SizesOf(request).size();
  const int alignments = request.alignments_size();
  if (sizes > static_cast<int>(context.limits.batch)) {
    return errors::BatchOverLimit("sizes", sizes, context.limits.batch);
  }
  if (alignments > 1 && alignments != sizes) {
    return errors::AlignmentCountMismatch(alignments, sizes);
  }
  return absl::OkStatus();
}

}  // namespace

Outcome Ping(MemoryContext& /*context*/, const Caller& /*caller*/, Pace /*pace*/,
             const v1::PingRequest& /*request*/, v1::PingResponse& /*response*/) {
  return absl::OkStatus();
}

Outcome Alloc(MemoryContext& context, const Caller& anyone, Pace pace,
              const v1::AllocRequest& request, v1::AllocResponse& response) {
  const Caller caller = WithRequest(anyone, request);
  if (absl::Status status = CheckAlloc(context, request); !status.ok()) return status;
  const absl::StatusOr<Region> region = FromProto(request.region());
  if (!region.ok()) return region.status();

  const std::vector<AreaSpec> specs = Specs(request);
  std::vector<PercpuPtr> pointers(specs.size());
  const AllocOptions options{.region = *region, .no_grow = request.no_grow(), .tag = request.tag()};
  if (pace == Pace::kMustNotSleep) {
    Outcome outcome = context.sessions.areas().TryAllocBatch(caller, specs, options, pointers);
    if (!outcome || !outcome->ok()) return outcome;
  } else if (absl::Status status =
                 context.sessions.areas().AllocBatch(caller, specs, options, pointers);
             !status.ok()) {
    return status;
  }

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
  const absl::StatusOr<Bytes> freed =
      context.sessions.areas().FreeBatch(WithRequest(caller, request), pointers);
  if (!freed.ok()) return freed.status();
  response.set_freed_bytes(freed->value());
  return absl::OkStatus();
}

// Read and Write copy bytes, not words: against a writer at work they may see,
// or leave, a value half old and half new. Integers are for Add and Sum.
Outcome Read(MemoryContext& context, const Caller& /*caller*/, Pace /*pace*/,
             const v1::ReadRequest& request, v1::ReadResponse& response) {
  const UnitId unit(request.unit());
  const Bytes length(LengthOf(request));
  if (absl::Status status = CheckUnit(context.allocator.info(), unit); !status.ok()) return status;
  if (length > context.limits.transfer) {
    return errors::TransferOverLimit(length, context.limits.transfer);
  }
  const auto pin = context.allocator.Touch(PercpuPtr(request.pointer()), length);
  if (!pin.ok()) return pin.status();
  std::string& data = *response.mutable_data();
  data.resize(length.value());
  return pin->Read(unit, std::as_writable_bytes(std::span(data)));
}

Outcome Write(MemoryContext& context, const Caller& caller, Pace /*pace*/,
              const v1::WriteRequest& request, v1::WriteResponse& /*response*/) {
  const UnitId unit(request.unit());
  const Bytes length(request.data().size());
  if (absl::Status status = CheckUnit(context.allocator.info(), unit); !status.ok()) return status;
  if (length > context.limits.transfer) {
    return errors::TransferOverLimit(length, context.limits.transfer);
  }
  const auto pin = context.allocator.Touch(PercpuPtr(request.pointer()), length);
  if (!pin.ok()) return pin.status();
  if (absl::Status status = CheckUse(context, Rpc::kWrite, caller, *pin); !status.ok()) {
    return status;
  }
  return pin->Write(unit, std::as_bytes(std::span(request.data())));
}

Outcome Add(MemoryContext& context, const Caller& caller, Pace pace, const v1::AddRequest& request,
            v1::AddResponse& response) {
  const UnitId unit(request.unit());
  if (absl::Status status = CheckUnit(context.allocator.info(), unit); !status.ok()) return status;
  const absl::StatusOr<Bytes> width = CheckWidth(request.width());
  if (!width.ok()) return width.status();
  using Narrow = std::numeric_limits<std::int32_t>;
  const std::int64_t delta = request.delta();
  if (*width == Bytes(4) && (delta < Narrow::min() || delta > Narrow::max())) {
    return errors::FieldOutOfRange("delta", delta, Narrow::min(), Narrow::max());
  }
  const auto pin = TouchInteger(context, PercpuPtr(request.pointer()), *width);
  if (!pin.ok()) return pin.status();
  if (absl::Status status = CheckUse(context, Rpc::kAdd, caller, *pin); !status.ok()) return status;
  absl::StatusOr<Updater::Added> added;
  if (!request.has_unit()) {
    added = context.updater.AddHere(*pin, *width, delta);
  } else if (const auto fast = context.updater.TryAddAt(*pin, unit, *width, delta)) {
    added = *fast;
  } else if (pace == Pace::kMustNotSleep) {
    return std::nullopt;
  } else {
    added = context.updater.AddAt(*pin, unit, *width, delta);
  }
  if (!added.ok()) return added.status();
  response.set_value(added->value);
  response.set_unit(added->unit.value());
  return absl::OkStatus();
}

Outcome Sum(MemoryContext& context, const Caller& /*caller*/, Pace /*pace*/,
            const v1::SumRequest& request, v1::SumResponse& response) {
  const absl::StatusOr<Bytes> width = CheckWidth(request.width());
  if (!width.ok()) return width.status();
  const auto pin = TouchInteger(context, PercpuPtr(request.pointer()), *width);
  if (!pin.ok()) return pin.status();
  const AllocInfo& info = context.allocator.info();
  std::uint64_t sum = 0;
  absl::Status status = pin->Access([&] {
    for (std::uint32_t unit = 0; unit < info.units(); ++unit) {
      if (!info.unit_to_cpu[unit]) continue;
      std::byte* const address = pin->address(UnitId(unit));
      sum += static_cast<std::uint64_t>(*width == Bytes(4) ? Load<std::int32_t>(address)
                                                           : Load<std::int64_t>(address));
    }
  });
  if (!status.ok()) return status;
  response.set_sum(static_cast<std::int64_t>(sum));
  return absl::OkStatus();
}

}  // namespace percpud::handlers
