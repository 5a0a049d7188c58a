// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/memory_handlers.h"

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "server/base/errors.h"
#include "server/base/status_macros.h"
#include "server/service/former_names.h"
#include "server/service/session_handlers.h"
#include "server/session/wire_numbers.h"

namespace percpud::handlers {
namespace {

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

}  // namespace

Outcome Ping(const Calls& calls, const Caller& caller, Pace /*pace*/,
             const v1::PingRequest& /*request*/, v1::PingResponse& /*response*/) {
  return calls.Ping(caller);
}

Outcome Alloc(const Calls& calls, const Caller& caller, Pace pace, const v1::AllocRequest& request,
              v1::AllocResponse& response) {
  const auto& sizes = SizesOf(request);
  const auto& alignments = request.alignments();
  std::vector<AreaSpec> specs;
  RETURN_IF_ERROR(calls.ReadSpecs(
      static_cast<std::size_t>(sizes.size()),
      [&](std::size_t i) { return sizes[static_cast<int>(i)]; },
      static_cast<std::size_t>(alignments.size()),
      [&](std::size_t i) { return alignments[static_cast<int>(i)]; }, specs));
  ASSIGN_OR_RETURN(const Region region, RegionFrom(request.region()));
  const AllocOptions options{.region = region, .no_grow = request.no_grow(), .tag = request.tag()};
  std::vector<PercpuPtr> pointers(specs.size());
  Outcome outcome = calls.Alloc(WithRequest(caller, request), pace, specs, options, pointers);
  if (!outcome || !outcome->ok()) return outcome;
  response.mutable_pointers()->Reserve(static_cast<int>(pointers.size()));
  for (const PercpuPtr pointer : pointers) response.add_pointers(pointer.value());
  return absl::OkStatus();
}

Outcome Free(const Calls& calls, const Caller& caller, Pace /*pace*/,
             const v1::FreeRequest& request, v1::FreeResponse& response) {
  // Before memory is taken for them.
  RETURN_IF_ERROR(calls.CheckBatch("pointers", static_cast<std::size_t>(request.pointers_size())));
  const std::vector<PercpuPtr> pointers(request.pointers().begin(), request.pointers().end());
  const Areas::Reach reach =
      request.spare_sessions() ? Areas::Reach::kNoOthersSession : Areas::Reach::kAllAllowed;
  ASSIGN_OR_RETURN(const Bytes freed, calls.Free(WithRequest(caller, request), pointers, reach));
  response.set_freed_bytes(freed.value());
  return absl::OkStatus();
}

Outcome Read(const Calls& calls, const Caller& caller, Pace /*pace*/,
             const v1::ReadRequest& request, v1::ReadResponse& response) {
  return calls.Read(caller, PercpuPtr(request.pointer()), UnitId(request.unit()),
                    Bytes(LengthOf(request)), *response.mutable_data());
}

Outcome Write(const Calls& calls, const Caller& caller, Pace /*pace*/,
              const v1::WriteRequest& request, v1::WriteResponse& /*response*/) {
  return calls.Write(caller, PercpuPtr(request.pointer()), UnitId(request.unit()), request.data());
}

Outcome Add(const Calls& calls, const Caller& caller, Pace pace, const v1::AddRequest& request,
            v1::AddResponse& response) {
  ASSIGN_OR_RETURN(const Bytes width, FromProto(request.width()));
  Calls::AddRequest add{
      .pointer = PercpuPtr(request.pointer()), .delta = request.delta(), .width = width};
  if (request.has_unit()) add.unit = UnitId(request.unit());
  const OutcomeOr<Updater::Added> added = calls.Add(caller, pace, add);
  if (!added) return kWouldSleep;
  RETURN_IF_ERROR(added->status());
  response.set_value((*added)->value);
  response.set_unit((*added)->unit.value());
  return absl::OkStatus();
}

Outcome Sum(const Calls& calls, const Caller& caller, Pace /*pace*/, const v1::SumRequest& request,
            v1::SumResponse& response) {
  ASSIGN_OR_RETURN(const Bytes width, FromProto(request.width()));
  ASSIGN_OR_RETURN(const std::int64_t sum, calls.Sum(caller, PercpuPtr(request.pointer()), width));
  response.set_sum(sum);
  return absl::OkStatus();
}

}  // namespace percpud::handlers
