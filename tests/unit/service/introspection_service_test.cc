// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "server/base/clock.h"
#include "server/percpu/introspect/inspector.h"
#include "tests/unit/service/introspection_rig.h"

namespace percpud {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class IntrospectionServiceTest : public testing::IntrospectionTest {};

using Stub = v1::IntrospectionService::Stub;

// A server stream under way.
struct Watching {
  explicit Watching(Stub& stub, const v1::WatchRequest& request = {}) {
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(30)));
    reader = stub.Watch(&context, request);
  }
  ~Watching() {
    context.TryCancel();
    if (!finished) Finish();
  }

  bool Read() { return reader->Read(&response); }
  grpc::Status Finish() {
    finished = true;
    while (Read()) {
    }
    return reader->Finish();
  }

  grpc::ClientContext context;
  std::unique_ptr<grpc::ClientReader<v1::WatchResponse>> reader;
  v1::WatchResponse response;
  bool finished = false;
};

v1::WatchRequest Every(std::int64_t seconds, std::int32_t nanos) {
  v1::WatchRequest request;
  request.mutable_interval()->set_seconds(seconds);
  request.mutable_interval()->set_nanos(nanos);
  return request;
}

TEST_F(IntrospectionServiceTest, AllocInfoNamesLayoutAndWaste) {
  v1::GetAllocInfoResponse response;
  ASSERT_TRUE(Call(&Stub::GetAllocInfo, v1::GetAllocInfoRequest(), &response).ok());
  const v1::AllocInfo& info = response.alloc_info();
  EXPECT_EQ(info.backend(), "km");
  EXPECT_EQ(info.static_size_bytes() + info.reserved_size_bytes() + info.dyn_size_bytes(),
            info.unit_size_bytes());
  EXPECT_EQ(info.units(), 4U);
  EXPECT_EQ(info.cpus(), 4U);
  EXPECT_EQ(info.pages_per_chunk(), 64U);
  EXPECT_EQ(info.block_pages(), info.pages_per_chunk() + info.wasted_pages());
  EXPECT_EQ(info.arena_size_bytes(), kArenaSize.value());
  EXPECT_EQ(info.max_alloc_size_bytes(), info.unit_size_bytes());
}

// A client of the version before calls lists by their former names, with the same
// bytes on the wire.
TEST_F(IntrospectionServiceTest, FormerNamesOfListsAreServed) {
  v1::ListUnitsResponse units;
  v1::ListUnitsResponse unit_map;
  ASSERT_TRUE(Call(&Stub::ListUnits, v1::ListUnitsRequest(), &units).ok());
  ASSERT_TRUE(Call(&Stub::GetUnitMap, v1::ListUnitsRequest(), &unit_map).ok());
  EXPECT_EQ(units.units_size(), 4);
  EXPECT_EQ(unit_map.SerializeAsString(), units.SerializeAsString());

  v1::ListAreasRequest request;
  request.set_chunk_id(Index::kFirstId.value());
  v1::ListAreasResponse areas;
  v1::ListAreasResponse area_map;
  ASSERT_TRUE(Call(&Stub::ListAreas, request, &areas).ok());
  ASSERT_TRUE(Call(&Stub::GetAreaMap, request, &area_map).ok());
  EXPECT_EQ(areas.chunk().chunk_id(), Index::kFirstId.value());
  EXPECT_EQ(area_map.SerializeAsString(), areas.SerializeAsString());

  v1::ListLeaseAreasRequest no_lease;
  no_lease.set_chunk_id(Index::kFirstId.value());
  v1::ListLeaseAreasResponse response;
  const grpc::Status status = Call(&Stub::GetLease, no_lease, &response);
  EXPECT_EQ(status.error_code(), grpc::NOT_FOUND);
  EXPECT_EQ(status.error_message(),
            Call(&Stub::ListLeaseAreas, no_lease, &response).error_message());
}

