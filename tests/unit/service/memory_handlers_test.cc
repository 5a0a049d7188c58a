// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/memory_handlers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>

#include "server/percpu/introspect/inspector.h"
#include "tests/unit/service/service_rig.h"

namespace percpud {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class MemoryHandlersTest : public testing::ServiceTest {
 protected:
  // Runs the handler as the lanes do: at once if it can, else in its own time.
  template <typename Request, typename Response>
  absl::Status Call(Outcome (*handler)(const Calls&, const Caller&, Pace, const Request&,
                                       Response&),
                    const Request& request, Response& response) {
    const Calls calls = MakeCalls();
    const Outcome fast = handler(calls, caller_, Pace::kMustNotSleep, request, response);
    if (fast) return *fast;
    return *handler(calls, caller_, Pace::kMaySleep, request, response);
  }

  // On whose behalf Call calls.
  Caller caller_ = kOperator;

  absl::Status Alloc(const v1::AllocRequest& request) {
    v1::AllocResponse response;
    return Call(handlers::Alloc, request, response);
  }
  absl::Status Free(std::initializer_list<PercpuPtr> pointers) {
    v1::FreeRequest request;
    for (const PercpuPtr pointer : pointers) request.add_pointers(pointer.value());
    v1::FreeResponse response;
    return Call(handlers::Free, request, response);
  }
  absl::Status Read(PercpuPtr pointer, std::uint32_t unit, std::uint64_t length,
                    std::string* data = nullptr) {
    v1::ReadRequest request;
    request.set_pointer(pointer.value());
    request.set_unit(unit);
    request.set_length_bytes(length);
    v1::ReadResponse response;
    absl::Status status = Call(handlers::Read, request, response);
    if (data != nullptr) *data = response.data();
    return status;
  }
  absl::Status Write(PercpuPtr pointer, std::uint32_t unit, const std::string& data) {
    v1::WriteRequest request;
    request.set_pointer(pointer.value());
    request.set_unit(unit);
    request.set_data(data);
    v1::WriteResponse response;
    return Call(handlers::Write, request, response);
  }
  absl::Status Add(PercpuPtr pointer, std::uint32_t unit, std::int64_t delta,
                   v1::Width width = v1::WIDTH_64, v1::AddResponse* out = nullptr) {
    v1::AddRequest request;
    request.set_pointer(pointer.value());
    request.set_unit(unit);
    request.set_delta(delta);
    request.set_width(width);
    v1::AddResponse response;
    absl::Status status = Call(handlers::Add, request, response);
    if (out != nullptr) *out = response;
    return status;
  }
  absl::Status Sum(PercpuPtr pointer, v1::Width width, std::int64_t* out = nullptr) {
    v1::SumRequest request;
    request.set_pointer(pointer.value());
    request.set_width(width);
    v1::SumResponse response;
    absl::Status status = Call(handlers::Sum, request, response);
    if (out != nullptr) *out = response.sum();
    return status;
  }
};

void ExpectRefused(const absl::Status& status, absl::StatusCode code, const std::string& names) {
  EXPECT_EQ(status.code(), code) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(names));
}

// Its memory may be another's.
TEST_F(MemoryHandlersTest, AGhostIsNeitherReadNorWrittenNorAddedTo) {
  sessions_.reset();
  // Three units of 64 KiB and a ghost, whose pages went back.
  Make({.cpus = 3,
        .arena_size = kArenaSize,
        .backend_options = {.return_tail = true},
        .atom_size = Bytes(256 << 10)});
  ASSERT_EQ(allocator_->info().units(), 4U);
  const PercpuPtr area = *allocator_->Alloc({.size = Bytes(8)});
  EXPECT_TRUE(Write(area, 2, "x").ok());
  for (const absl::Status& status : {Read(area, 3, 8), Write(area, 3, "x"), Add(area, 3, 1)}) {
    ExpectRefused(status, absl::StatusCode::kOutOfRange, "unit: 3 is a ghost");
  }
}

