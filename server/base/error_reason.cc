// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/error_reason.h"

#include <cassert>
#include <cstddef>
#include <iterator>
#include <utility>

#include "absl/strings/cord.h"

namespace percpud::errors {
namespace {

// Names the payload inside a status. It holds the reason's name, so that a printed
// status shows it.
constexpr char kPayloadUrl[] = "percpud.reason";

struct Row {
  Reason reason;
  absl::string_view name;
};
constexpr Row kNames[] = {
    {Reason::kSizeIsZero, "SIZE_IS_ZERO"},
    {Reason::kSizeOverLimit, "SIZE_OVER_LIMIT"},
    {Reason::kAlignmentNotPowerOfTwo, "ALIGNMENT_NOT_POWER_OF_TWO"},
    {Reason::kAlignmentOverLimit, "ALIGNMENT_OVER_LIMIT"},
    {Reason::kAlignmentOverSkew, "ALIGNMENT_OVER_SKEW"},
    {Reason::kBatchIsEmpty, "BATCH_IS_EMPTY"},
    {Reason::kBatchOverLimit, "BATCH_OVER_LIMIT"},
    {Reason::kAlignmentCountMismatch, "ALIGNMENT_COUNT_MISMATCH"},
    {Reason::kTagOverLimit, "TAG_OVER_LIMIT"},
    {Reason::kTagNotText, "TAG_NOT_TEXT"},
    {Reason::kTooManyTags, "TOO_MANY_TAGS"},
    {Reason::kUnknownEnum, "UNKNOWN_ENUM"},
    {Reason::kFieldOutOfRange, "FIELD_OUT_OF_RANGE"},
    {Reason::kBadPageToken, "BAD_PAGE_TOKEN"},
    {Reason::kTransferOverLimit, "TRANSFER_OVER_LIMIT"},
    {Reason::kChannelzNotFound, "CHANNELZ_NOT_FOUND"},
    {Reason::kServiceUnknown, "SERVICE_UNKNOWN"},
    {Reason::kTooManyWatchers, "TOO_MANY_WATCHERS"},
    {Reason::kTooManyCalls, "TOO_MANY_CALLS"},
    {Reason::kTooManyStreams, "TOO_MANY_STREAMS"},
    {Reason::kTooManyUnread, "TOO_MANY_UNREAD"},
    {Reason::kPointerOutsideArena, "POINTER_OUTSIDE_ARENA"},
    {Reason::kPointerInNoChunk, "POINTER_IN_NO_CHUNK"},
    {Reason::kPointerNotInUnitZero, "POINTER_NOT_IN_UNIT_ZERO"},
    {Reason::kAreaNotLive, "AREA_NOT_LIVE"},
    {Reason::kPointerInsideArea, "POINTER_INSIDE_AREA"},
    {Reason::kPointerIsStatic, "POINTER_IS_STATIC"},
    {Reason::kPointerInNoVariable, "POINTER_IN_NO_VARIABLE"},
    {Reason::kDuplicateInBatch, "DUPLICATE_IN_BATCH"},
    {Reason::kUnitIsGhost, "UNIT_IS_GHOST"},
    {Reason::kUnitOutOfRange, "UNIT_OUT_OF_RANGE"},
    {Reason::kRangeLeavesArea, "RANGE_LEAVES_AREA"},
    {Reason::kPointerMisaligned, "POINTER_MISALIGNED"},
    {Reason::kCpuOutOfReach, "CPU_OUT_OF_REACH"},
    {Reason::kMemoryTaken, "MEMORY_TAKEN"},
    {Reason::kChunkNotFound, "CHUNK_NOT_FOUND"},
    {Reason::kLeaseNotFound, "LEASE_NOT_FOUND"},
    {Reason::kNotLeaseholder, "NOT_LEASEHOLDER"},
    {Reason::kLeaseHeld, "LEASE_HELD"},
    {Reason::kRoleTooLow, "ROLE_TOO_LOW"},
    {Reason::kTokenUnknown, "TOKEN_UNKNOWN"},
    {Reason::kNoCall, "NO_CALL"},
    {Reason::kNeedsSession, "NEEDS_SESSION"},
    {Reason::kSessionEnded, "SESSION_ENDED"},
    {Reason::kNotYourSession, "NOT_YOUR_SESSION"},
    {Reason::kSessionNotFound, "SESSION_NOT_FOUND"},
    {Reason::kNotOwner, "NOT_OWNER"},
    {Reason::kOwnedByNobody, "OWNED_BY_NOBODY"},
    {Reason::kOwnedByMaker, "OWNED_BY_MAKER"},
    {Reason::kAreaIsQuarantined, "AREA_IS_QUARANTINED"},
    {Reason::kHandOverNotAccepted, "HAND_OVER_NOT_ACCEPTED"},
    {Reason::kNeedsUser, "NEEDS_USER"},
    {Reason::kNotMaker, "NOT_MAKER"},
    {Reason::kBadName, "BAD_NAME"},
    {Reason::kAreaIsVariable, "AREA_IS_VARIABLE"},
    {Reason::kVariableExists, "VARIABLE_EXISTS"},
    {Reason::kTooManyVariables, "TOO_MANY_VARIABLES"},
    {Reason::kVariableNotFound, "VARIABLE_NOT_FOUND"},
    {Reason::kVariableIsOpen, "VARIABLE_IS_OPEN"},
    {Reason::kVariableDiffers, "VARIABLE_DIFFERS"},
    {Reason::kSizeUnfitForType, "SIZE_UNFIT_FOR_TYPE"},
    {Reason::kAlignmentUnfitForType, "ALIGNMENT_UNFIT_FOR_TYPE"},
    {Reason::kQuotaExceeded, "QUOTA_EXCEEDED"},
    {Reason::kTooManyHandshakes, "TOO_MANY_HANDSHAKES"},
    {Reason::kDoorShort, "DOOR_SHORT"},
    {Reason::kHandoffVersion, "HANDOFF_VERSION"},
    {Reason::kLaneMalformed, "LANE_MALFORMED"},
    {Reason::kLaneKindUnknown, "LANE_KIND_UNKNOWN"},
    {Reason::kTooManySessions, "TOO_MANY_SESSIONS"},
    {Reason::kTooManyRemoteSessions, "TOO_MANY_REMOTE_SESSIONS"},
    {Reason::kOnlyTheGateway, "ONLY_THE_GATEWAY"},
    {Reason::kPeerNotNamed, "PEER_NOT_NAMED"},
    {Reason::kNotOverTcp, "NOT_OVER_TCP"},
    {Reason::kMethodUnknown, "METHOD_UNKNOWN"},
    {Reason::kCompressionRefused, "COMPRESSION_REFUSED"},
    {Reason::kMessageOverLimit, "MESSAGE_OVER_LIMIT"},
    {Reason::kHeadersOverLimit, "HEADERS_OVER_LIMIT"},
    {Reason::kGatewayFull, "GATEWAY_FULL"},
    {Reason::kFlooded, "FLOODED"},
    {Reason::kDaemonAway, "DAEMON_AWAY"},
    {Reason::kCallCut, "CALL_CUT"},
    {Reason::kBadNamespace, "BAD_NAMESPACE"},
    {Reason::kBadFamilyName, "BAD_FAMILY_NAME"},
    {Reason::kFamilyNameReserved, "FAMILY_NAME_RESERVED"},
    {Reason::kFamilyNameTaken, "FAMILY_NAME_TAKEN"},
    {Reason::kBadLabelName, "BAD_LABEL_NAME"},
    {Reason::kTooManyLabels, "TOO_MANY_LABELS"},
    {Reason::kLabelValuesMismatch, "LABEL_VALUES_MISMATCH"},
    {Reason::kBadText, "BAD_TEXT"},
    {Reason::kTextOverLimit, "TEXT_OVER_LIMIT"},
    {Reason::kBadBounds, "BAD_BOUNDS"},
    {Reason::kCellsUnfitForFamily, "CELLS_UNFIT_FOR_FAMILY"},
    {Reason::kFamilyDiffers, "FAMILY_DIFFERS"},
    {Reason::kNamespaceNotFound, "NAMESPACE_NOT_FOUND"},
    {Reason::kFamilyNotFound, "FAMILY_NOT_FOUND"},
    {Reason::kSeriesNotFound, "SERIES_NOT_FOUND"},
    {Reason::kWriterNotFound, "WRITER_NOT_FOUND"},
    {Reason::kWriterNeedsSession, "WRITER_NEEDS_SESSION"},
    {Reason::kNotNamespaceOwner, "NOT_NAMESPACE_OWNER"},
    {Reason::kNoSpaceWithoutGrowing, "NO_SPACE_WITHOUT_GROWING"},
    {Reason::kNoReservedSpace, "NO_RESERVED_SPACE"},
    {Reason::kNoReservedRegion, "NO_RESERVED_REGION"},
    {Reason::kNoContiguousBlock, "NO_CONTIGUOUS_BLOCK"},
    {Reason::kArenaFull, "ARENA_FULL"},
    {Reason::kBlockNotFree, "BLOCK_NOT_FREE"},
    {Reason::kPopulateFailed, "POPULATE_FAILED"},
    {Reason::kMetadataExhausted, "METADATA_EXHAUSTED"},
    {Reason::kCatalogFull, "CATALOG_FULL"},
    {Reason::kFileSystemFull, "FILE_SYSTEM_FULL"},
    {Reason::kOverMemoryLimit, "OVER_MEMORY_LIMIT"},
    {Reason::kCatalogInUse, "CATALOG_IN_USE"},
    {Reason::kArenaInUse, "ARENA_IN_USE"},
    {Reason::kCatalogUnreadable, "CATALOG_UNREADABLE"},
    {Reason::kCatalogDamaged, "CATALOG_DAMAGED"},
    {Reason::kCatalogFailed, "CATALOG_FAILED"},
    {Reason::kNotRestorable, "NOT_RESTORABLE"},
    {Reason::kAnswerForgotten, "ANSWER_FORGOTTEN"},
    {Reason::kRequestDiffers, "REQUEST_DIFFERS"},
    {Reason::kRequestUnderWay, "REQUEST_UNDER_WAY"},
    {Reason::kResumeRefused, "RESUME_REFUSED"},
    {Reason::kBadConfig, "BAD_CONFIG"},
    {Reason::kKmNeedsOneGroup, "KM_NEEDS_ONE_GROUP"},
    {Reason::kOsRefused, "OS_REFUSED"},
    {Reason::kAddressInUse, "ADDRESS_IN_USE"},
    {Reason::kNoHugePages, "NO_HUGE_PAGES"},
    {Reason::kStoreRefused, "STORE_REFUSED"},
    {Reason::kNoProc, "NO_PROC"},
    {Reason::kTooFewTasks, "TOO_FEW_TASKS"},
    {Reason::kNoTransparentHugePages, "NO_TRANSPARENT_HUGE_PAGES"},
    {Reason::kNoGateway, "NO_GATEWAY"},
    {Reason::kBlockNotGranted, "BLOCK_NOT_GRANTED"},
    {Reason::kNotExported, "NOT_EXPORTED"},
};

// A look-up is by position.
constexpr bool IsInOrder() {
  std::size_t number = 0;
  for (const Row& row : kNames) {
    if (static_cast<std::size_t>(row.reason) != number++) return false;
  }
  return true;
}
static_assert(IsInOrder());
static_assert(std::size(kNames) == static_cast<std::size_t>(Reason::kNotExported) + 1);

}  // namespace

absl::string_view Name(Reason reason) {
  const auto number = static_cast<std::size_t>(reason);
  return number < std::size(kNames) ? kNames[number].name : "";
}

absl::Status WithReason(absl::Status status, Reason reason) {
  assert(!status.ok());
  status.SetPayload(kPayloadUrl, absl::Cord(Name(reason)));
  return status;
}

absl::string_view ReasonOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kPayloadUrl);
  if (!payload) return "";
  for (std::uint16_t number = 0;; ++number) {
    const absl::string_view name = Name(static_cast<Reason>(number));
    if (name.empty() || name == *payload) return name;
  }
}

}  // namespace percpud::errors
