// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/area/lease_map.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace percpud {
namespace {

namespace abi = abi::v1;
using Live = std::map<std::uint32_t, std::uint32_t>;

constexpr Granules kSize{16384};

// Storage as aligned as pages are.
class OwnedLeaseMap {
 public:
  explicit OwnedLeaseMap(Granules size = kSize)
      : words_(LeaseMap::StorageBytes(size) / 8), size_(size) {
    map_ = LeaseMap::Format(bytes(), size);
  }
  std::span<std::byte> bytes() { return std::as_writable_bytes(std::span(words_)); }
  LeaseMap* operator->() { return &map_; }
  void Put(std::uint32_t granule, std::uint32_t state) {
    map_.StateAt(granule).store(static_cast<std::uint8_t>(state));
  }
  std::uint8_t Get(std::uint32_t granule) { return map_.StateAt(granule).load(); }
  absl::Status Validate() { return LeaseMap::Validate(bytes(), size_); }
  Live LiveAreas() {
    Live live;
    map_.ForEachLive([&](AreaSpan area) { live[area.offset.value()] = area.size.value(); });
    return live;
  }

 private:
  std::vector<std::uint64_t> words_;
  Granules size_;
  LeaseMap map_;
};

AreaSpan Span(std::uint32_t offset, std::uint32_t size) {
  return {Granules(offset), Granules(size)};
}

TEST(LeaseMapTest, SizeClassesWasteAtMostAnEighth) {
  std::uint32_t below = 0;
  for (std::uint32_t size_class = 1; size_class <= abi::kLeaseClasses; ++size_class) {
    const std::uint32_t bytes = abi::LeaseClassBytes(size_class);
    ASSERT_GT(bytes, below);
    ASSERT_EQ(bytes % abi::kLeaseGranuleBytes, 0u);
    // The worst request is one granule more than the class below.
    const std::uint32_t waste = bytes - (below + abi::kLeaseGranuleBytes);
    EXPECT_LE(8 * waste, bytes) << bytes;
    if (bytes <= 64) EXPECT_EQ(waste, 0u);
    below = bytes;
  }
}

TEST(LeaseMapTest, AFreshMapIsSoundAndEmpty) {
  OwnedLeaseMap map;
  EXPECT_TRUE(map.Validate().ok()) << map.Validate();
  EXPECT_TRUE(map.LiveAreas().empty());
  EXPECT_EQ(map->header().phase, abi::kLeaseInUse);
  EXPECT_EQ(map->header().holders, 1u);
}

TEST(LeaseMapTest, ListsEveryKindOfAreaWithItsSize) {
  OwnedLeaseMap map;
  map.Put(0, 1);
  map.Put(1, 16);
  map.Put(17, 2 + abi::kLeaseCached);
  map.Put(19, 3 + abi::kLeaseRemote);
  map->SetLarge(Span(100, 5000));
  ASSERT_TRUE(map.Validate().ok()) << map.Validate();
  EXPECT_EQ(map.LiveAreas(), (Live{{0, 1}, {1, 16}, {100, 5000}}));
  const auto cached = map->Next(Granules(17));
  ASSERT_TRUE(cached);
  EXPECT_EQ(cached->area, Span(17, 2));
  EXPECT_EQ(cached->use, LeaseMap::Use::kCached);
  EXPECT_EQ(map->Next(Granules(19))->use, LeaseMap::Use::kRemotelyFreed);
}

TEST(LeaseMapTest, FindsTheAreaAroundAGranule) {
  OwnedLeaseMap map;
  map.Put(10, 4);
  map->SetLarge(Span(20, 2000));
  EXPECT_EQ(map->EntryAt(Granules(9)), std::nullopt);
  EXPECT_EQ(map->EntryAt(Granules(13))->area, Span(10, 4));
  EXPECT_EQ(map->EntryAt(Granules(14)), std::nullopt);
  // Among the digits, and far behind them.
  EXPECT_EQ(map->EntryAt(Granules(23))->area, Span(20, 2000));
  EXPECT_EQ(map->EntryAt(Granules(2019))->area, Span(20, 2000));
  EXPECT_EQ(map->EntryAt(Granules(2020)), std::nullopt);
}

TEST(LeaseMapTest, RecoverFreesAllThatIsNotLive) {
  OwnedLeaseMap map;
  map.Put(0, 5 + abi::kLeaseCached);
  map.Put(8, 5);
  map.Put(13, 5 + abi::kLeaseRemote);
  map->SetLarge(Span(64, 1025));
  map->SetLarge(Span(2000, 3000));
  map.Put(2000, abi::kLeaseLarge + abi::kLeaseRemote);
  // A thread was about to make a large area live.
  map.Put(6001, abi::kLeaseDigit);
  map.Put(6002, abi::kLeaseDigit + 3);
  ASSERT_TRUE(map.Validate().ok()) << map.Validate();

  map->Recover();
  EXPECT_EQ(map.LiveAreas(), (Live{{8, 5}, {64, 1025}}));
  map->header().phase = abi::kLeaseClean;
  EXPECT_TRUE(map.Validate().ok()) << map.Validate();

  std::vector<AreaMap::Word> words(AreaMap::StorageWords(kSize));
  AreaMap areas = AreaMap::Format(words, kSize);
  map->TakeAll(areas);
  EXPECT_TRUE(areas.CheckInvariants().ok());
  EXPECT_EQ(areas.free(), kSize - Granules(5 + 1025));
  EXPECT_EQ(areas.AreaAt(Granules(70)), Span(64, 1025));
}

TEST(LeaseMapTest, ClearingALargeAreaLeavesNothing) {
  OwnedLeaseMap map;
  map->SetLarge(Span(5, 16000));
  map->ClearLarge(Granules(5));
  map->header().phase = abi::kLeaseClean;
  EXPECT_TRUE(map.Validate().ok()) << map.Validate();
  EXPECT_TRUE(map.LiveAreas().empty());
}

struct FaultCase {
  const char* name;
  void (*scribble)(OwnedLeaseMap& map);
  absl::StatusCode code;
  const char* message;
};

class LeaseMapFaultTest : public ::testing::TestWithParam<FaultCase> {};

TEST_P(LeaseMapFaultTest, IsNamed) {
  OwnedLeaseMap map;
  map.Put(40, 10);
  GetParam().scribble(map);
  const absl::Status status = map.Validate();
  EXPECT_EQ(status.code(), GetParam().code) << status;
  EXPECT_NE(std::string(status.message()).find(GetParam().message), std::string::npos) << status;
  EXPECT_FALSE(LeaseMap::Attach(map.bytes(), kSize).ok());
}

constexpr absl::StatusCode kNone = absl::StatusCode::kFailedPrecondition;
constexpr absl::StatusCode kCorrupt = absl::StatusCode::kDataLoss;

INSTANTIATE_TEST_SUITE_P(
    All, LeaseMapFaultTest,
    ::testing::Values(
        FaultCase{"Magic", [](OwnedLeaseMap& m) { m->header().magic = 0; }, kNone, "magic"},
        FaultCase{"Version", [](OwnedLeaseMap& m) { m->header().version = 2; }, kNone, "version 2"},
        FaultCase{"Size", [](OwnedLeaseMap& m) { m->header().granules = 1 << 30; }, kNone,
                  "covers 1073741824"},
        FaultCase{"HeaderSize", [](OwnedLeaseMap& m) { m->header().header_bytes = 1; }, kCorrupt,
                  "header"},
        FaultCase{"Reserved", [](OwnedLeaseMap& m) { m->header().reserved[1] = 1; }, kCorrupt,
                  "reserved"},
        FaultCase{"Phase", [](OwnedLeaseMap& m) { m->header().phase = 7; }, kCorrupt, "phase 7"},
        FaultCase{"Unknown", [](OwnedLeaseMap& m) { m.Put(7, 70); }, kCorrupt,
                  "granule 7 has an unknown state"},
        FaultCase{"Overlap", [](OwnedLeaseMap& m) { m.Put(49, 1); }, kCorrupt,
                  "granule 49 lies inside the area at 40"},
        FaultCase{"BeyondTheEnd", [](OwnedLeaseMap& m) { m.Put(16383, 2); }, kCorrupt,
                  "granule 16383 begins an area of an impossible size"},
        FaultCase{"NoDigits", [](OwnedLeaseMap& m) { m.Put(60, abi::kLeaseLarge); }, kCorrupt,
                  "granule 60 begins an area of an impossible size"},
        FaultCase{"DigitsBeyondTheEnd",
                  [](OwnedLeaseMap& m) { m.Put(16382, abi::kLeaseLarge + abi::kLeaseRemote); },
                  kCorrupt, "granule 16382 begins an area of an impossible size"},
        FaultCase{"HugeLarge",
                  [](OwnedLeaseMap& m) {
                    m->SetLarge(Span(60, 5000));
                    m.Put(60 + abi::kLeaseDigits, abi::kLeaseDigit + 15);
                  },
                  kCorrupt, "granule 60 begins an area of an impossible size"},
        FaultCase{"CachedInACleanMap",
                  [](OwnedLeaseMap& m) {
                    m.Put(0, 1 + abi::kLeaseCached);
                    m->header().phase = abi::kLeaseClean;
                  },
                  kCorrupt, "granule 0 holds an area that is not live"},
        FaultCase{"DigitInACleanMap",
                  [](OwnedLeaseMap& m) {
                    m.Put(3, abi::kLeaseDigit);
                    m->header().phase = abi::kLeaseClean;
                  },
                  kCorrupt, "granule 3 holds a digit"}),
    [](const auto& info) { return info.param.name; });

TEST(LeaseMapTest, RefusesStorageThatIsTooShort) {
  OwnedLeaseMap map;
  EXPECT_EQ(LeaseMap::Validate(map.bytes().first(64), kSize).code(), kNone);
  EXPECT_EQ(LeaseMap::Validate({}, kSize).code(), kNone);
}

// Fills a map with areas side by side and with gaps, as a process would.
void Populate(OwnedLeaseMap& map, std::mt19937& random) {
  for (std::uint32_t at = random() % 20; at + 1200 < kSize.value(); at += random() % 20) {
    if (random() % 50 == 0) {
      const std::uint32_t size = 1025 + random() % 100;
      map->SetLarge(Span(at, size));
      at += size;
      continue;
    }
    const std::uint32_t size_class = 1 + random() % abi::kLeaseClasses;
    const std::array<std::uint32_t, 3> uses{0, abi::kLeaseCached, abi::kLeaseRemote};
    map.Put(at, size_class + uses[random() % 3]);
    at += abi::LeaseClassBytes(size_class) / abi::kLeaseGranuleBytes;
  }
}

// What Validate passes must be safe to work with, whatever was scribbled.
void ExpectUsable(OwnedLeaseMap& map) {
  const Live before = map.LiveAreas();
  std::uint32_t end = 0;
  for (const auto& [offset, size] : before) {
    ASSERT_GE(offset, end);
    ASSERT_LE(size, kSize.value() - offset);
    end = offset + size;
  }
  map->Recover();
  ASSERT_EQ(map.LiveAreas(), before);
  ASSERT_TRUE(map.Validate().ok());
  std::vector<AreaMap::Word> words(AreaMap::StorageWords(kSize));
  AreaMap areas = AreaMap::Format(words, kSize);
  map->TakeAll(areas);
  ASSERT_TRUE(areas.CheckInvariants().ok());
  ASSERT_EQ(areas.live(), before.size());
}

TEST(LeaseMapTest, ScribblingIsNamedOrHarmless) {
  std::mt19937 random(7);
  int passed = 0;
  int refused = 0;
  for (int round = 0; round < 2000; ++round) {
    OwnedLeaseMap map;
    Populate(map, random);
    ASSERT_TRUE(map.Validate().ok()) << map.Validate();
    const std::span<std::byte> bytes = map.bytes();
    // One byte in the header, some anywhere, or a whole stretch.
    const int kind = round % 3;
    const std::size_t count = kind == 0 ? 1 : kind == 1 ? 1 + random() % 4 : 300;
    const std::size_t start = kind == 2 ? random() % (bytes.size() - count) : 0;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t at = kind == 0   ? random() % sizeof(LeaseMap::Header)
                             : kind == 1 ? random() % bytes.size()
                                         : start + i;
      bytes[at] = static_cast<std::byte>(random());
    }
    const absl::Status status = map.Validate();
    if (status.ok()) {
      ++passed;
      ASSERT_NO_FATAL_FAILURE(ExpectUsable(map)) << "round " << round;
    } else {
      ++refused;
      ASSERT_NE(std::string(status.message()), "");
    }
  }
  EXPECT_GT(passed, 100);
  EXPECT_GT(refused, 1000);
}

TEST(LeaseMapTest, LookingAtNoiseStaysInBounds) {
  std::mt19937 random(11);
  OwnedLeaseMap map;
  for (int round = 0; round < 50; ++round) {
    for (std::byte& byte : map.bytes().subspan(sizeof(LeaseMap::Header))) {
      byte = static_cast<std::byte>(random());
    }
    EXPECT_FALSE(map.Validate().ok());
    for (std::uint32_t granule = 0; granule < kSize.value(); granule += 7) {
      const auto entry = map->EntryAt(Granules(granule));
      if (entry) ASSERT_LE(entry->area.end(), kSize);
    }
  }
}

}  // namespace
}  // namespace percpud