TEST_F(IntrospectionServiceTest, GroupsAndUnitsCoverTheCpus) {
  v1::ListGroupsResponse groups;
  ASSERT_TRUE(Call(&Stub::ListGroups, v1::ListGroupsRequest(), &groups).ok());
  ASSERT_THAT(groups.groups(), SizeIs(1));
  EXPECT_THAT(groups.groups(0).cpus(), SizeIs(4));
  std::vector<std::uint64_t> offsets;
  const int pages = CollectPages<v1::ListUnitsRequest, v1::ListUnitsResponse>(
      &Stub::ListUnits, {}, 3, [&](const v1::ListUnitsResponse& page) {
        for (const v1::Unit& unit : page.units()) {
          EXPECT_EQ(unit.unit(), offsets.size());
          EXPECT_EQ(unit.cpu(), offsets.size());
          offsets.push_back(unit.offset());
        }
      });
  EXPECT_EQ(pages, 2);
  EXPECT_THAT(offsets, ::testing::ElementsAre(0, 65536, 131072, 196608));
}

TEST_F(IntrospectionServiceTest, ChunksComeInPagesById) {
  Grant(Bytes(60 << 10));
  Grant(Bytes(60 << 10));
  std::vector<std::uint32_t> ids;
  const int pages = CollectPages<v1::ListChunksRequest, v1::ListChunksResponse>(
      &Stub::ListChunks, {}, 2, [&](const v1::ListChunksResponse& page) {
        for (const v1::Chunk& chunk : page.chunks()) ids.push_back(chunk.chunk_id());
      });
  // The first chunk's two parts, and two more.
  EXPECT_THAT(ids, SizeIs(4));
  EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
  EXPECT_EQ(pages, 2);
}

TEST_F(IntrospectionServiceTest, AreaMapShowsEveryAreaAndTheSharesOfItsCells) {
  const PercpuPtr first = Grant(Bytes(4096), Bytes(4096), "one");
  Grant(Bytes(2048), kDefaultAlign, "two");
  Grant(Bytes(4), kDefaultAlign, "three");
  v1::ListAreasRequest request;
  request.set_chunk_id(Inspector(*allocator_).Resolve(first)->chunk.value());
  std::vector<std::string> tags;
  v1::ListAreasResponse last;
  const int pages = CollectPages<v1::ListAreasRequest, v1::ListAreasResponse>(
      &Stub::ListAreas, request, 2, [&](const v1::ListAreasResponse& page) {
        for (const v1::Area& area : page.areas()) tags.push_back(area.tag());
        last = page;
      });
  EXPECT_EQ(pages, 2);
  EXPECT_THAT(tags, ::testing::UnorderedElementsAre("one", "two", "three"));
  EXPECT_EQ(last.begin_offset(), 4096U + 8192U);
  EXPECT_EQ(last.end_offset(), 65536U);
  EXPECT_LE(last.occupancy().size(), 256U);
  EXPECT_GE(last.occupancy().size() * last.cell_bytes(), last.end_offset() - last.begin_offset());
  // Whole cells are full, the cell of four bytes is not empty, the rest is.
  const std::uint64_t offset = first.value() - last.begin_offset();
  EXPECT_EQ(last.occupancy()[offset / last.cell_bytes() + 1], '\xff');
  EXPECT_EQ(last.occupancy().back(), '\0');
  std::uint64_t shown = 0;
  for (const char cell : last.occupancy()) shown += static_cast<unsigned char>(cell);
  EXPECT_NEAR(static_cast<double>(shown * last.cell_bytes()) / 255, 4096 + 2048 + 4, 256);
}

TEST_F(IntrospectionServiceTest, AFullChunkIsFullInEveryCell) {
  const PercpuPtr area = Grant(Bytes(64 << 10));
  v1::ListAreasRequest request;
  request.set_chunk_id(Inspector(*allocator_).Resolve(area)->chunk.value());
  v1::ListAreasResponse response;
  ASSERT_TRUE(Call(&Stub::ListAreas, request, &response).ok());
  EXPECT_THAT(response.occupancy(), SizeIs(256));
  EXPECT_THAT(response.occupancy(), Each('\xff'));
}