TEST_F(MemoryHandlersTest, PingAnswers) {
  v1::PingResponse response;
  EXPECT_TRUE(Call(handlers::Ping, v1::PingRequest(), response).ok());
}

// --- Alloc -------------------------------------------------------------------

TEST_F(MemoryHandlersTest, AllocGrantsABatchInOrder) {
  v1::AllocRequest request;
  for (const std::uint64_t size : {8, 100, 4}) request.add_sizes_bytes(size);
  request.add_alignments(64);
  request.set_tag("web");
  v1::AllocResponse response;
  ASSERT_TRUE(Call(handlers::Alloc, request, response).ok());
  ASSERT_THAT(response.pointers(), SizeIs(3));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(response.pointers(i) % 64, 0U);
    const auto owner = Inspector(*allocator_).Resolve(PercpuPtr(response.pointers(i)));
    ASSERT_TRUE(owner.ok());
    EXPECT_EQ(owner->area.size, Bytes(request.sizes_bytes(i)));
    EXPECT_EQ(owner->area.tag, "web");
  }
}

TEST_F(MemoryHandlersTest, AllocTakesOneAlignmentPerSize) {
  v1::AllocRequest request;
  for (const std::uint32_t alignment : {4, 4096, 256}) {
    request.add_sizes_bytes(4);
    request.add_alignments(alignment);
  }
  v1::AllocResponse response;
  ASSERT_TRUE(Call(handlers::Alloc, request, response).ok());
  EXPECT_EQ(response.pointers(1) % 4096, 0U);
  EXPECT_EQ(response.pointers(2) % 256, 0U);
}

TEST_F(MemoryHandlersTest, AllocFromTheReservedPart) {
  v1::AllocRequest request;
  request.add_sizes_bytes(8192);
  request.set_region(v1::REGION_RESERVED);
  v1::AllocResponse response;
  ASSERT_TRUE(Call(handlers::Alloc, request, response).ok());
  ExpectRefused(Alloc(request), absl::StatusCode::kResourceExhausted, "region");
}

TEST_F(MemoryHandlersTest, EveryBadAllocIsRefusedByNameAndGrantsNothing) {
  const auto with = [](auto change) {
    v1::AllocRequest request;
    request.add_sizes_bytes(8);
    change(request);
    return request;
  };
  using Request = v1::AllocRequest;
  using Code = absl::StatusCode;
  ExpectRefused(Alloc(Request()), Code::kInvalidArgument, "sizes: at least one");
  ExpectRefused(Alloc(with([](Request& r) { r.set_sizes_bytes(0, 0); })), Code::kInvalidArgument,
                "sizes: 0");
  ExpectRefused(Alloc(with([](Request& r) { r.set_sizes_bytes(0, (64 << 10) + 1); })),
                Code::kInvalidArgument, "65537");
  ExpectRefused(Alloc(with([](Request& r) { r.set_sizes_bytes(0, ~std::uint64_t{0}); })),
                Code::kInvalidArgument, "18446744073709551615");
  ExpectRefused(Alloc(with([](Request& r) { r.add_sizes_bytes(0); })), Code::kInvalidArgument,
                "sizes: 0");
  ExpectRefused(Alloc(with([](Request& r) {
                  while (r.sizes_bytes_size() < 9) r.add_sizes_bytes(8);
                })),
                Code::kInvalidArgument, "sizes: 9 entries is over the limit of 8");
  ExpectRefused(Alloc(with([](Request& r) { r.add_alignments(24); })), Code::kInvalidArgument,
                "alignments: 24");
  ExpectRefused(Alloc(with([](Request& r) { r.add_alignments(8192); })), Code::kInvalidArgument,
                "alignments: 8192");
  ExpectRefused(Alloc(with([](Request& r) {
                  r.add_alignments(8);
                  r.add_alignments(8);
                })),
                Code::kInvalidArgument, "alignments: 2 entries for 1 sizes");
  ExpectRefused(Alloc(with([](Request& r) { r.set_region(static_cast<v1::Region>(9)); })),
                Code::kInvalidArgument, "region: 9");
  ExpectRefused(Alloc(with([](Request& r) { r.set_tag(std::string(129, 'x')); })),
                Code::kInvalidArgument, "tag: 129");
  ExpectRefused(Alloc(with([](Request& r) { r.set_tag("a\nb"); })), Code::kInvalidArgument, "tag:");
  ExpectUntouched();
}

