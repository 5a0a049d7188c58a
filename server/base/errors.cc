// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/errors.h"

#include <cstring>
#include <limits>
#include <string>
#include <system_error>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace percpud::errors {
namespace {

std::string ErrnoText(int error_number) { return std::generic_category().message(error_number); }

}  // namespace

absl::Status SizeIsZero() { return absl::InvalidArgumentError("sizes: 0 is not a size"); }

absl::Status SizeOverLimit(Bytes size, Bytes limit) {
  return absl::InvalidArgumentError(absl::StrCat("sizes: ", size.value(),
                                                 " bytes is over the limit of ", limit.value(),
                                                 " (the dynamic part of a unit)"));
}

absl::Status AlignmentNotPowerOfTwo(Bytes alignment) {
  return absl::InvalidArgumentError(
      absl::StrCat("alignments: ", alignment.value(), " is not a power of two"));
}

absl::Status AlignmentOverLimit(Bytes alignment, Bytes limit) {
  return absl::InvalidArgumentError(absl::StrCat(
      "alignments: ", alignment.value(), " is over the limit of ", limit.value(), " (a page)"));
}

absl::Status BatchIsEmpty(absl::string_view field) {
  return absl::InvalidArgumentError(absl::StrCat(field, ": at least one entry is needed"));
}

absl::Status BatchOverLimit(absl::string_view field, std::uint64_t entries, std::uint64_t limit) {
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": ", entries, " entries is over the limit of ", limit));
}

absl::Status AlignmentOverSkew(Bytes alignment, Bytes skew) {
  return absl::InvalidArgumentError(absl::StrCat(
      "alignments: ", alignment.value(), " is over ", skew.value(),
      ", the unit_skew this daemon was started with: units begin at multiples of that only"));
}

absl::Status AlignmentCountMismatch(std::uint64_t alignments, std::uint64_t sizes) {
  return absl::InvalidArgumentError(absl::StrCat("alignments: ", alignments, " entries for ", sizes,
                                                 " sizes; give none, one, or one per size"));
}

absl::Status TagOverLimit(std::uint64_t length, std::uint64_t limit) {
  return absl::InvalidArgumentError(
      absl::StrCat("tag: ", length, " bytes is over the limit of ", limit));
}

absl::Status TagNotText() { return absl::InvalidArgumentError("tag: holds a control character"); }

absl::Status TooManyTags(std::uint64_t limit) {
  return absl::ResourceExhaustedError(
      absl::StrCat("tag: ", limit, " different tags are in use, the limit"));
}

absl::Status UnknownEnum(absl::string_view field, int value) {
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", value, " is no known value"));
}

absl::Status FieldOutOfRange(absl::string_view field, std::int64_t value, std::int64_t low,
                             std::int64_t high) {
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": ", value, " is not in ", low, "..", high));
}

absl::Status BadPageToken(absl::string_view token) {
  return absl::InvalidArgumentError(absl::StrCat(
      "page_token: \"", absl::CHexEscape(token.substr(0, 64)), "\" was not given by this method"));
}

absl::Status TransferOverLimit(Bytes length, Bytes limit) {
  return absl::InvalidArgumentError(
      absl::StrCat("length: ", length.value(), " bytes is over the limit of ", limit.value()));
}

absl::Status TooManyWatchers(std::uint32_t limit) {
  return absl::ResourceExhaustedError(
      absl::StrCat("watch: ", limit, " streams are open, the limit"));
}

absl::Status PointerOutsideArena(PercpuPtr ptr, Bytes arena_size) {
  return absl::OutOfRangeError(absl::StrCat("pointer: ", Format(ptr), " lies outside the arena of ",
                                            arena_size.value(), " bytes"));
}

absl::Status PointerInNoChunk(PercpuPtr ptr) {
  return absl::NotFoundError(absl::StrCat("pointer: ", Format(ptr), " lies in no chunk"));
}

absl::Status PointerNotInUnitZero(PercpuPtr ptr, UnitId unit) {
  return absl::InvalidArgumentError(absl::StrCat("pointer: ", Format(ptr), " lies in unit ",
                                                 unit.value(),
                                                 "; a percpu pointer names unit 0's copy"));
}

