// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The one catalogue of errors: a named function per refusal. Each message
// names the field, the value and the limit, and each refusal leaves the
// daemon's state as it was. Each status carries a reason (error_reason.h), whose
// name is the function's. Codes follow google.rpc.Code; server/service turns them
// into gRPC statuses in one place. The sources are in errors/, one per section.

#ifndef PERCPUD_SERVER_BASE_ERRORS_H_
#define PERCPUD_SERVER_BASE_ERRORS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/base/error_reason.h"
#include "server/base/units.h"

namespace percpud::errors {

// --- Requests ------------------------------------------------------------------
absl::Status SizeIsZero();
// `whole` names the thing that has the limit's size: "a whole unit".
absl::Status SizeOverLimit(Bytes size, Bytes limit, absl::string_view whole);
absl::Status AlignmentNotPowerOfTwo(Bytes alignment);
absl::Status AlignmentOverLimit(Bytes alignment, Bytes limit);
absl::Status AlignmentOverSkew(Bytes alignment, Bytes skew);
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
absl::Status ChannelzNotFound();
absl::Status ServiceUnknown(absl::string_view service);
absl::Status TooManyWatchers(std::uint32_t limit);
// One peer has too many, over all its connections.
absl::Status TooManyCalls(std::uint32_t limit);
absl::Status TooManyStreams(std::uint32_t limit);
// The call waited for a place for its answer, and found none.
absl::Status TooManyUnread(Bytes limit);

// --- Pointers ------------------------------------------------------------------
absl::Status PointerOutsideArena(PercpuPtr ptr, Bytes arena_size);
absl::Status PointerInNoChunk(PercpuPtr ptr);
absl::Status PointerNotInUnitZero(PercpuPtr ptr, UnitId unit);
// A double free, or a pointer that was never granted.
absl::Status AreaNotLive(PercpuPtr ptr, ChunkId chunk);
absl::Status PointerInsideArea(PercpuPtr ptr, PercpuPtr area, Bytes area_size);
absl::Status PointerIsStatic(PercpuPtr ptr, absl::string_view variable);
// Null, the guard behind it, and static bytes of no variable are nobody's.
absl::Status PointerInNoVariable(PercpuPtr ptr);
absl::Status DuplicateInBatch(PercpuPtr ptr);
absl::Status UnitIsGhost(UnitId unit);
absl::Status UnitOutOfRange(UnitId unit, std::uint32_t units);
absl::Status RangeLeavesArea(PercpuPtr ptr, Bytes length, PercpuPtr area, Bytes area_size);
absl::Status PointerMisaligned(PercpuPtr ptr, Bytes width);
// A unit that only its CPU may update, and this process may not run there.
absl::Status CpuOutOfReach(CpuId cpu);
// A process that maps the arena took the page away, and the system has no other.
absl::Status MemoryTaken(PercpuPtr ptr);
absl::Status ChunkNotFound(ChunkId chunk);
absl::Status LeaseNotFound(ChunkId chunk);
// Another session has the lease; 0 for a kept one that nobody holds just now.
absl::Status NotLeaseholder(ChunkId chunk, std::uint64_t holder);
absl::Status LeaseHeld(absl::string_view name, std::uint64_t holder);

// --- Callers -------------------------------------------------------------------
absl::Status RoleTooLow(absl::string_view rpc, absl::string_view needed, absl::string_view role);
absl::Status TokenUnknown();
// A stream message without a call; a call that needs a session without one.
absl::Status NoCall();
absl::Status NeedsSession(absl::string_view rpc);
absl::Status SessionEnded(std::uint64_t session);
absl::Status NotYourSession(std::uint64_t session);
absl::Status SessionNotFound(std::uint64_t session);
// The area belongs to the session `owner`.
absl::Status NotOwner(PercpuPtr ptr, std::uint64_t owner);
// The area belongs to no session.
absl::Status OwnedByNobody(PercpuPtr ptr);
// The area was made without a session, by `maker`: "uid 1000" or a host.
absl::Status OwnedByMaker(PercpuPtr ptr, absl::string_view maker);
// The area was a removed variable's. Sessions may still write to it.
absl::Status AreaIsQuarantined(PercpuPtr ptr);
// The taker is a session of another user, and has not asked for the areas.
absl::Status HandOverNotAccepted(std::uint64_t session);
// A thing that outlives its session has to belong to a user.
absl::Status NeedsUser(absl::string_view what);
absl::Status NotMaker(absl::string_view variable, std::uint32_t maker);
absl::Status BadName(absl::string_view name, std::uint64_t limit);
absl::Status AreaIsVariable(PercpuPtr ptr, absl::string_view name);
absl::Status VariableExists(absl::string_view name);
absl::Status SizeUnfitForType(absl::string_view type, Bytes size, bool is_row);
absl::Status AlignmentUnfitForType(absl::string_view type, Bytes alignment);
absl::Status TooManyVariables(std::uint64_t limit);
absl::Status VariableNotFound(absl::string_view name);
absl::Status VariableIsOpen(absl::string_view name, std::uint64_t sessions);
absl::Status VariableDiffers(absl::string_view name, absl::string_view type, Bytes size,
                             absl::string_view wanted_type, Bytes wanted_size);
// `holder`: "session 7", "uid 1000" or "the daemon".
absl::Status QuotaExceeded(absl::string_view holder, absl::string_view quota, std::uint64_t use,
                           std::uint64_t request, std::uint64_t limit);
// At the side door. These two pass: the peer comes again.
absl::Status TooManyHandshakes(std::uint64_t limit);
// The daemon is short of descriptors or memory just now.
absl::Status DoorShort(int error_number);
absl::Status HandoffVersion(std::uint32_t version, std::uint32_t spoken);
// In the side door's lane: a message that breaks its rules, a kind of request that this
// daemon does not know.
absl::Status LaneMalformed();
absl::Status LaneKindUnknown(std::uint32_t kind);
absl::Status TooManySessions(absl::string_view holder, std::uint64_t limit);
absl::Status TooManyRemoteSessions(absl::string_view opener, std::uint64_t limit);

// --- The gateway ---------------------------------------------------------------
// A caller other than the gateway says on whose behalf it calls; the gateway does not.
absl::Status OnlyTheGateway(absl::string_view key);
absl::Status PeerNotNamed(absl::string_view value);
// `most`: what a peer of this listener may be.
absl::Status NotOverTcp(absl::string_view rpc, absl::string_view needed, absl::string_view most);
absl::Status MethodUnknown(absl::string_view path);
absl::Status CompressionRefused();
absl::Status MessageOverLimit(Bytes length, Bytes limit);
absl::Status HeadersOverLimit(Bytes limit);
// `what`: "calls" or "connections".
absl::Status GatewayFull(absl::string_view what, std::uint32_t limit_per_host, std::uint32_t limit);
// More frames of a kind than any client sends that means well.
absl::Status Flooded(absl::string_view peer);
// These two pass: the gateway has no connection to percpud just now; percpud ended a call
// without an answer.
absl::Status DaemonAway();
absl::Status CallCut();

// --- Metrics -------------------------------------------------------------------
absl::Status BadNamespace(absl::string_view name, std::uint64_t limit);
absl::Status BadFamilyName(absl::string_view name, std::uint64_t limit);
// The daemon's own names, and those of processes.
absl::Status FamilyNameReserved(absl::string_view name);
// `sample` is what both families would show.
absl::Status FamilyNameTaken(absl::string_view name, absl::string_view sample,
                             absl::string_view by);
absl::Status BadLabelName(absl::string_view family, absl::string_view label, absl::string_view why);
absl::Status TooManyLabels(absl::string_view family, std::uint64_t labels, std::uint64_t limit);
absl::Status LabelValuesMismatch(absl::string_view family, std::uint64_t values,
                                 std::uint64_t labels);
// `field` says which text: "help", "label path". `why` completes "it <why>".
absl::Status BadText(absl::string_view family, absl::string_view field, absl::string_view why);
absl::Status TextOverLimit(absl::string_view family, absl::string_view field, std::uint64_t bytes,
                           std::uint64_t limit);
absl::Status BadBounds(absl::string_view family, absl::string_view why);
absl::Status CellsUnfitForFamily(absl::string_view family, absl::string_view why);
// `shape` and `wanted` are in words.
absl::Status FamilyDiffers(absl::string_view family, absl::string_view shape,
                           absl::string_view wanted);
absl::Status NamespaceNotFound(absl::string_view name);
absl::Status FamilyNotFound(absl::string_view name);
absl::Status SeriesNotFound(absl::string_view family);
absl::Status WriterNotFound(std::uint64_t writer);
absl::Status WriterNeedsSession();
absl::Status NotNamespaceOwner(absl::string_view name, absl::string_view owner);

// --- Exhaustion ----------------------------------------------------------------
absl::Status NoSpaceWithoutGrowing(Bytes size, Bytes alignment);
absl::Status NoReservedSpace(Bytes size, Bytes alignment);
absl::Status NoReservedRegion();
absl::Status NoContiguousBlock(Order order, Pages free_pages);
// `wanted` bytes in one piece are not free; `free_pages` are in smaller ones.
absl::Status ArenaFull(Bytes wanted, Bytes arena_size, Pages free_pages);
absl::Status BlockNotFree(PageId page, Order order);
absl::Status PopulateFailed(Bytes offset, Bytes length, int error_number);
absl::Status MetadataExhausted(absl::string_view what);

// The catalog in the directory `path` cannot grow beyond `size`.
absl::Status CatalogFull(absl::string_view path, Bytes size, absl::string_view why);

// `needed` bytes do not fit the file system of `directory`.
absl::Status FileSystemFull(absl::string_view directory, Bytes needed, Bytes free);
// The control group `group` of `limit` bytes has `left` of them, and `what` needs more.
absl::Status OverMemoryLimit(absl::string_view what, Bytes needed, Bytes left, Bytes limit,
                             absl::string_view group);

// --- Restart -------------------------------------------------------------------
absl::Status CatalogInUse(absl::string_view path);
absl::Status ArenaInUse(absl::string_view path);
// The system did not let the catalog be read. That says nothing of its content.
absl::Status CatalogUnreadable(absl::string_view path, absl::string_view why);
absl::Status CatalogDamaged(absl::string_view path, absl::string_view why);
absl::Status CatalogFailed(absl::string_view operation, absl::string_view why);
// An area, chunk or lease of the catalog that cannot be where it says.
absl::Status NotRestorable(absl::string_view what, absl::string_view why);
// A request that came again: too late, or too soon.
absl::Status AnswerForgotten(std::uint64_t request);
// The same number with other contents.
absl::Status RequestDiffers();
absl::Status RequestUnderWay(std::uint64_t request);
absl::Status ResumeRefused(absl::string_view why);

// --- Start-up ------------------------------------------------------------------
// A field of the configuration or its flag; `why` completes "<field> <why>".
absl::Status BadConfig(absl::string_view field, absl::string_view why);
absl::Status KmNeedsOneGroup(std::uint32_t groups);
absl::Status OsRefused(absl::string_view operation, absl::string_view object, int error_number);
absl::Status AddressInUse(absl::string_view address);
// `sysctl` mends it once `wanted` huge pages are asked of the system.
absl::Status NoHugePages(Bytes page_size, std::uint64_t wanted);
// The service manager would not keep the arena's descriptor.
absl::Status StoreRefused();
absl::Status NoProc();
// The system lets the daemon have `found` of the `needed` threads.
absl::Status TooFewTasks(std::uint64_t needed, std::uint64_t found);
// gRPC was refused a thread, and does not keep time without it.
absl::Status NoAlarms();
// `why` ends with the command that mends it, if there is one.
absl::Status NoTransparentHugePages(absl::string_view why);
// TCP is asked for, and the program at `path` that serves it cannot be run.
absl::Status NoGateway(absl::string_view path, int error_number);

// --- Our own bugs ----------------------------------------------------------------
absl::Status BlockNotGranted(PageId page, Order order);

// --- What leaves the host --------------------------------------------------------
// `field` is that of the rules.
absl::Status NotExported(absl::string_view field, absl::string_view what);

}  // namespace percpud::errors

#endif  // PERCPUD_SERVER_BASE_ERRORS_H_
