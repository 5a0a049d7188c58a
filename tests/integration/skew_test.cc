// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// A real daemon whose units are out of step with the pages, and a client that
// maps them without knowing.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "percpu/session.h"
#include "tests/support/process.h"

namespace percpu {
namespace {

using ::testing::HasSubstr;

constexpr std::uint64_t kSkew = 64;

class SkewTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto daemon = percpud::testing::StartDaemon(
        dir_, {"--cpus", "8", "--unit-size", "64KiB", "--unit-skew", "64"});
    ASSERT_TRUE(daemon.ok()) << daemon.status();
    daemon_.emplace(*std::move(daemon));
    auto session = Session::Open(daemon_->address);
    ASSERT_TRUE(session.ok()) << session.status();
    session_ = *std::move(session);
  }

  [[nodiscard]] Client& client() { return session_->client(); }
  [[nodiscard]] std::vector<std::uint64_t> Offsets() const {
    const auto offsets = session_->mapping().unit_offsets;
    return {offsets.begin(), offsets.end()};
  }

  const percpud::testing::TempDir dir_;
  std::optional<percpud::testing::RunningDaemon> daemon_;
  std::unique_ptr<Session> session_;
};

TEST_F(SkewTest, EveryUnitIsFoundToItsLastByteAndNothingBehindThem) {
  const auto info = client().GetAllocInfo();
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->unit_bytes, (64 << 10) - kSkew);
  EXPECT_EQ(info->unit_skew_bytes, kSkew);
  EXPECT_EQ(info->skew_bytes, 8 * kSkew);
  EXPECT_EQ(info->wasted_pages, 0U);
  const auto area = client().Allocate({.size_bytes = 100});
  ASSERT_TRUE(area.ok()) << area.status();
  const std::vector<std::uint64_t> offsets = Offsets();
  for (std::uint32_t unit = 0; unit < offsets.size(); ++unit) {
    EXPECT_EQ(offsets[unit], unit * info->unit_bytes);
    for (const std::uint64_t byte : {0, 99}) {
      const auto owner = client().Resolve(Pointer{Value(*area) + offsets[unit] + byte});
      ASSERT_TRUE(owner.ok()) << owner.status();
      EXPECT_EQ(owner->unit, Unit{unit});
      EXPECT_EQ(owner->area.pointer, *area);
      EXPECT_EQ(owner->session, *session_->id());
    }
  }
  // The first chunk begins where the arena does.
  const std::uint64_t end = 8 * info->unit_bytes;
  EXPECT_EQ(client().Resolve(Pointer{end - 1})->unit, Unit{7});
  for (const std::uint64_t behind : {end, end + 8 * kSkew - 1}) {
    EXPECT_EQ(client().Resolve(Pointer{behind})->kind, OwnerKind::kNone);
  }
}

TEST_F(SkewTest, AnAlignmentHoldsInEveryUnitOrIsRefused) {
  const auto area = client().Allocate({.size_bytes = 8, .alignment = 64});
  ASSERT_TRUE(area.ok()) << area.status();
  for (const std::uint64_t offset : Offsets()) EXPECT_EQ((Value(*area) + offset) % 64, 0U);
  const auto refused = [](const absl::Status& status) {
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr("128 is over 64, the unit_skew"));
  };
  refused(client().Allocate({.size_bytes = 8, .alignment = 128}).status());
  refused(client().EstimateAlloc({.size_bytes = 8, .alignment = 128}).status());
  VariableSpec spec{.name = "wide", .size_bytes = 8, .alignment = 128, .create = true};
  refused(client().OpenVariable(spec).status());
}

TEST_F(SkewTest, FreshAreasAreZeroInEveryUnitAndTouchNoNeighbour) {
  const auto map = [&](Pointer area, std::uint64_t offset) {
    return session_->mapping().base + Value(area) + offset;
  };
  const Pointer before = *client().Allocate({.size_bytes = 64, .alignment = 64});
  const Pointer area = *client().Allocate({.size_bytes = 64, .alignment = 64});
  const Pointer after = *client().Allocate({.size_bytes = 64, .alignment = 64});
  for (const std::uint64_t offset : Offsets()) {
    for (const Pointer each : {before, area, after}) std::memset(map(each, offset), 0xab, 64);
  }
  ASSERT_TRUE(client().Free(area).ok());
  // It waits to be cleared with others, until there is no other room.
  const auto allocate = [&] { return *client().Allocate({.size_bytes = 64, .alignment = 64}); };
  for (int tries = 0; allocate() != area; ++tries) ASSERT_LT(tries, 2000);
  const std::string zeroes(64, '\0');
  const std::string marks(64, '\xab');
  for (const std::uint64_t offset : Offsets()) {
    EXPECT_EQ(std::memcmp(map(area, offset), zeroes.data(), 64), 0);
    EXPECT_EQ(std::memcmp(map(before, offset), marks.data(), 64), 0);
    EXPECT_EQ(std::memcmp(map(after, offset), marks.data(), 64), 0);
  }
}

TEST_F(SkewTest, CountersAndLeasesWorkAsEver) {
  const auto hits = session_->Counter("hits");
  ASSERT_TRUE(hits.ok()) << hits.status();
  for (int i = 0; i < 10000; ++i) ASSERT_TRUE(hits->Increment());
  EXPECT_EQ(hits->Sum(), 10000U);
  EXPECT_EQ(*client().Sum(hits->pointer()), 10000);
  const auto heap = session_->NewHeap();
  ASSERT_TRUE(heap.ok()) << heap.status();
  const auto area = (*heap)->Allocate(64, 64);
  ASSERT_TRUE(area.ok()) << area.status();
  for (const std::uint64_t offset : Offsets()) EXPECT_EQ((Value(*area) + offset) % 64, 0U);
  EXPECT_TRUE((*heap)->Free(*area).ok());
}

}  // namespace
}  // namespace percpu