absl::Status AreaNotLive(PercpuPtr ptr, ChunkId chunk) {
  return absl::NotFoundError(absl::StrCat("pointer: ", Format(ptr), " is in no live area of chunk ",
                                          chunk.value(), " (freed before, or never granted)"));
}

absl::Status PointerInsideArea(PercpuPtr ptr, PercpuPtr area, Bytes area_size) {
  return absl::InvalidArgumentError(absl::StrCat("pointer: ", Format(ptr),
                                                 " is inside the area at ", Format(area), " of ",
                                                 area_size.value(), " bytes, not its start"));
}

absl::Status PointerIsStatic(PercpuPtr ptr, absl::string_view variable) {
  return absl::FailedPreconditionError(
      absl::StrCat("pointer: ", Format(ptr), " is in the static part (",
                   variable.empty() ? "no variable" : variable, "), which is never freed"));
}

absl::Status DuplicateInBatch(PercpuPtr ptr) {
  return absl::InvalidArgumentError(
      absl::StrCat("pointers: ", Format(ptr), " is named twice in one batch"));
}

absl::Status UnitIsGhost(UnitId unit) {
  return absl::OutOfRangeError(
      absl::StrCat("unit: ", unit.value(), " is a ghost: it has no CPU, and need have no memory"));
}

absl::Status UnitOutOfRange(UnitId unit, std::uint32_t units) {
  return absl::OutOfRangeError(
      absl::StrCat("unit: ", unit.value(), " is not below the ", units, " units there are"));
}

absl::Status RangeLeavesArea(PercpuPtr ptr, Bytes length, PercpuPtr area, Bytes area_size) {
  return absl::OutOfRangeError(absl::StrCat("pointer: ", Format(ptr), " + ", length.value(),
                                            " bytes leaves the area at ", Format(area), " of ",
                                            area_size.value(), " bytes"));
}

absl::Status PointerMisaligned(PercpuPtr ptr, Bytes width) {
  return absl::InvalidArgumentError(absl::StrCat("pointer: ", Format(ptr), " is not a multiple of ",
                                                 width.value(), ", the width"));
}

absl::Status CpuOutOfReach(CpuId cpu) {
  return absl::FailedPreconditionError(absl::StrCat(
      "unit: is updated on CPU ", cpu.value(), " only, where the daemon may not run just now"));
}

absl::Status ChunkNotFound(ChunkId chunk) {
  return absl::NotFoundError(absl::StrCat("chunk_id: there is no chunk ", chunk.value()));
}

absl::Status RoleTooLow(absl::string_view rpc, absl::string_view needed, absl::string_view role) {
  return absl::PermissionDeniedError(
      absl::StrCat(rpc, ": needs the role ", needed, "; the caller is ", role));
}

absl::Status TokenUnknown() {
  return absl::UnauthenticatedError("token: stands for no session (it ended, or never was)");
}

absl::Status NoCall() {
  return absl::InvalidArgumentError("call: none is set, or one unknown here");
}

absl::Status NeedsSession(absl::string_view rpc) {
  return absl::FailedPreconditionError(
      absl::StrCat(rpc, ": needs a session, and the call has none"));
}

absl::Status SessionEnded(std::uint64_t session) {
  return absl::UnauthenticatedError(absl::StrCat("session: ", session, " has ended"));
}

absl::Status SessionNotFound(std::uint64_t session) {
  return absl::NotFoundError(absl::StrCat("session: there is no session ", session));
}

absl::Status NotYourSession(std::uint64_t session) {
  return absl::PermissionDeniedError(
      absl::StrCat("session: ", session, " is another's; an operator may end it"));
}

absl::Status NotOwner(PercpuPtr ptr, std::uint64_t owner) {
  return absl::PermissionDeniedError(
      absl::StrCat("pointer: the area at ", Format(ptr), " is session ", owner, "'s"));
}

absl::Status OwnedByNobody(PercpuPtr ptr) {
  return absl::PermissionDeniedError(absl::StrCat("pointer: the area at ", Format(ptr),
                                                  " is no session's; an operator may free it"));
}