TEST_F(MemoryHandlersTest, AllocThatMustGrowAsksForTheSlowLane) {
  const Calls calls = MakeCalls();
  v1::AllocRequest request;
  request.add_sizes_bytes(64 << 10);
  v1::AllocResponse response;
  EXPECT_FALSE(
      handlers::Alloc(calls, kOperator, Pace::kMustNotSleep, request, response).has_value());
  EXPECT_EQ(Inspector(*allocator_).GetStats().nr_chunks, 1U);
  const Outcome slow = handlers::Alloc(calls, kOperator, Pace::kMaySleep, request, response);
  ASSERT_TRUE(slow && slow->ok());
  EXPECT_THAT(response.pointers(), SizeIs(1));
  EXPECT_EQ(Inspector(*allocator_).GetStats().nr_chunks, 2U);
}

TEST_F(MemoryHandlersTest, NoGrowIsAnsweredAtOnce) {
  const Calls calls = MakeCalls();
  v1::AllocRequest request;
  request.add_sizes_bytes(64 << 10);
  request.set_no_grow(true);
  v1::AllocResponse response;
  const Outcome outcome = handlers::Alloc(calls, kOperator, Pace::kMustNotSleep, request, response);
  ASSERT_TRUE(outcome);
  ExpectRefused(*outcome, absl::StatusCode::kResourceExhausted, "no_grow");
  EXPECT_EQ(Inspector(*allocator_).GetStats().nr_chunks, 1U);
}

// --- Free --------------------------------------------------------------------

TEST_F(MemoryHandlersTest, FreeSumsWhatItTookBack) {
  v1::FreeRequest request;
  request.add_pointers(Grant(Bytes(6)).value());
  request.add_pointers(Grant(Bytes(100)).value());
  v1::FreeResponse response;
  ASSERT_TRUE(Call(handlers::Free, request, response).ok());
  EXPECT_EQ(response.freed_bytes(), 108U);
  EXPECT_EQ(Inspector(*allocator_).GetStats().nr_cur_alloc, 0U);
}

TEST_F(MemoryHandlersTest, EveryBadFreeIsRefusedByNameAndFreesNothing) {
  using Code = absl::StatusCode;
  const PercpuPtr live = Grant(Bytes(64));
  const PercpuPtr gone = Grant(Bytes(64));
  ASSERT_TRUE(Free({gone}).ok());
  ExpectRefused(Free({}), Code::kInvalidArgument, "pointers: at least one");
  ExpectRefused(Free({live, gone}), Code::kNotFound, Format(gone));
  ExpectRefused(Free({live, live}), Code::kInvalidArgument, "named twice");
  ExpectRefused(Free({Advance(live, Bytes(4))}), Code::kInvalidArgument, "inside the area");
  ExpectRefused(Free({live, Advance(live, Bytes(64 << 10))}), Code::kInvalidArgument, "unit 1");
  ExpectRefused(Free({live, PercpuPtr(0)}), Code::kFailedPrecondition, "static");
  ExpectRefused(Free({live, PercpuPtr(kArenaSize.value())}), Code::kOutOfRange, "arena");
  ExpectRefused(Free({live, PercpuPtr(~std::uint64_t{0})}), Code::kOutOfRange, "arena");
  ExpectRefused(Free({live, PercpuPtr(kArenaSize.value() - 8)}), Code::kNotFound, "no chunk");
  ExpectRefused(Free({live, live, live, live, live, live, live, live, live}),
                Code::kInvalidArgument, "pointers: 9 entries is over the limit of 8");
  EXPECT_EQ(Inspector(*allocator_).GetStats().nr_cur_alloc, 1U);
  EXPECT_TRUE(Free({live}).ok());
}

