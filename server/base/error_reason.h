// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The stable name of each refusal in the catalogue (errors.h). Programs decide by
// the name; people read the message, whose words may change.

#ifndef PERCPUD_SERVER_BASE_ERROR_REASON_H_
#define PERCPUD_SERVER_BASE_ERROR_REASON_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace percpud::errors {

// One per function of errors.h, in its order. The numbers never leave the process.
enum class Reason : std::uint16_t {
  // Requests.
  kSizeIsZero,
  kSizeOverLimit,
  kAlignmentNotPowerOfTwo,
  kAlignmentOverLimit,
  kAlignmentOverSkew,
  kBatchIsEmpty,
  kBatchOverLimit,
  kAlignmentCountMismatch,
  kTagOverLimit,
  kTagNotText,
  kTooManyTags,
  kUnknownEnum,
  kFieldOutOfRange,
  kBadPageToken,
  kTransferOverLimit,
  kChannelzNotFound,
  kServiceUnknown,
  kTooManyWatchers,
  kTooManyCalls,
  kTooManyStreams,
  kTooManyUnread,
  // Pointers.
  kPointerOutsideArena,
  kPointerInNoChunk,
  kPointerNotInUnitZero,
  kAreaNotLive,
  kPointerInsideArea,
  kPointerIsStatic,
  kPointerInNoVariable,
  kDuplicateInBatch,
  kUnitIsGhost,
  kUnitOutOfRange,
  kRangeLeavesArea,
  kPointerMisaligned,
  kCpuOutOfReach,
  kMemoryTaken,
  kChunkNotFound,
  kLeaseNotFound,
  kNotLeaseholder,
  kLeaseHeld,
  // Callers.
  kRoleTooLow,
  kTokenUnknown,
  kNoCall,
  kNeedsSession,
  kSessionEnded,
  kNotYourSession,
  kSessionNotFound,
  kNotOwner,
  kOwnedByNobody,
  kOwnedByMaker,
  kAreaIsQuarantined,
  kHandOverNotAccepted,
  kNeedsUser,
  kNotMaker,
  kBadName,
  kAreaIsVariable,
  kVariableExists,
  kTooManyVariables,
  kVariableNotFound,
  kVariableIsOpen,
  kVariableDiffers,
  kSizeUnfitForType,
  kAlignmentUnfitForType,
  kQuotaExceeded,
  kTooManyHandshakes,
  kDoorShort,
  kHandoffVersion,
  kLaneMalformed,
  kLaneKindUnknown,
  kTooManySessions,
  kTooManyRemoteSessions,
  // The gateway.
  kOnlyTheGateway,
  kPeerNotNamed,
  kNotOverTcp,
  kMethodUnknown,
  kCompressionRefused,
  kMessageOverLimit,
  kHeadersOverLimit,
  kGatewayFull,
  kFlooded,
  kDaemonAway,
  kCallCut,
  // Metrics.
  kBadNamespace,
  kBadFamilyName,
  kFamilyNameReserved,
  kFamilyNameTaken,
  kBadLabelName,
  kTooManyLabels,
  kLabelValuesMismatch,
  kBadText,
  kTextOverLimit,
  kBadBounds,
  kCellsUnfitForFamily,
  kFamilyDiffers,
  kNamespaceNotFound,
  kFamilyNotFound,
  kSeriesNotFound,
  kWriterNotFound,
  kWriterNeedsSession,
  kNotNamespaceOwner,
  // Exhaustion.
  kNoSpaceWithoutGrowing,
  kNoReservedSpace,
  kNoReservedRegion,
  kNoContiguousBlock,
  kArenaFull,
  kBlockNotFree,
  kPopulateFailed,
  kMetadataExhausted,
  kCatalogFull,
  kFileSystemFull,
  kOverMemoryLimit,
  // Restart.
  kCatalogInUse,
  kArenaInUse,
  kCatalogUnreadable,
  kCatalogDamaged,
  kCatalogFailed,
  kNotRestorable,
  kAnswerForgotten,
  kRequestDiffers,
  kRequestUnderWay,
  kResumeRefused,
  // Start-up.
  kBadConfig,
  kKmNeedsOneGroup,
  kOsRefused,
  kAddressInUse,
  kNoHugePages,
  kStoreRefused,
  kNoProc,
  kTooFewTasks,
  kNoTransparentHugePages,
  kNoGateway,
  // Our own bugs.
  kBlockNotGranted,
  // What leaves the host.
  kNotExported,
};

// "SIZE_IS_ZERO". The name belongs to the wire contract and never changes.
absl::string_view Name(Reason reason);

// Returns `status` with its reason. REQUIRES: `status` is not OK.
absl::Status WithReason(absl::Status status, Reason reason);

// Returns the Name() of the reason that `status` carries; empty for OK and for statuses
// from outside the catalogue, which carry none. The text is static.
absl::string_view ReasonOf(const absl::Status& status);

}  // namespace percpud::errors

#endif  // PERCPUD_SERVER_BASE_ERROR_REASON_H_