TEST_F(IntrospectionServiceTest, CheckSaysWhatItWalkedAndWhatItFound) {
  const PercpuPtr area = Grant(Bytes(64));
  v1::CheckResponse response;
  ASSERT_TRUE(Call(&Stub::Check, v1::CheckRequest(), &response).ok());
  ASSERT_THAT(response.parts(), SizeIs(2));
  EXPECT_EQ(response.parts(0).part(), "allocator");
  EXPECT_EQ(response.parts(0).areas(), 1U);
  EXPECT_EQ(response.parts(0).problem(), "");
  EXPECT_EQ(response.parts(1).part(), "sessions");
  // Made without a session, it is its maker's.
  EXPECT_EQ(response.parts(1).areas(), 1U);

  const auto session = sessions_->Open({.kind = SessionKind::kRemote});
  const Caller owner{.role = Role::kClient, .session = session->id};
  const AreaSpec spec{.size = Bytes(24)};
  PercpuPtr owned;
  ASSERT_TRUE(
      sessions_->areas().AllocBatch(owner, std::span(&spec, 1), {}, std::span(&owned, 1)).ok());
  ASSERT_TRUE(allocator_->FreeBatch(std::vector{owned, area}).ok());
  ASSERT_TRUE(Call(&Stub::Check, v1::CheckRequest(), &response).ok());
  EXPECT_EQ(response.parts(0).problem(), "");
  EXPECT_THAT(response.parts(1).problem(), HasSubstr("no area of 24 bytes"));
}

TEST_F(IntrospectionServiceTest, CheckIsForOperators) {
  callers_->SetRules({.remote = Role::kClient});
  v1::CheckResponse response;
  EXPECT_EQ(Call(&Stub::Check, v1::CheckRequest(), &response).error_code(),
            grpc::PERMISSION_DENIED);
  EXPECT_THAT(response.parts(), SizeIs(0));
}

TEST_F(IntrospectionServiceTest, SlotsStatsAndBuddyAgree) {
  Grant(Bytes(60 << 10));
  v1::ListSlotsResponse slots;
  ASSERT_TRUE(Call(&Stub::ListSlots, v1::ListSlotsRequest(), &slots).ok());
  int chunks = 0;
  for (const v1::Slot& slot : slots.slots()) chunks += slot.chunk_ids_size();
  EXPECT_EQ(chunks, 2);
  EXPECT_EQ(slots.slots(0).kind(), v1::SLOT_KIND_FULL);
  v1::GetStatsResponse stats;
  ASSERT_TRUE(Call(&Stub::GetStats, v1::GetStatsRequest(), &stats).ok());
  EXPECT_EQ(stats.stats().nr_chunks(), 2U);
  EXPECT_EQ(stats.stats().live_bytes(), 60U << 10);
  v1::GetBuddyInfoResponse buddy;
  ASSERT_TRUE(Call(&Stub::GetBuddyInfo, v1::GetBuddyInfoRequest(), &buddy).ok());
  std::uint64_t free = 0;
  for (int order = 0; order < buddy.free_blocks_size(); ++order) {
    free += buddy.free_blocks(order) << order;
  }
  EXPECT_EQ(free, buddy.free_pages());
  EXPECT_EQ(buddy.total_pages() - buddy.free_pages(), 2U * 64U);
}

TEST_F(IntrospectionServiceTest, ResolveNamesTheOwnerOfAnyByteOfAnyUnit) {
  const PercpuPtr area = Grant(Bytes(64), kDefaultAlign, "mine");
  v1::ResolveRequest request;
  request.set_pointer(area.value() + (3 << 16) + 10);
  v1::ResolveResponse response;
  ASSERT_TRUE(Call(&Stub::Resolve, request, &response).ok());
  EXPECT_EQ(response.owner(), v1::OWNER_AREA);
  EXPECT_EQ(response.unit(), 3U);
  EXPECT_EQ(response.cpu(), 3U);
  EXPECT_EQ(response.offset_in_area(), 10U);
  EXPECT_EQ(response.area().pointer(), area.value());
  EXPECT_EQ(response.area().tag(), "mine");
  request.set_pointer(8);
  ASSERT_TRUE(Call(&Stub::Resolve, request, &response).ok());
  EXPECT_EQ(response.owner(), v1::OWNER_STATIC);
  request.set_pointer(kArenaSize.value() - 1);
  ASSERT_TRUE(Call(&Stub::Resolve, request, &response).ok());
  EXPECT_EQ(response.owner(), v1::OWNER_NONE);
  EXPECT_FALSE(response.has_cpu());
}

