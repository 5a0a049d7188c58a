// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The one catalogue of errors: a named function per refusal. Each message
// names the field, the value and the limit, and each refusal leaves the
// daemon's state as it was. Codes follow google.rpc.Code; server/service turns
// them into gRPC statuses in one place.

#ifndef PERCPUD_SERVER_BASE_ERRORS_H_
#define PERCPUD_SERVER_BASE_ERRORS_H_

#include <cstdint>
#include "absl/strings/string_view.h"

#include "absl/status/status.h"
#include "server/base/units.h"

namespace percpud::errors {

// --- Requests ------------------------------------------------------------------
absl::Status SizeIsZero();
absl::Status SizeOverLimit(Bytes size, Bytes limit);
absl::Status AlignmentNotPowerOfTwo(Bytes alignment);
absl::Status AlignmentOverLimit(Bytes alignment, Bytes limit);
absl::Status BatchIsEmpty(absl::string_view field);
absl::Status BatchOverLimit(absl::string_view field, std::uint64_t entries, std::uint64_t limit);
absl::Status AlignmentCountMismatch(std::uint64_t alignments, std::uint64_t sizes);
absl::Status TagOverLimit(std::uint64_t length, std::uint64_t limit);
absl::Status TagNotText();
absl::Status TooManyTags(std::uint64_t limit);
absl::Status UnknownEnum(absl::string_view field, int value);
absl::Status FieldOutOfRange(absl::string_view field, std::int64_t value, std::int64_t low,
                             std::int64_t high);
absl::Status BadPageToken(absl::string_view token);
absl::Status TransferOverLimit(Bytes length, Bytes limit);
absl::Status TooManyWatchers(std::uint32_t limit);

// --- Pointers ------------------------------------------------------------------
absl::Status PointerOutsideArena(PercpuPtr ptr, Bytes arena_size);
absl::Status PointerInNoChunk(PercpuPtr ptr);
absl::Status PointerNotInUnitZero(PercpuPtr ptr, UnitId unit);
// A double free, or a pointer that was never granted.
absl::Status AreaNotLive(PercpuPtr ptr, ChunkId chunk);
absl::Status PointerInsideArea(PercpuPtr ptr, PercpuPtr area, Bytes area_size);
absl::Status PointerIsStatic(PercpuPtr ptr, absl::string_view variable);
absl::Status DuplicateInBatch(PercpuPtr ptr);
absl::Status UnitOutOfRange(UnitId unit, std::uint32_t units);
absl::Status RangeLeavesArea(PercpuPtr ptr, Bytes length, PercpuPtr area, Bytes area_size);
absl::Status PointerMisaligned(PercpuPtr ptr, Bytes width);
absl::Status ChunkNotFound(ChunkId chunk);

// --- Exhaustion ----------------------------------------------------------------
absl::Status NoSpaceWithoutGrowing(Bytes size, Bytes alignment);
absl::Status NoReservedSpace(Bytes size, Bytes alignment);
absl::Status NoReservedRegion();
absl::Status NoContiguousBlock(Order order, Pages free_pages);
absl::Status PopulateFailed(Bytes offset, Bytes length, int error_number);
absl::Status MetadataExhausted(absl::string_view what);

// --- Start-up ------------------------------------------------------------------
// A field of the configuration or its flag; `why` completes "<field> <why>".
absl::Status BadConfig(absl::string_view field, absl::string_view why);
absl::Status KmNeedsOneGroup(std::uint32_t groups);
absl::Status OsRefused(absl::string_view operation, absl::string_view object, int error_number);
absl::Status AddressInUse(absl::string_view address);
// `sysctl` mends it once `wanted` huge pages are asked of the system.
absl::Status NoHugePages(Bytes page_size, std::uint64_t wanted);

// --- Our own bugs ----------------------------------------------------------------
absl::Status BlockNotGranted(PageId page, Order order);

}  // namespace percpud::errors

#endif  // PERCPUD_SERVER_BASE_ERRORS_H_