absl::Status NotMaker(absl::string_view variable, std::uint32_t maker) {
  // The kernel's own "no such user": it was made by a caller without a uid.
  if (maker == std::numeric_limits<std::uint32_t>::max()) {
    return absl::PermissionDeniedError(
        absl::StrCat("name: ", variable,
                     " was made by a caller unknown to the kernel; an operator may remove it"));
  }
  return absl::PermissionDeniedError(
      absl::StrCat("name: ", variable, " was made by uid ", maker, ", who may remove it"));
}

absl::Status BadName(absl::string_view name, std::uint64_t limit) {
  return absl::InvalidArgumentError(absl::StrCat("name: \"", absl::CHexEscape(name.substr(0, 64)),
                                                 "\" is not 1..", limit,
                                                 " letters, digits and ._-/:"));
}

absl::Status AreaIsVariable(PercpuPtr ptr, absl::string_view name) {
  return absl::FailedPreconditionError(absl::StrCat(
      "pointer: the area at ", Format(ptr), " is the variable ", name, "; remove it by its name"));
}

absl::Status VariableExists(absl::string_view name) {
  return absl::AlreadyExistsError(absl::StrCat("name: there is a variable ", name));
}

absl::Status TooManyVariables(std::uint64_t limit) {
  return absl::ResourceExhaustedError(
      absl::StrCat("name: there are ", limit, " variables, the limit"));
}

absl::Status VariableNotFound(absl::string_view name) {
  return absl::NotFoundError(
      absl::StrCat("name: there is no variable ", absl::CHexEscape(name.substr(0, 128))));
}

absl::Status VariableDiffers(absl::string_view name, absl::string_view type, Bytes size,
                             absl::string_view wanted_type, Bytes wanted_size) {
  return absl::FailedPreconditionError(absl::StrCat("name: ", name, " is a ", type, " of ",
                                                    size.value(), " bytes, not a ", wanted_type,
                                                    " of ", wanted_size.value()));
}

absl::Status QuotaExceeded(absl::string_view holder, absl::string_view quota, std::uint64_t use,
                           std::uint64_t request, std::uint64_t limit) {
  return absl::ResourceExhaustedError(absl::StrCat("quota: ", holder, " uses ", use, " of ", limit,
                                                   " ", quota, " and asks for ", request, " more"));
}

absl::Status TooManyHandshakes(std::uint64_t limit) {
  return absl::ResourceExhaustedError(
      absl::StrCat("door: ", limit, " connections have not said hello, the limit"));
}

absl::Status HandoffVersion(std::uint32_t version, std::uint32_t spoken) {
  return absl::FailedPreconditionError(
      absl::StrCat("door: the client speaks version ", version, ", this daemon ", spoken));
}

absl::Status TooManySessions(absl::string_view holder, std::uint64_t limit) {
  return absl::ResourceExhaustedError(
      absl::StrCat("quota: ", holder, " has ", limit, " sessions, the limit"));
}

absl::Status TooManyRemoteSessions(absl::string_view opener, std::uint64_t limit) {
  return absl::ResourceExhaustedError(absl::StrCat("quotas.remote_sessions_per_opener: ", opener,
                                                   " has ", limit, " remote sessions, the limit"));
}

absl::Status LeaseNotFound(ChunkId chunk) {
  return absl::NotFoundError(absl::StrCat("chunk_id: chunk ", chunk.value(), " is not leased"));
}

absl::Status NotLeaseholder(ChunkId chunk, std::uint64_t holder) {
  return absl::PermissionDeniedError(absl::StrCat(
      "chunk_id: chunk ", chunk.value(), " is leased to ",
      holder == 0 ? std::string("nobody just now") : absl::StrCat("session ", holder)));
}

absl::Status LeaseHeld(absl::string_view name, std::uint64_t holder) {
  return absl::FailedPreconditionError(
      absl::StrCat("name: the lease ", name, " is held by session ", holder));
}

absl::Status NoSpaceWithoutGrowing(Bytes size, Bytes alignment) {
  return absl::ResourceExhaustedError(absl::StrCat("no_grow: no populated free run of ",
                                                   size.value(), " bytes aligned to ",
                                                   alignment.value(), " in any chunk"));
}