// --- Read and Write ------------------------------------------------------------

TEST_F(MemoryHandlersTest, WrittenBytesAreReadBackFromThatUnitOnly) {
  const PercpuPtr area = Grant(Bytes(16));
  ASSERT_TRUE(Write(Advance(area, Bytes(3)), 2, "percpu").ok());
  std::string data;
  ASSERT_TRUE(Read(area, 2, 16, &data).ok());
  EXPECT_EQ(data, std::string("\0\0\0percpu\0\0\0\0\0\0\0", 16));
  ASSERT_TRUE(Read(area, 1, 16, &data).ok());
  EXPECT_THAT(data, Each('\0'));
}

TEST_F(MemoryHandlersTest, AStaticVariableIsReadable) {
  sessions_.reset();
  Make({.cpus = 4, .statics = {{.name = "table", .size = Bytes(1024)}}, .arena_size = kArenaSize});
  const Bytes offset = allocator_->statics().variables().front().offset;
  std::string data;
  const absl::Status status = Read(PercpuPtr(offset.value()), 3, 1024, &data);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_THAT(data, SizeIs(1024));
}

TEST_F(MemoryHandlersTest, EveryBadRangeIsRefusedByName) {
  using Code = absl::StatusCode;
  const PercpuPtr area = Grant(Bytes(16));
  ExpectRefused(Read(area, 4, 8), Code::kOutOfRange, "unit: 4");
  ExpectRefused(Read(area, ~std::uint32_t{0}, 8), Code::kOutOfRange, "unit: 4294967295");
  ExpectRefused(Read(area, 0, 17), Code::kOutOfRange, "leaves the area");
  ExpectRefused(Read(Advance(area, Bytes(16)), 0, 1), Code::kNotFound, "no live area");
  ExpectRefused(Read(area, 0, 1025), Code::kInvalidArgument, "1025");
  ExpectRefused(Read(area, 0, ~std::uint64_t{0}), Code::kInvalidArgument, "length");
  ExpectRefused(Read(PercpuPtr(kArenaSize.value()), 0, 1), Code::kOutOfRange, "arena");
  ExpectRefused(Read(Advance(area, Bytes(64 << 10)), 0, 1), Code::kInvalidArgument, "unit 1");
  ExpectRefused(Write(area, 4, "x"), Code::kOutOfRange, "unit: 4");
  ExpectRefused(Write(area, 0, std::string(17, 'x')), Code::kOutOfRange, "leaves the area");
  ExpectRefused(Write(area, 0, std::string(1025, 'x')), Code::kInvalidArgument, "1025");
  std::string data;
  ASSERT_TRUE(Read(area, 0, 16, &data).ok());
  EXPECT_THAT(data, Each('\0'));
}

// --- Add and Sum ---------------------------------------------------------------

TEST_F(MemoryHandlersTest, AddsOfAllUnitsSumUp) {
  const PercpuPtr counter = Grant(Bytes(8));
  for (std::uint32_t unit = 0; unit < 4; ++unit) {
    v1::AddResponse added;
    ASSERT_TRUE(Add(counter, unit, 10 + unit, v1::WIDTH_64, &added).ok());
    EXPECT_EQ(added.value(), 10 + unit);
    EXPECT_EQ(added.unit(), unit);
  }
  ASSERT_TRUE(Add(counter, 3, -100).ok());
  std::int64_t sum = 0;
  ASSERT_TRUE(Sum(counter, v1::WIDTH_UNSPECIFIED, &sum).ok());
  EXPECT_EQ(sum, 10 + 11 + 12 + 13 - 100);
}

TEST_F(MemoryHandlersTest, AddWithoutAUnitTakesOneThatHasACpu) {
  const PercpuPtr counter = Grant(Bytes(8));
  v1::AddRequest request;
  request.set_pointer(counter.value());
  request.set_delta(7);
  v1::AddResponse response;
  ASSERT_TRUE(Call(handlers::Add, request, response).ok());
  EXPECT_LT(response.unit(), 4U);
  std::int64_t sum = 0;
  ASSERT_TRUE(Sum(counter, v1::WIDTH_64, &sum).ok());
  EXPECT_EQ(sum, 7);
}

