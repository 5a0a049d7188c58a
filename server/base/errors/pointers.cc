// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/errors.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "server/base/errors/refuse.h"

namespace percpud::errors {

absl::Status PointerOutsideArena(PercpuPtr ptr, Bytes arena_size) {
  return Refuse(Code::kOutOfRange, Reason::kPointerOutsideArena, "pointer: ", Format(ptr),
                " lies outside the arena of ", arena_size.value(), " bytes");
}

absl::Status PointerInNoChunk(PercpuPtr ptr) {
  return Refuse(Code::kNotFound, Reason::kPointerInNoChunk, "pointer: ", Format(ptr),
                " lies in no chunk");
}

absl::Status PointerNotInUnitZero(PercpuPtr ptr, UnitId unit) {
  return Refuse(Code::kInvalidArgument, Reason::kPointerNotInUnitZero, "pointer: ", Format(ptr),
                " lies in unit ", unit.value(), "; a percpu pointer names unit 0's copy");
}

absl::Status AreaNotLive(PercpuPtr ptr, ChunkId chunk) {
  return Refuse(Code::kNotFound, Reason::kAreaNotLive, "pointer: ", Format(ptr),
                " is in no live area of chunk ", chunk.value(),
                " (freed before, or never granted)");
}

absl::Status PointerInsideArea(PercpuPtr ptr, PercpuPtr area, Bytes area_size) {
  return Refuse(Code::kInvalidArgument, Reason::kPointerInsideArea, "pointer: ", Format(ptr),
                " is inside the area at ", Format(area), " of ", area_size.value(),
                " bytes, not its start");
}

absl::Status PointerIsStatic(PercpuPtr ptr, absl::string_view variable) {
  return Refuse(Code::kFailedPrecondition, Reason::kPointerIsStatic, "pointer: ", Format(ptr),
                " is in the static part (", variable.empty() ? "no variable" : variable,
                "), which is never freed");
}

absl::Status PointerInNoVariable(PercpuPtr ptr) {
  if (ptr == PercpuPtr(0)) {
    return Refuse(Code::kInvalidArgument, Reason::kPointerInNoVariable,
                  "pointer: 0 is null, where nothing lies");
  }
  return Refuse(Code::kNotFound, Reason::kPointerInNoVariable, "pointer: ", Format(ptr),
                " is in the static part, but in none of its variables");
}

absl::Status DuplicateInBatch(PercpuPtr ptr) {
  return Refuse(Code::kInvalidArgument, Reason::kDuplicateInBatch, "pointers: ", Format(ptr),
                " is named twice in one batch");
}

absl::Status UnitIsGhost(UnitId unit) {
  return Refuse(Code::kOutOfRange, Reason::kUnitIsGhost, "unit: ", unit.value(),
                " is a ghost: it has no CPU, and need have no memory");
}

absl::Status UnitOutOfRange(UnitId unit, std::uint32_t units) {
  return Refuse(Code::kOutOfRange, Reason::kUnitOutOfRange, "unit: ", unit.value(),
                " is not below the ", units, " units there are");
}

absl::Status RangeLeavesArea(PercpuPtr ptr, Bytes length, PercpuPtr area, Bytes area_size) {
  return Refuse(Code::kOutOfRange, Reason::kRangeLeavesArea, "pointer: ", Format(ptr), " + ",
                length.value(), " bytes leaves the area at ", Format(area), " of ",
                area_size.value(), " bytes");
}

absl::Status PointerMisaligned(PercpuPtr ptr, Bytes width) {
  return Refuse(Code::kInvalidArgument, Reason::kPointerMisaligned, "pointer: ", Format(ptr),
                " is not a multiple of ", width.value(), ", the width");
}

absl::Status CpuOutOfReach(CpuId cpu) {
  return Refuse(Code::kFailedPrecondition, Reason::kCpuOutOfReach, "unit: is updated on CPU ",
                cpu.value(), " only, where the daemon may not run just now");
}

absl::Status MemoryTaken(PercpuPtr ptr) {
  return Refuse(Code::kDataLoss, Reason::kMemoryTaken, "pointer: the memory at ", Format(ptr),
                " was taken away by a process that maps the arena, and the system has no more");
}

absl::Status ChunkNotFound(ChunkId chunk) {
  return Refuse(Code::kNotFound, Reason::kChunkNotFound, "chunk_id: there is no chunk ",
                chunk.value());
}

absl::Status LeaseNotFound(ChunkId chunk) {
  return Refuse(Code::kNotFound, Reason::kLeaseNotFound, "chunk_id: chunk ", chunk.value(),
                " is not leased");
}

absl::Status NotLeaseholder(ChunkId chunk, std::uint64_t holder) {
  return Refuse(Code::kPermissionDenied, Reason::kNotLeaseholder, "chunk_id: chunk ", chunk.value(),
                " is leased to ",
                holder == 0 ? std::string("nobody just now") : absl::StrCat("session ", holder));
}

absl::Status LeaseHeld(absl::string_view name, std::uint64_t holder) {
  return Refuse(Code::kFailedPrecondition, Reason::kLeaseHeld, "name: the lease ", name,
                " is held by session ", holder);
}

}  // namespace percpud::errors