absl::Status NoReservedSpace(Bytes size, Bytes alignment) {
  return absl::ResourceExhaustedError(absl::StrCat("region: no free run of ", size.value(),
                                                   " bytes aligned to ", alignment.value(),
                                                   " in the reserved part, which never grows"));
}

absl::Status NoReservedRegion() {
  return absl::FailedPreconditionError(
      "region: this daemon has no reserved part (reserved_size is 0)");
}

absl::Status NoContiguousBlock(Order order, Pages free_pages) {
  return absl::ResourceExhaustedError(absl::StrCat(
      "arena: no free block of order ", int{order.value()}, " (", BlockPages(order).value(),
      " contiguous pages); ", free_pages.value(), " pages are free in smaller ones"));
}

absl::Status BlockNotFree(PageId page, Order order) {
  return absl::ResourceExhaustedError(absl::StrCat(
      "arena: no free block of order ", int{order.value()}, " begins at page ", page.value()));
}

absl::Status PopulateFailed(Bytes offset, Bytes length, int error_number) {
  return absl::ResourceExhaustedError(absl::StrCat("arena: the system would not back ",
                                                   length.value(), " bytes at offset ",
                                                   offset.value(), ": ", ErrnoText(error_number)));
}

absl::Status MetadataExhausted(absl::string_view what) {
  return absl::ResourceExhaustedError(absl::StrCat("daemon: out of memory for ", what));
}

absl::Status CatalogFull(Bytes size, absl::string_view why) {
  return absl::ResourceExhaustedError(
      absl::StrCat("catalog: cannot grow beyond ", Format(size), ": ", why));
}

absl::Status CatalogInUse(absl::string_view path) {
  return absl::FailedPreconditionError(
      absl::StrCat("catalog: ", path, " is kept by another daemon"));
}

absl::Status CatalogDamaged(absl::string_view path, absl::string_view why) {
  return absl::DataLossError(absl::StrCat("catalog: ", path, " is damaged: ", why));
}

absl::Status CatalogFailed(absl::string_view operation, absl::string_view why) {
  return absl::InternalError(absl::StrCat("catalog: ", operation, ": ", why));
}

absl::Status NotRestorable(absl::string_view what, absl::string_view why) {
  return absl::DataLossError(absl::StrCat("catalog: ", what, " ", why));
}

absl::Status AnswerForgotten(std::uint64_t request) {
  return absl::AbortedError(
      absl::StrCat("request_id: ", request, " is so old that its answer is forgotten"));
}

absl::Status RequestDiffers() {
  return absl::InvalidArgumentError("request_id: was the number of another request before");
}

absl::Status RequestUnderWay(std::uint64_t request) {
  return absl::UnavailableError(
      absl::StrCat("request_id: ", request, " is being served; ask again for its answer"));
}

absl::Status ResumeRefused(absl::string_view why) {
  return absl::NotFoundError(absl::StrCat("door: the session cannot be resumed: ", why));
}

absl::Status BadConfig(absl::string_view field, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", why));
}

absl::Status KmNeedsOneGroup(std::uint32_t groups) {
  return absl::FailedPreconditionError(absl::StrCat(
      "backend: km takes one contiguous block per chunk and cannot serve more than one group; ",
      "this topology has ", groups, " (one per NUMA node)"));
}

absl::Status OsRefused(absl::string_view operation, absl::string_view object, int error_number) {
  return absl::ErrnoToStatus(error_number, absl::StrCat(operation, " ", object));
}

absl::Status AddressInUse(absl::string_view address) {
  return absl::FailedPreconditionError(
      absl::StrCat("listen: ", address, " is served by another daemon"));
}

absl::Status NoHugePages(Bytes page_size, std::uint64_t wanted) {
  return absl::FailedPreconditionError(
      absl::StrCat("page_size: the system has no free page of ", Format(page_size),
                   "; `sysctl vm.nr_hugepages=", wanted, "` makes enough for arena_size"));
}

absl::Status NoTransparentHugePages(absl::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat("transparent_huge_pages: ", why));
}

absl::Status BlockNotGranted(PageId page, Order order) {
  return absl::InternalError(absl::StrCat("arena: page ", page.value(),
                                          " heads no granted block of order ", int{order.value()}));
}

}  // namespace percpud::errors