TEST_F(IntrospectionServiceTest, EstimateForeseesWhatAllocDoes) {
  v1::EstimateAllocRequest request;
  request.set_size_bytes(64 << 10);
  v1::EstimateAllocResponse response;
  ASSERT_TRUE(Call(&Stub::EstimateAlloc, request, &response).ok());
  EXPECT_TRUE(response.possible());
  EXPECT_TRUE(response.would_grow());
  EXPECT_EQ(response.new_chunk_pages(), 64U);
  EXPECT_FALSE(response.has_chunk_id());
  request.set_size_bytes(6);
  ASSERT_TRUE(Call(&Stub::EstimateAlloc, request, &response).ok());
  EXPECT_FALSE(response.would_grow());
  EXPECT_EQ(response.rounded_size_bytes(), 8U);
  EXPECT_EQ(response.wasted_bytes(), 4U * 2U);
  EXPECT_EQ(Inspector(*allocator_).GetStats().nr_alloc, 0U);
}

TEST_F(IntrospectionServiceTest, EveryBadRequestIsRefusedByName) {
  const auto expect = [](const grpc::Status& status, grpc::StatusCode code,
                         const std::string& names) {
    EXPECT_EQ(status.error_code(), code) << status.error_message();
    EXPECT_THAT(status.error_message(), HasSubstr(names));
  };
  v1::ListChunksRequest chunks;
  v1::ListChunksResponse chunks_out;
  chunks.set_page_size(-1);
  expect(Call(&Stub::ListChunks, chunks, &chunks_out), grpc::INVALID_ARGUMENT, "page_size: -1");
  v1::ListGroupsRequest groups;
  v1::ListGroupsResponse groups_out;
  groups.set_page_token("chunks.1");
  expect(Call(&Stub::ListGroups, groups, &groups_out), grpc::INVALID_ARGUMENT, "page_token");
  v1::ListAreasRequest map;
  v1::ListAreasResponse map_out;
  map.set_chunk_id(~0U);
  expect(Call(&Stub::ListAreas, map, &map_out), grpc::NOT_FOUND, "4294967295");
  map.set_page_token("chunks.1");
  expect(Call(&Stub::ListAreas, map, &map_out), grpc::INVALID_ARGUMENT, "page_token");
  v1::ResolveRequest resolve;
  v1::ResolveResponse resolve_out;
  resolve.set_pointer(~std::uint64_t{0});
  expect(Call(&Stub::Resolve, resolve, &resolve_out), grpc::OUT_OF_RANGE, "pointer");
  v1::EstimateAllocRequest estimate;
  v1::EstimateAllocResponse estimate_out;
  expect(Call(&Stub::EstimateAlloc, estimate, &estimate_out), grpc::INVALID_ARGUMENT, "sizes: 0");
  estimate.set_size_bytes(8);
  estimate.set_alignment(24);
  expect(Call(&Stub::EstimateAlloc, estimate, &estimate_out), grpc::INVALID_ARGUMENT, "alignments");
  estimate.set_region(static_cast<v1::Region>(5));
  expect(Call(&Stub::EstimateAlloc, estimate, &estimate_out), grpc::INVALID_ARGUMENT, "region: 5");
}

// --- Watch -------------------------------------------------------------------

