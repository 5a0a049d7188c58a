// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

// replay against an allocator of a few lines that counts the calls.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdint>
#include <fstream>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/cli/cli_runner.h"

namespace percpu::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Return;

// Grants what is not over a limit, as long as there is room; refuses a free of what is
// not live.
class FakeAllocator {
 public:
  explicit FakeAllocator(mocks::MockConnection& connection) {
    ON_CALL(connection, Alloc)
        .WillByDefault([this](std::span<const AreaSpec> specs, const AllocateOptions& /*options*/) {
          return Alloc(specs);
        });
    ON_CALL(connection, Free).WillByDefault([this](std::span<const Pointer> pointers) {
      return Free(pointers);
    });
    ON_CALL(connection, GetStats).WillByDefault(Return(Stats{.utilisation = 0.25}));
  }

  void set_room(std::uint64_t bytes) { room_ = bytes; }
  [[nodiscard]] std::size_t live() const { return live_.size(); }
  [[nodiscard]] int alloc_calls() const { return alloc_calls_; }
  [[nodiscard]] int free_calls() const { return free_calls_; }

 private:
  static constexpr std::uint64_t kLimit = 1000;
  static constexpr std::uint32_t kMaxAlignment = 4096;

  absl::StatusOr<std::vector<Pointer>> Alloc(std::span<const AreaSpec> specs) {
    ++alloc_calls_;
    std::uint64_t wanted = 0;
    for (const AreaSpec& spec : specs) {
      if (spec.size_bytes == 0) return absl::UnavailableError("gone");
      if (spec.size_bytes > kLimit) return absl::ResourceExhaustedError("full");
      if (spec.alignment > kMaxAlignment) return absl::InvalidArgumentError("alignment");
      wanted += spec.size_bytes;
    }
    if (wanted > room_) return absl::ResourceExhaustedError("full");
    room_ -= wanted;
    std::vector<Pointer> pointers;
    for (std::size_t i = 0; i < specs.size(); ++i) {
      live_.insert(next_);
      pointers.push_back(next_);
      next_ = next_ + 8;
    }
    return pointers;
  }

  absl::StatusOr<std::uint64_t> Free(std::span<const Pointer> pointers) {
    ++free_calls_;
    for (const Pointer pointer : pointers) {
      if (live_.erase(pointer) == 0) return absl::NotFoundError("not live");
    }
    return 8 * pointers.size();
  }

  std::uint64_t room_ = ~std::uint64_t{0};
  std::set<Pointer> live_;
  Pointer next_{64};
  int alloc_calls_ = 0;
  int free_calls_ = 0;
};

class ReplayTest : public ::testing::Test {
 protected:
  CliRunner::Result Replay(const std::string& trace, std::vector<std::string> flags = {}) {
    const std::string path =
        absl::StrCat(::testing::TempDir(), "/",
                     ::testing::UnitTest::GetInstance()->current_test_info()->name(), ".trace");
    std::ofstream(path) << trace;
    flags.insert(flags.begin(), {"-o", "json", "replay", path});
    CliRunner::Result result = cli_.Run(std::move(flags));
    unlink(path.c_str());
    return result;
  }

  CliRunner cli_;
  FakeAllocator allocator_{*cli_.connection};
};

TEST_F(ReplayTest, OneByOneEveryLineIsACall) {
  const CliRunner::Result result = Replay("a 0 8 8\na 1 16 8\nf 0\n");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(allocator_.alloc_calls(), 2);
  EXPECT_EQ(allocator_.free_calls(), 1);
  EXPECT_EQ(allocator_.live(), 1);
  EXPECT_THAT(result.out, HasSubstr("\"ops\": 3,\n  \"allocs\": 2,\n  \"frees\": 1,\n"
                                    "  \"refused\": 0,\n  \"live_at_end\": 1,\n"
                                    "  \"mean_utilisation\": 0.25,"));
}

TEST_F(ReplayTest, AWindowIsTwoCalls) {
  EXPECT_EQ(Replay("a 0 8 8\na 1 8 8\nf 0\nf 1\na 2 8 8\n", {"--batch", "4"}).exit_code, 0);
  EXPECT_EQ(allocator_.alloc_calls(), 2);
  EXPECT_EQ(allocator_.free_calls(), 1);
  EXPECT_EQ(allocator_.live(), 1);
}

