// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/errors.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <vector>

namespace percpud {
namespace {

using absl::StatusCode;

// An error, its code, and what a reader must find in its message: the field
// first, then the value and the limit.
struct Case {
  absl::Status status;
  StatusCode code;
  std::vector<std::string> parts;
};

class ErrorsTest : public ::testing::TestWithParam<Case> {};

TEST_P(ErrorsTest, HasItsCodeAndNamesFieldValueAndLimit) {
  const Case& error = GetParam();
  EXPECT_EQ(error.status.code(), error.code) << error.status;
  std::size_t at = 0;
  for (const std::string& part : error.parts) {
    const std::size_t found = error.status.message().find(part, at);
    ASSERT_NE(found, error.status.message().npos) << part << " in: " << error.status;
    if (at == 0) EXPECT_EQ(found, 0u) << error.status;
    at = found + part.size();
  }
}

TEST_P(ErrorsTest, HasAReasonOfTheCatalogue) {
  const absl::string_view reason = errors::ReasonOf(GetParam().status);
  EXPECT_FALSE(reason.empty()) << GetParam().status;
}

const PercpuPtr kPtr(0x1a40);
const PercpuPtr kArea(0x1a00);

INSTANTIATE_TEST_SUITE_P(
    Metrics, ErrorsTest,
    ::testing::Values(
        Case{errors::BadNamespace("a\n", 255),
             StatusCode::kInvalidArgument,
             {"namespace:", "a\\n", "255"}},
        Case{
            errors::BadFamilyName("9x", 200), StatusCode::kInvalidArgument, {"name:", "9x", "200"}},
        Case{errors::FamilyNameReserved("process_x"),
             StatusCode::kInvalidArgument,
             {"name:", "process_x", "percpud_"}},
        Case{errors::FamilyNameTaken("x_sum", "x_sum", "x"),
             StatusCode::kFailedPrecondition,
             {"name:", "x_sum", "family x"}},
        Case{errors::BadLabelName("x", "le", "is kept"),
             StatusCode::kInvalidArgument,
             {"labels:", "le", "x", "is kept"}},
        Case{errors::TooManyLabels("x", 40, 32),
             StatusCode::kInvalidArgument,
             {"labels:", "x", "40", "32"}},
        Case{errors::LabelValuesMismatch("x", 1, 2),
             StatusCode::kInvalidArgument,
             {"values:", "1", "2", "x"}},
        Case{errors::BadText("x", "help", "is no UTF-8"),
             StatusCode::kInvalidArgument,
             {"help:", "x", "UTF-8"}},
        Case{errors::TextOverLimit("x", "help", 9, 8),
             StatusCode::kInvalidArgument,
             {"help:", "9", "x", "8"}},
        Case{errors::BadBounds("x", "do not rise"),
             StatusCode::kInvalidArgument,
             {"bounds:", "x", "do not rise"}},
        Case{errors::CellsUnfitForFamily("x", "are of no kind"),
             StatusCode::kInvalidArgument,
             {"cells:", "x", "are of no kind"}},
        Case{errors::FamilyDiffers("x", "counter", "gauge"),
             StatusCode::kFailedPrecondition,
             {"name:", "x", "counter", "gauge"}},
        Case{errors::NamespaceNotFound("shop"), StatusCode::kNotFound, {"namespace:", "shop"}},
        Case{errors::FamilyNotFound("x"), StatusCode::kNotFound, {"family:", "x"}},
        Case{errors::SeriesNotFound("x"), StatusCode::kNotFound, {"values:", "x"}},
        Case{errors::WriterNotFound(7), StatusCode::kNotFound, {"writer:", "7"}},
        Case{errors::NotNamespaceOwner("shop", "uid 7"),
             StatusCode::kPermissionDenied,
             {"namespace:", "shop", "uid 7"}}));

INSTANTIATE_TEST_SUITE_P(
    Requests, ErrorsTest,
    ::testing::Values(
        Case{errors::SizeIsZero(), StatusCode::kInvalidArgument, {"sizes:", "0"}},
        Case{errors::SizeOverLimit(Bytes(9), Bytes(8), "a unit"),
             StatusCode::kInvalidArgument,
             {"sizes:", "9", "8", "a unit"}},
        Case{errors::AlignmentNotPowerOfTwo(Bytes(3)),
             StatusCode::kInvalidArgument,
             {"alignments:", "3", "power of two"}},
        Case{errors::AlignmentOverLimit(Bytes(8192), Bytes(4096)),
             StatusCode::kInvalidArgument,
             {"alignments:", "8192", "4096"}},
        Case{errors::LaneMalformed(), StatusCode::kInvalidArgument, {"lane:", "malformed"}},
        Case{errors::LaneKindUnknown(31), StatusCode::kUnimplemented, {"kind:", "31"}},
        Case{errors::TooManyRemoteSessions("uid 7", 3),
             StatusCode::kResourceExhausted,
             {"quotas.remote_sessions_per_opener:", "uid 7", "3"}},
        Case{
            errors::NotMaker("hits", 7), StatusCode::kPermissionDenied, {"name:", "hits", "uid 7"}},
        Case{errors::OwnedByMaker(kArea, "uid 7"),
             StatusCode::kPermissionDenied,
             {"pointer:", "0x1a00", "uid 7"}},
        Case{errors::AreaIsQuarantined(kArea),
             StatusCode::kFailedPrecondition,
             {"pointer:", "0x1a00", "quarantine"}},
        Case{errors::HandOverNotAccepted(9), StatusCode::kPermissionDenied, {"session:", "9"}},
        Case{errors::NeedsUser("a kept lease"),
             StatusCode::kPermissionDenied,
             {"name:", "a kept lease", "user"}},
        Case{errors::VariableIsOpen("hits", 2),
             StatusCode::kFailedPrecondition,
             {"name:", "hits", "2 sessions", "force"}},
        Case{errors::NotMaker("hits", 0xffffffff),
             StatusCode::kPermissionDenied,
             {"name:", "hits", "unknown to the kernel"}},
        Case{errors::AlignmentOverSkew(Bytes(128), Bytes(64)),
             StatusCode::kInvalidArgument,
             {"alignments:", "128", "64", "unit_skew"}},
        Case{errors::BatchIsEmpty("pointers"), StatusCode::kInvalidArgument, {"pointers:"}},
        Case{errors::BatchOverLimit("sizes", 5, 4),
             StatusCode::kInvalidArgument,
             {"sizes:", "5", "4"}},
        Case{errors::AlignmentCountMismatch(2, 3),
             StatusCode::kInvalidArgument,
             {"alignments:", "2", "3"}},
        Case{errors::TagOverLimit(129, 128), StatusCode::kInvalidArgument, {"tag:", "129", "128"}},
        Case{errors::TagNotText(), StatusCode::kInvalidArgument, {"tag:"}},
        Case{errors::SizeUnfitForType("counter", Bytes(12), false),
             StatusCode::kInvalidArgument,
             {"size:", "counter", " 8 ", "12"}},
        Case{errors::SizeUnfitForType("histogram", Bytes(5), true),
             StatusCode::kInvalidArgument,
             {"size:", "histogram", "a multiple of 8", "5"}},
        Case{errors::AlignmentUnfitForType("gauge", Bytes(4)),
             StatusCode::kInvalidArgument,
             {"alignment:", "gauge", "8 or more", "4"}},
        Case{errors::TooManyTags(7), StatusCode::kResourceExhausted, {"tag:", "7"}},
        Case{errors::UnknownEnum("region", 9), StatusCode::kInvalidArgument, {"region:", "9"}},
        Case{errors::FieldOutOfRange("page_size", -1, 0, 1000),
             StatusCode::kInvalidArgument,
             {"page_size:", "-1", "0..1000"}},
        Case{errors::BadPageToken(std::string("x\n\0y", 4)),
             StatusCode::kInvalidArgument,
             {"page_token:", "x\\n\\x00y"}},
        Case{errors::TransferOverLimit(Bytes(9), Bytes(8)),
             StatusCode::kInvalidArgument,
             {"length:", "9", "8"}},
        Case{errors::TooManyWatchers(64), StatusCode::kResourceExhausted, {"watch:", "64"}},
        Case{errors::TooManyCalls(64), StatusCode::kResourceExhausted, {"calls:", "64"}},
        Case{errors::TooManyStreams(64), StatusCode::kResourceExhausted, {"watch:", "64"}},
        Case{errors::TooManyUnread(Bytes(16 << 20)),
             StatusCode::kResourceExhausted,
             {"answers:", "16MiB"}},
        Case{errors::ChannelzNotFound(), StatusCode::kNotFound, {"channelz:"}},
        Case{errors::ServiceUnknown("a\033b"), StatusCode::kNotFound, {"service:", "a\\x1b"}}));

INSTANTIATE_TEST_SUITE_P(
    Pointers, ErrorsTest,
    ::testing::Values(
        Case{errors::PointerOutsideArena(kPtr, Bytes(4096)),
             StatusCode::kOutOfRange,
             {"pointer:", "0x1a40", "4096"}},
        Case{errors::PointerInNoChunk(kPtr), StatusCode::kNotFound, {"pointer:", "0x1a40"}},
        Case{errors::PointerNotInUnitZero(kPtr, UnitId(3)),
             StatusCode::kInvalidArgument,
             {"pointer:", "0x1a40", "3"}},
        Case{errors::AreaNotLive(kPtr, ChunkId(2)),
             StatusCode::kNotFound,
             {"pointer:", "0x1a40", "2"}},
        Case{errors::PointerInsideArea(kPtr, kArea, Bytes(128)),
             StatusCode::kInvalidArgument,
             {"pointer:", "0x1a40", "0x1a00", "128"}},
        Case{errors::PointerIsStatic(kPtr, "requests"),
             StatusCode::kFailedPrecondition,
             {"pointer:", "0x1a40", "requests"}},
        Case{errors::PointerInNoVariable(PercpuPtr(0)),
             StatusCode::kInvalidArgument,
             {"pointer:", "0 is null"}},
        Case{errors::PointerInNoVariable(PercpuPtr(8)),
             StatusCode::kNotFound,
             {"pointer:", "0x8", "static part"}},
        Case{errors::MemoryTaken(kPtr), StatusCode::kDataLoss, {"pointer:", "0x1a40", "taken"}},
        Case{errors::DuplicateInBatch(kPtr), StatusCode::kInvalidArgument, {"pointers:", "0x1a40"}},
        Case{errors::UnitIsGhost(UnitId(7)), StatusCode::kOutOfRange, {"unit:", "7", "ghost"}},
        Case{errors::UnitOutOfRange(UnitId(4), 4), StatusCode::kOutOfRange, {"unit:", "4", "4"}},
        Case{errors::RangeLeavesArea(kPtr, Bytes(99), kArea, Bytes(128)),
             StatusCode::kOutOfRange,
             {"pointer:", "0x1a40", "99", "0x1a00", "128"}},
        Case{errors::PointerMisaligned(kPtr, Bytes(8)),
             StatusCode::kInvalidArgument,
             {"pointer:", "0x1a40", "8"}},
        Case{errors::ChunkNotFound(ChunkId(5)), StatusCode::kNotFound, {"chunk_id:", "5"}}));

INSTANTIATE_TEST_SUITE_P(
    Exhaustion, ErrorsTest,
    ::testing::Values(Case{errors::NoSpaceWithoutGrowing(Bytes(64), Bytes(8)),
                           StatusCode::kResourceExhausted,
                           {"no_grow:", "64", "8"}},
                      Case{errors::NoReservedSpace(Bytes(64), Bytes(8)),
                           StatusCode::kResourceExhausted,
                           {"region:", "64", "8"}},
                      Case{
                          errors::NoReservedRegion(), StatusCode::kFailedPrecondition, {"region:"}},
                      Case{errors::NoContiguousBlock(Order(8), Pages(300)),
                           StatusCode::kResourceExhausted,
                           {"arena:", "8", "256", "300"}},
                      Case{errors::ArenaFull(Bytes(1 << 20), Bytes(64 << 20), Pages(300)),
                           StatusCode::kResourceExhausted,
                           {"arena is full:", "1MiB", "64MiB", "arena_size", "300"}},
                      Case{errors::PopulateFailed(Bytes(4096), Bytes(8192), ENOMEM),
                           StatusCode::kResourceExhausted,
                           {"arena:", "8192", "4096", "Cannot allocate memory"}},
                      Case{errors::MetadataExhausted("area maps"),
                           StatusCode::kResourceExhausted,
                           {"daemon:", "area maps"}}));

INSTANTIATE_TEST_SUITE_P(StartUp, ErrorsTest,
                         ::testing::Values(Case{errors::BadConfig("arena_size", "is odd"),
                                                StatusCode::kInvalidArgument,
                                                {"arena_size:", "is odd"}},
                                           Case{errors::KmNeedsOneGroup(2),
                                                StatusCode::kFailedPrecondition,
                                                {"backend: km", "2"}},
                                           Case{errors::OsRefused("bind", "/run/s", EACCES),
                                                StatusCode::kPermissionDenied,
                                                {"bind", "/run/s"}},
                                           Case{errors::AddressInUse("unix:/run/s"),
                                                StatusCode::kFailedPrecondition,
                                                {"listen:", "unix:/run/s"}},
                                           Case{
                                               errors::NoHugePages(Bytes(2 << 20), 32),
                                               StatusCode::kFailedPrecondition,
                                               {"page_size:", "2MiB", "sysctl vm.nr_hugepages=32"}},
                                           Case{errors::NoTransparentHugePages("why; `how`"),
                                                StatusCode::kFailedPrecondition,
                                                {"transparent_huge_pages:", "why", "`how`"}},
                                           Case{errors::BlockNotGranted(PageId(64), Order(3)),
                                                StatusCode::kInternal,
                                                {"arena:", "64", "3"}}));

INSTANTIATE_TEST_SUITE_P(Export, ErrorsTest,
                         ::testing::Values(Case{
                             errors::NotExported("export.families", "shop\n/hits"),
                             StatusCode::kPermissionDenied,
                             {"export.families:", "shop\\n/hits"}}));

INSTANTIATE_TEST_SUITE_P(
    Restart, ErrorsTest,
    ::testing::Values(
        Case{errors::BlockNotFree(PageId(64), Order(3)),
             StatusCode::kResourceExhausted,
             {"arena:", "3", "64"}},
        Case{errors::CatalogFull("/run/c", Bytes(8 << 20), "no space"),
             StatusCode::kResourceExhausted,
             {"catalog:", "/run/c", "8MiB", "no space"}},
        Case{errors::CatalogInUse("/run/c"),
             StatusCode::kFailedPrecondition,
             {"catalog:", "/run/c"}},
        Case{errors::FileSystemFull("/run", Bytes(72 << 20), Bytes(4 << 20)),
             StatusCode::kResourceExhausted,
             {"arena:", "/run", "4MiB", "72MiB"}},
        Case{errors::OverMemoryLimit("the first chunk", Bytes(8 << 20), Bytes(4 << 20),
                                     Bytes(64 << 20), "/sys/fs/cgroup/x"),
             StatusCode::kResourceExhausted,
             {"arena:", "the first chunk", "8MiB", "/sys/fs/cgroup/x", "64MiB", "4MiB"}},
        Case{errors::ArenaInUse("/run/a"), StatusCode::kFailedPrecondition, {"arena:", "/run/a"}},
        Case{errors::CatalogUnreadable("/run/c", "Permission denied"),
             StatusCode::kUnavailable,
             {"catalog:", "/run/c", "Permission denied"}},
        Case{errors::NoProc(), StatusCode::kFailedPrecondition, {"door:", "/proc"}},
        Case{errors::TooFewTasks(32, 7),
             StatusCode::kResourceExhausted,
             {"tasks:", "32", "7", "TasksMax="}},
        Case{errors::NoAlarms(), StatusCode::kResourceExhausted, {"tasks:", "gRPC", "TasksMax="}},
        Case{errors::DoorShort(EMFILE), StatusCode::kUnavailable, {"door:", "Too many open files"}},
        Case{errors::StoreRefused(),
             StatusCode::kFailedPrecondition,
             {"catalog:", "FileDescriptorStoreMax="}},
        Case{errors::CatalogDamaged("/run/c", "cut"),
             StatusCode::kDataLoss,
             {"catalog:", "/run/c", "cut"}},
        Case{errors::CatalogFailed("commit", "bad"),
             StatusCode::kInternal,
             {"catalog:", "commit", "bad"}},
        Case{errors::NotRestorable("chunk 7", "overlaps"),
             StatusCode::kDataLoss,
             {"catalog:", "chunk 7", "overlaps"}},
        Case{errors::AnswerForgotten(9), StatusCode::kAborted, {"request_id:", "9"}},
        Case{errors::RequestDiffers(), StatusCode::kInvalidArgument, {"request_id:"}},
        Case{errors::RequestUnderWay(9), StatusCode::kUnavailable, {"request_id:", "9"}},
        Case{errors::ResumeRefused("it has ended"),
             StatusCode::kNotFound,
             {"door:", "it has ended"}}));

}  // namespace
}  // namespace percpud