TEST_F(MemoryHandlersTest, NarrowAddsWrapInTheirOwnHalf) {
  const PercpuPtr pair = Grant(Bytes(8));
  v1::AddResponse added;
  ASSERT_TRUE(Add(pair, 0, std::numeric_limits<std::int32_t>::max(), v1::WIDTH_32).ok());
  ASSERT_TRUE(Add(pair, 0, 1, v1::WIDTH_32, &added).ok());
  EXPECT_EQ(added.value(), std::numeric_limits<std::int32_t>::min());
  ASSERT_TRUE(Add(Advance(pair, Bytes(4)), 0, 5, v1::WIDTH_32).ok());
  std::int64_t sum = 0;
  ASSERT_TRUE(Sum(Advance(pair, Bytes(4)), v1::WIDTH_32, &sum).ok());
  EXPECT_EQ(sum, 5);
}

TEST_F(MemoryHandlersTest, WideAddsAndSumsWrap) {
  const PercpuPtr counter = Grant(Bytes(8));
  v1::AddResponse added;
  ASSERT_TRUE(Add(counter, 0, std::numeric_limits<std::int64_t>::max()).ok());
  ASSERT_TRUE(Add(counter, 0, 1, v1::WIDTH_64, &added).ok());
  EXPECT_EQ(added.value(), std::numeric_limits<std::int64_t>::min());
  ASSERT_TRUE(Add(counter, 1, -1).ok());
  std::int64_t sum = 0;
  ASSERT_TRUE(Sum(counter, v1::WIDTH_64, &sum).ok());
  EXPECT_EQ(sum, std::numeric_limits<std::int64_t>::max());
}

TEST_F(MemoryHandlersTest, EveryBadAddAndSumIsRefusedByNameAndAddsNothing) {
  using Code = absl::StatusCode;
  const PercpuPtr counter = Grant(Bytes(8), Bytes(8));
  constexpr std::int64_t kNarrowMax = std::numeric_limits<std::int32_t>::max();
  constexpr auto kBadWidth = static_cast<v1::Width>(7);
  ExpectRefused(Add(counter, 4, 1), Code::kOutOfRange, "unit: 4");
  ExpectRefused(Add(counter, 0, 1, kBadWidth), Code::kInvalidArgument, "width: 7");
  ExpectRefused(Add(counter, 0, kNarrowMax + 1, v1::WIDTH_32), Code::kInvalidArgument, "delta");
  ExpectRefused(Add(counter, 0, -kNarrowMax - 2, v1::WIDTH_32), Code::kInvalidArgument, "delta");
  ExpectRefused(Add(Advance(counter, Bytes(4)), 0, 1), Code::kInvalidArgument, "multiple of 8");
  ExpectRefused(Add(Advance(counter, Bytes(2)), 0, 1, v1::WIDTH_32), Code::kInvalidArgument,
                "multiple of 4");
  ExpectRefused(Add(Advance(counter, Bytes(8)), 0, 1), Code::kNotFound, "no live area");
  ExpectRefused(Sum(counter, kBadWidth), Code::kInvalidArgument, "width: 7");
  ExpectRefused(Sum(Advance(counter, Bytes(1)), v1::WIDTH_32), Code::kInvalidArgument, "multiple");
  ExpectRefused(Sum(PercpuPtr(kArenaSize.value()), v1::WIDTH_64), Code::kOutOfRange, "arena");
  const PercpuPtr narrow = Grant(Bytes(4), Bytes(8));
  ExpectRefused(Add(narrow, 0, 1), Code::kOutOfRange, "leaves the area");
  std::int64_t sum = -1;
  ASSERT_TRUE(Sum(counter, v1::WIDTH_64, &sum).ok());
  EXPECT_EQ(sum, 0);
}

}  // namespace
}  // namespace percpud
