// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/error_reason.h"

#include <cassert>
#include <utility>

#include "absl/strings/cord.h"

namespace percpud::errors {
namespace {

// Names the payload inside a status. It holds the reason's name, so that a printed
// status shows it.
constexpr char kPayloadUrl[] = "percpud.reason";

}  // namespace

absl::string_view Name(Reason reason) {
  switch (reason) {
    case Reason::kSizeIsZero:
      return "SIZE_IS_ZERO";
    case Reason::kSizeOverLimit:
      return "SIZE_OVER_LIMIT";
    case Reason::kAlignmentNotPowerOfTwo:
      return "ALIGNMENT_NOT_POWER_OF_TWO";
    case Reason::kAlignmentOverLimit:
      return "ALIGNMENT_OVER_LIMIT";
    case Reason::kAlignmentOverSkew:
      return "ALIGNMENT_OVER_SKEW";
    case Reason::kBatchIsEmpty:
      return "BATCH_IS_EMPTY";
    case Reason::kBatchOverLimit:
      return "BATCH_OVER_LIMIT";
    case Reason::kAlignmentCountMismatch:
      return "ALIGNMENT_COUNT_MISMATCH";
    case Reason::kTagOverLimit:
      return "TAG_OVER_LIMIT";
    case Reason::kTagNotText:
      return "TAG_NOT_TEXT";
    case Reason::kTooManyTags:
      return "TOO_MANY_TAGS";
    case Reason::kUnknownEnum:
      return "UNKNOWN_ENUM";
    case Reason::kFieldOutOfRange:
      return "FIELD_OUT_OF_RANGE";
    case Reason::kBadPageToken:
      return "BAD_PAGE_TOKEN";
    case Reason::kTransferOverLimit:
      return "TRANSFER_OVER_LIMIT";
    case Reason::kChannelzNotFound:
      return "CHANNELZ_NOT_FOUND";
    case Reason::kServiceUnknown:
      return "SERVICE_UNKNOWN";
    case Reason::kTooManyWatchers:
      return "TOO_MANY_WATCHERS";
    case Reason::kTooManyCalls:
      return "TOO_MANY_CALLS";
    case Reason::kTooManyStreams:
      return "TOO_MANY_STREAMS";
    case Reason::kPointerOutsideArena:
      return "POINTER_OUTSIDE_ARENA";
    case Reason::kPointerInNoChunk:
      return "POINTER_IN_NO_CHUNK";
    case Reason::kPointerNotInUnitZero:
      return "POINTER_NOT_IN_UNIT_ZERO";
    case Reason::kAreaNotLive:
      return "AREA_NOT_LIVE";
    case Reason::kPointerInsideArea:
      return "POINTER_INSIDE_AREA";
    case Reason::kPointerIsStatic:
      return "POINTER_IS_STATIC";
    case Reason::kPointerInNoVariable:
      return "POINTER_IN_NO_VARIABLE";
    case Reason::kDuplicateInBatch:
      return "DUPLICATE_IN_BATCH";
    case Reason::kUnitIsGhost:
      return "UNIT_IS_GHOST";
    case Reason::kUnitOutOfRange:
      return "UNIT_OUT_OF_RANGE";
    case Reason::kRangeLeavesArea:
      return "RANGE_LEAVES_AREA";
    case Reason::kPointerMisaligned:
      return "POINTER_MISALIGNED";
    case Reason::kCpuOutOfReach:
      return "CPU_OUT_OF_REACH";
    case Reason::kMemoryTaken:
      return "MEMORY_TAKEN";
    case Reason::kChunkNotFound:
      return "CHUNK_NOT_FOUND";
    case Reason::kLeaseNotFound:
      return "LEASE_NOT_FOUND";
    case Reason::kNotLeaseholder:
      return "NOT_LEASEHOLDER";
    case Reason::kLeaseHeld:
      return "LEASE_HELD";
    case Reason::kRoleTooLow:
      return "ROLE_TOO_LOW";
    case Reason::kTokenUnknown:
      return "TOKEN_UNKNOWN";
    case Reason::kNoCall:
      return "NO_CALL";
    case Reason::kNeedsSession:
      return "NEEDS_SESSION";
    case Reason::kSessionEnded:
      return "SESSION_ENDED";
    case Reason::kNotYourSession:
      return "NOT_YOUR_SESSION";
    case Reason::kSessionNotFound:
      return "SESSION_NOT_FOUND";
    case Reason::kNotOwner:
      return "NOT_OWNER";
    case Reason::kOwnedByNobody:
      return "OWNED_BY_NOBODY";
    case Reason::kOwnedByMaker:
      return "OWNED_BY_MAKER";
    case Reason::kAreaIsQuarantined:
      return "AREA_IS_QUARANTINED";
    case Reason::kHandOverNotAccepted:
      return "HAND_OVER_NOT_ACCEPTED";
    case Reason::kNeedsUser:
      return "NEEDS_USER";
    case Reason::kNotMaker:
      return "NOT_MAKER";
    case Reason::kBadName:
      return "BAD_NAME";
    case Reason::kAreaIsVariable:
      return "AREA_IS_VARIABLE";
    case Reason::kVariableExists:
      return "VARIABLE_EXISTS";
    case Reason::kTooManyVariables:
      return "TOO_MANY_VARIABLES";
    case Reason::kVariableNotFound:
      return "VARIABLE_NOT_FOUND";
    case Reason::kVariableIsOpen:
      return "VARIABLE_IS_OPEN";
    case Reason::kVariableDiffers:
      return "VARIABLE_DIFFERS";
    case Reason::kSizeUnfitForType:
      return "SIZE_UNFIT_FOR_TYPE";
    case Reason::kAlignmentUnfitForType:
      return "ALIGNMENT_UNFIT_FOR_TYPE";
    case Reason::kQuotaExceeded:
      return "QUOTA_EXCEEDED";
    case Reason::kTooManyHandshakes:
      return "TOO_MANY_HANDSHAKES";
    case Reason::kDoorShort:
      return "DOOR_SHORT";
    case Reason::kHandoffVersion:
      return "HANDOFF_VERSION";
    case Reason::kLaneMalformed:
      return "LANE_MALFORMED";
    case Reason::kLaneKindUnknown:
      return "LANE_KIND_UNKNOWN";
    case Reason::kTooManySessions:
      return "TOO_MANY_SESSIONS";
    case Reason::kTooManyRemoteSessions:
      return "TOO_MANY_REMOTE_SESSIONS";
    case Reason::kNoSpaceWithoutGrowing:
      return "NO_SPACE_WITHOUT_GROWING";
    case Reason::kNoReservedSpace:
      return "NO_RESERVED_SPACE";
    case Reason::kNoReservedRegion:
      return "NO_RESERVED_REGION";
    case Reason::kNoContiguousBlock:
      return "NO_CONTIGUOUS_BLOCK";
    case Reason::kArenaFull:
      return "ARENA_FULL";
    case Reason::kBlockNotFree:
      return "BLOCK_NOT_FREE";
    case Reason::kPopulateFailed:
      return "POPULATE_FAILED";
    case Reason::kMetadataExhausted:
      return "METADATA_EXHAUSTED";
    case Reason::kCatalogFull:
      return "CATALOG_FULL";
    case Reason::kFileSystemFull:
      return "FILE_SYSTEM_FULL";
    case Reason::kOverMemoryLimit:
      return "OVER_MEMORY_LIMIT";
    case Reason::kCatalogInUse:
      return "CATALOG_IN_USE";
    case Reason::kArenaInUse:
      return "ARENA_IN_USE";
    case Reason::kCatalogUnreadable:
      return "CATALOG_UNREADABLE";
    case Reason::kCatalogDamaged:
      return "CATALOG_DAMAGED";
    case Reason::kCatalogFailed:
      return "CATALOG_FAILED";
    case Reason::kNotRestorable:
      return "NOT_RESTORABLE";
    case Reason::kAnswerForgotten:
      return "ANSWER_FORGOTTEN";
    case Reason::kRequestDiffers:
      return "REQUEST_DIFFERS";
    case Reason::kRequestUnderWay:
      return "REQUEST_UNDER_WAY";
    case Reason::kResumeRefused:
      return "RESUME_REFUSED";
    case Reason::kBadConfig:
      return "BAD_CONFIG";
    case Reason::kKmNeedsOneGroup:
      return "KM_NEEDS_ONE_GROUP";
    case Reason::kOsRefused:
      return "OS_REFUSED";
    case Reason::kAddressInUse:
      return "ADDRESS_IN_USE";
    case Reason::kNoHugePages:
      return "NO_HUGE_PAGES";
    case Reason::kStoreRefused:
      return "STORE_REFUSED";
    case Reason::kNoProc:
      return "NO_PROC";
    case Reason::kTooFewTasks:
      return "TOO_FEW_TASKS";
    case Reason::kNoTransparentHugePages:
      return "NO_TRANSPARENT_HUGE_PAGES";
    case Reason::kBlockNotGranted:
      return "BLOCK_NOT_GRANTED";
  }
  return "";
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
