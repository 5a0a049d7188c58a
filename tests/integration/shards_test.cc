// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Real processes, each on its own unit of one counter, through the SDK.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "percpu/client.h"
#include "tests/support/process.h"

namespace percpud {
namespace {

using ::testing::HasSubstr;

constexpr absl::Duration kLimit = absl::Minutes(1);
constexpr std::int64_t kAdds = 500;

class ShardsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // More CPUs than shards: a unit that stays untouched is seen to.
    auto daemon = testing::StartDaemon(dir_, {"--cpus", "6", "--arena-size", "64MiB"});
    ASSERT_TRUE(daemon.ok()) << daemon.status();
    daemon_.emplace(*std::move(daemon));
    auto client = percpu::Client::Connect(daemon_->address);
    ASSERT_TRUE(client.ok()) << client.status();
    client_.emplace(*client);
    auto counter = client_->Allocate({.size_bytes = 8});
    ASSERT_TRUE(counter.ok()) << counter.status();
    counter_ = *counter;
  }

  // A process that adds to the counter on its own unit.
  testing::Process StartShard(int shard, std::int64_t adds) {
    auto process = testing::Process::Spawn({testing::BinaryPath("shard_counter"), "--address",
                                            daemon_->address, "--shard", absl::StrCat(shard),
                                            "--pointer", absl::StrCat(percpu::Value(counter_)),
                                            "--adds", absl::StrCat(adds)});
    EXPECT_TRUE(process.ok()) << process.status();
    return *std::move(process);
  }

  // One unit's copy of the counter.
  std::int64_t ValueOn(std::uint32_t unit) {
    const auto added = client_->Add(counter_, 0, percpu::Unit{unit});
    EXPECT_TRUE(added.ok()) << added.status();
    return added.ok() ? added->value : -1;
  }

  static void ExpectEndsWell(testing::Process& process) {
    const auto exit_code = process.Wait(kLimit);
    ASSERT_TRUE(exit_code.ok()) << exit_code.status();
    EXPECT_EQ(*exit_code, 0) << process.err();
  }

  const testing::TempDir dir_;
  std::optional<testing::RunningDaemon> daemon_;
  std::optional<percpu::Client> client_;
  percpu::Pointer counter_ = percpu::kNull;
};

TEST_F(ShardsTest, EveryShardAddsOnItsOwnUnitAndTheSumIsExact) {
  std::vector<testing::Process> shards;
  shards.reserve(4);
  for (int shard = 0; shard < 4; ++shard) shards.push_back(StartShard(shard, kAdds + shard));
  for (testing::Process& shard : shards) ExpectEndsWell(shard);

  EXPECT_EQ(client_->Sum(counter_).value(), 4 * kAdds + 0 + 1 + 2 + 3);
  for (std::uint32_t unit = 0; unit < 4; ++unit) EXPECT_EQ(ValueOn(unit), kAdds + unit);
  EXPECT_EQ(ValueOn(4), 0);
}

TEST_F(ShardsTest, ShardsOfOneUnitLoseNoUpdate) {
  std::vector<testing::Process> shards;
  shards.reserve(4);
  for (int i = 0; i < 4; ++i) shards.push_back(StartShard(2, kAdds));
  for (testing::Process& shard : shards) ExpectEndsWell(shard);
  EXPECT_EQ(ValueOn(2), 4 * kAdds);
}

TEST_F(ShardsTest, AShardKilledMidwayDisturbsNobody) {
  constexpr std::int64_t kForever = std::int64_t{1} << 40;
  testing::Process victim = StartShard(0, kForever);
  ASSERT_TRUE(victim.WaitForLine("shard 0 adds", kLimit).ok());
  testing::Process bystander = StartShard(1, kAdds);
  const absl::Time give_up = absl::Now() + kLimit;
  while (ValueOn(0) == 0 && absl::Now() < give_up) {
  }
  victim.Kill(SIGKILL);
  EXPECT_EQ(victim.Wait(kLimit).value(), 128 + SIGKILL);

  ExpectEndsWell(bystander);
  EXPECT_EQ(ValueOn(1), kAdds);
  const std::int64_t left_behind = ValueOn(0);
  EXPECT_GT(left_behind, 0);
  EXPECT_EQ(client_->Sum(counter_).value(), left_behind + kAdds);
  EXPECT_EQ(client_->Free(counter_).value(), 8U);

  daemon_->process.Kill(SIGTERM);
  EXPECT_EQ(daemon_->process.Wait(kLimit).value(), 0) << daemon_->process.err();
}

TEST_F(ShardsTest, TheExampleChecksItself) {
  const auto run = testing::RunToEnd({testing::BinaryPath("shard_counter"), "--address",
                                      daemon_->address, "--shards", "4", "--adds", "100"});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_EQ(run->exit_code, 0) << run->err;
  EXPECT_THAT(run->out, HasSubstr("4 shards: expected 400, actual 400"));
}

TEST_F(ShardsTest, AShardWithoutACpuIsRefused) {
  const auto run = testing::RunToEnd({testing::BinaryPath("shard_counter"), "--address",
                                      daemon_->address, "--shards", "7", "--adds", "1"});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_EQ(run->exit_code, 1);
  EXPECT_THAT(run->err, HasSubstr("there are 6 CPUs"));
}

}  // namespace
}  // namespace percpud