TEST_F(ReplayTest, AnIdThatComesBackInAWindowIsNotConfused) {
  const CliRunner::Result result =
      Replay("a 0 8 8\nf 0\na 0 8 8\nf 0\na 0 8 8\n", {"--batch", "100"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(allocator_.live(), 1);
  EXPECT_THAT(result.out, HasSubstr("\"allocs\": 3,\n  \"frees\": 2,"));
}

TEST_F(ReplayTest, ARefusedBatchIsGrantedAsFarAsItFits) {
  const CliRunner::Result result =
      Replay("a 0 8 8\na 1 5000 8\na 2 8 8\nf 1\n", {"--batch", "100"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(allocator_.live(), 2);
  EXPECT_THAT(result.out, HasSubstr("\"allocs\": 2,\n  \"frees\": 0,\n  \"refused\": 1,"));
}

TEST_F(ReplayTest, AFullDaemonIsAskedAFewTimesForAWindow) {
  allocator_.set_room(std::uint64_t{8} * 1500);
  std::string trace;
  for (int i = 0; i < 4096; ++i) absl::StrAppend(&trace, "a ", i, " 8 8\n");
  const CliRunner::Result result = Replay(trace, {"--batch", "1024"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(allocator_.live(), 1500);
  EXPECT_THAT(result.out, HasSubstr("\"allocs\": 1500,\n  \"frees\": 0,\n  \"refused\": 2596,"));
  // Eleven halves of a window, and those that fit.
  EXPECT_LE(allocator_.alloc_calls(), 4 * 12 + 10);
}

// Every kind of refusal in one window, against the same trace line by line.
TEST_F(ReplayTest, WhatIsGrantedIsWhatSingleCallsAreGranted) {
  std::string trace;
  std::uint32_t random = 1;
  for (int i = 0; i < 600; ++i) {
    random = random * 1103515245 + 12345;
    const std::uint32_t size = 1 + (random >> 16) % 1100;
    absl::StrAppend(&trace, "a ", i, " ", size, " ", i % 50 == 49 ? 8192 : 8, "\n");
  }
  const std::string counts[] = {"1", "7", "512"};
  std::set<std::string> seen;
  for (const std::string& batch : counts) {
    allocator_.set_room(100'000);
    const std::size_t before = allocator_.live();
    const CliRunner::Result result = Replay(trace, {"--batch", batch});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_GT(allocator_.live(), before);
    seen.insert(result.out.substr(0, result.out.find("\"mean_utilisation\"")));
  }
  EXPECT_EQ(seen.size(), 1) << *seen.begin() << *seen.rbegin();
}

TEST_F(ReplayTest, FreeGivesBackTheRestAfterCountingIt) {
  const CliRunner::Result result = Replay("a 0 8 8\na 1 8 8\nf 1\n", {"--free"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(allocator_.live(), 0);
  EXPECT_THAT(result.out, HasSubstr("\"live_at_end\": 1,"));
}

TEST_F(ReplayTest, ADaemonThatGoesEndsTheReplay) {
  const CliRunner::Result result = Replay("a 0 8 8\na 1 0 8\na 2 8 8\n");
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(allocator_.alloc_calls(), 2);
}

TEST_F(ReplayTest, AReplayThatEndsEarlyLeavesNothing) {
  Replay("a 0 8 8\na 1 8 8\na 2 0 8\n");
  EXPECT_EQ(allocator_.live(), 0);
}

TEST_F(ReplayTest, AnInterruptFreesWhatWasMade) {
  // Comes in the middle: with the third look at the statistics.
  int looks = 0;
  EXPECT_CALL(*cli_.connection, GetStats).WillRepeatedly([&] {
    if (++looks == 3) std::raise(SIGINT);
    return Stats();
  });
  const CliRunner::Result result = Replay("a 0 8 8\na 1 8 8\nf 0\na 2 8 8\na 3 8 8\n");
  EXPECT_EQ(result.exit_code, 128 + SIGINT);
  EXPECT_EQ(result.err, "percpuctl: interrupted; freed the 1 areas it had made\n");
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(allocator_.alloc_calls(), 2);
  EXPECT_EQ(allocator_.live(), 0);
}

TEST_F(ReplayTest, ABadLineIsNamedAndNothingRuns) {
  const CliRunner::Result result = Replay("a 0 8 8\nf 9\n");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr(".trace:2: "));
  EXPECT_EQ(allocator_.alloc_calls(), 0);
}

TEST_F(ReplayTest, AnEmptyTraceIsNoWork) {
  const CliRunner::Result result = Replay("");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("\"ops\": 0,"));
}

TEST_F(ReplayTest, ABarIsDrawnOnlyWhenSomebodyWatches) {
  EXPECT_EQ(Replay("a 0 8 8\n").err, "");
  cli_.progress = true;
  const CliRunner::Result result = Replay("a 0 8 8\nf 0\n");
  EXPECT_THAT(result.err, HasSubstr("] 1 of 2"));
  EXPECT_THAT(result.err, ::testing::EndsWith("\r\x1b[K"));
}

}  // namespace
}  // namespace percpu::cli