TEST_F(IntrospectionServiceTest, WatchTellsNowAndAgain) {
  Watching watching(*stub_, Every(0, 100'000'000));
  ASSERT_TRUE(watching.Read());
  EXPECT_EQ(watching.response.stats().nr_cur_alloc(), 0U);
  Grant(Bytes(8));
  ASSERT_TRUE(watching.Read());
  EXPECT_EQ(watching.response.stats().nr_cur_alloc(), 1U);
  EXPECT_GE(
      watching.response.elapsed().seconds() * 1'000'000'000 + watching.response.elapsed().nanos(),
      100'000'000);
}

TEST_F(IntrospectionServiceTest, WatchRefusesIntervalsOutOfRange) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  for (const v1::WatchRequest& request :
       {Every(0, 0), Every(0, 99'999'999), Every(-1, 0), Every(3600, 1), Every(kMost, 0),
        Every(-kMost, 0), Every(0, std::numeric_limits<std::int32_t>::min())}) {
    Watching watching(*stub_, request);
    EXPECT_FALSE(watching.Read());
    EXPECT_EQ(watching.Finish().error_code(), grpc::INVALID_ARGUMENT) << request.ShortDebugString();
  }
}

TEST_F(IntrospectionServiceTest, APeersStreamsOverItsShareAreRefusedUntilOneLeaves) {
  auto first = std::make_unique<Watching>(*stub_);
  Watching second(*stub_);
  ASSERT_TRUE(first->Read());
  ASSERT_TRUE(second.Read());
  {
    Watching third(*stub_);
    EXPECT_FALSE(third.Read());
    const grpc::Status status = third.Finish();
    EXPECT_EQ(status.error_code(), grpc::RESOURCE_EXHAUSTED);
    EXPECT_THAT(status.error_message(), HasSubstr("the caller has 2 streams"));
  }
  first.reset();
  const absl::Time limit = absl::Now() + absl::Seconds(20);
  bool admitted = false;
  while (!admitted && absl::Now() < limit) {
    Watching again(*stub_);
    admitted = again.Read();
  }
  EXPECT_TRUE(admitted);
}

TEST_F(IntrospectionServiceTest, DrainEndsStreamsAtOnce) {
  Watching watching(*stub_, Every(3600, 0));
  ASSERT_TRUE(watching.Read());
  server_->Drain(NowSinceBoot() + testing::kPatience);
  EXPECT_FALSE(watching.Read());
  EXPECT_TRUE(watching.Finish().ok());
}

// --- Health ------------------------------------------------------------------

TEST_F(IntrospectionServiceTest, HealthServesUntilItDrains) {
  grpc::health::v1::HealthCheckRequest request;
  grpc::health::v1::HealthCheckResponse response;
  const auto check = [&] {
    grpc::ClientContext context;
    return health_stub_->Check(&context, request, &response);
  };
  ASSERT_TRUE(check().ok());
  EXPECT_EQ(response.status(), grpc::health::v1::HealthCheckResponse::SERVING);
  request.set_service("percpud.v1.MemoryService");
  ASSERT_TRUE(check().ok());
  request.set_service("other.Service");
  EXPECT_EQ(check().error_code(), grpc::NOT_FOUND);

  grpc::ClientContext context;
  const auto watch = health_stub_->Watch(&context, {});
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), grpc::health::v1::HealthCheckResponse::SERVING);
  server_->Drain(NowSinceBoot() + testing::kPatience);
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), grpc::health::v1::HealthCheckResponse::NOT_SERVING);
  EXPECT_FALSE(watch->Read(&response));
  EXPECT_TRUE(watch->Finish().ok());
}

TEST_F(IntrospectionServiceTest, HealthOfAStrangerIsUnknown) {
  grpc::ClientContext context;
  grpc::health::v1::HealthCheckRequest request;
  request.set_service("other.Service");
  grpc::health::v1::HealthCheckResponse response;
  const auto watch = health_stub_->Watch(&context, request);
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), grpc::health::v1::HealthCheckResponse::SERVICE_UNKNOWN);
  server_->Drain(NowSinceBoot() + testing::kPatience);
  EXPECT_FALSE(watch->Read(&response));
  EXPECT_TRUE(watch->Finish().ok());
}

}  // namespace
}  // namespace percpud
