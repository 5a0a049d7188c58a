// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

// top: frames of a daemon that is made up, at a time that is too.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "tests/unit/cli/cli_runner.h"

namespace percpu::cli {
namespace {

using ::testing::_;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Return;
using ::testing::StartsWith;

constexpr Pointer kRequests{0x40};
constexpr Pointer kHits{0x1000};
constexpr Pointer kDepth{0x2000};

class TopTest : public ::testing::Test {
 protected:
  TopTest() {
    ON_CALL(daemon_, GetStats).WillByDefault([this] {
      return Stats{.nr_alloc = static_cast<std::uint64_t>(100 + Seconds() * 20),
                   .nr_cur_alloc = 3,
                   .nr_chunks = 2,
                   .live_bytes = 4096,
                   .utilisation = 0.25};
    });
    ON_CALL(daemon_, ListSessions).WillByDefault(Return(Sessions()));
    ON_CALL(daemon_, ListChunks).WillByDefault(Return(Chunks()));
    ON_CALL(daemon_, ListStaticVariables).WillByDefault(Return(Statics()));
    ON_CALL(daemon_, ListVariables).WillByDefault(Return(Variables()));
    // 10 requests and 250 hits a second; the depth of a queue falls.
    ON_CALL(daemon_, Sum(kRequests, _)).WillByDefault([this] { return Seconds() * 10; });
    ON_CALL(daemon_, Sum(kHits, _)).WillByDefault([this] { return 1000 + Seconds() * 250; });
    ON_CALL(daemon_, Sum(kDepth, _)).WillByDefault([this] { return 500 - Seconds() * 100; });
  }

  [[nodiscard]] std::int64_t Seconds() const { return absl::ToInt64Seconds(cli_.now - start_); }

  static std::vector<SessionInfo> Sessions() {
    std::vector<SessionInfo> sessions;
    for (const std::uint64_t bytes : {64, 4096, 128}) {
      SessionInfo& session = sessions.emplace_back();
      session.id = SessionId{sessions.size()};
      session.kind = SessionKind::kRemote;
      session.command = "loader";
      session.held_bytes = bytes;
    }
    return sessions;
  }
  static std::vector<ChunkInfo> Chunks() {
    std::vector<ChunkInfo> chunks;
    for (const std::uint64_t free : {65536, 16384}) {
      ChunkInfo& chunk = chunks.emplace_back();
      chunk.id = ChunkId{static_cast<std::uint32_t>(chunks.size())};
      chunk.kind = ChunkKind::kDynamic;
      chunk.capacity_bytes = 65536;
      chunk.free_bytes = free;
      chunk.largest_run_bytes = 8192;
      chunk.live_areas = 7;
    }
    return chunks;
  }
  static std::vector<StaticVariable> Statics() {
    return {{.name = "requests", .type = VariableType::kCounter, .pointer = kRequests},
            {.name = "scratch", .type = VariableType::kBytes}};
  }
  static std::vector<Variable> Variables() {
    return {{.name = "depth", .type = VariableType::kGauge, .pointer = kDepth, .uid = {}},
            {.name = "hits", .type = VariableType::kCounter, .pointer = kHits, .uid = {}},
            {.name = "map", .type = VariableType::kBytes, .pointer = Pointer{0x3000}, .uid = {}}};
  }

  CliRunner cli_;
  mocks::MockConnection& daemon_ = *cli_.connection;
  const percpud::BootTime start_ = cli_.now;
};

TEST_F(TopTest, AFrameHasTheHeaviestFirst) {
  const CliRunner::Result result = cli_.Run({"top", "-n", "1", "--interval", "2s"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out,
            "elapsed_seconds 2.00  nr_sessions 3  nr_cur_alloc 3  live_bytes 4KiB\n"
            "utilisation 25.0%  nr_chunks 2  leased_chunks 0  allocs_per_second 20.00\n"
            "frees_per_second 0.00  failed_allocs_per_second 0.00\n"
            "refused_frees_per_second 0.00\n"
            "\n"
            "sessions, by bytes:\n"
            "ID  KIND    PID  UID  COMMAND  AGE  BYTES  AREAS  LEASES\n"
            " 2  remote    -    -  loader    0s   4KiB      0       0\n"
            " 3  remote    -    -  loader    0s   128B      0       0\n"
            " 1  remote    -    -  loader    0s    64B      0       0\n"
            "\n"
            "chunks, by fill:\n"
            "ID  KIND      USED  CAPACITY   FREE  LARGEST  AREAS\n"
            " 2  dynamic  75.0%     64KiB  16KiB     8KiB      7\n"
            " 1  dynamic   0.0%     64KiB  64KiB     8KiB      7\n"
            "\n"
            "counters and gauges, by adds per second:\n"
            "NAME      TYPE      SUM   ADDS/S\n"
            "hits      counter  1500   250.00\n"
            "depth     gauge     300  -100.00\n"
            "requests  counter    20    10.00\n");
}

TEST_F(TopTest, JsonIsAnObjectALine) {
  const CliRunner::Result result = cli_.Run({"-o", "json", "top", "-n", "3"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const std::vector<std::string> lines = absl::StrSplit(result.out, '\n');
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines.back(), "");
  for (int frame = 0; frame < 3; ++frame) {
    const auto json = nlohmann::json::parse(lines[static_cast<std::size_t>(frame)]);
    EXPECT_EQ(json["elapsed_seconds"], frame + 1.0);
    EXPECT_EQ(json["variables"][0]["name"], "hits");
    EXPECT_EQ(json["variables"][0]["sum"], 1000 + 250 * (frame + 1));
    EXPECT_EQ(json["variables"][0]["adds_per_second"], 250.0);
    EXPECT_EQ(json["sessions"].size(), 3U);
    EXPECT_EQ(json["chunks"][0]["used"], 0.75);
  }
}

TEST_F(TopTest, ATerminalIsRefreshedAndAPipeIsNot) {
  EXPECT_THAT(cli_.Run({"top", "-n", "2"}).out, Not(HasSubstr("\x1b")));
  cli_.style.refresh = true;
  const std::string out = cli_.Run({"top", "-n", "2"}).out;
  EXPECT_THAT(out, StartsWith("\x1b[H\x1b[2Jelapsed_seconds"));
  EXPECT_THAT(out.substr(1), HasSubstr("\x1b[H\x1b[2Jelapsed_seconds"));
}

TEST_F(TopTest, RowsLimitsEveryTable) {
  const auto json =
      nlohmann::json::parse(cli_.Run({"-o", "json", "top", "-n", "1", "--rows", "1"}).out);
  for (const char* table : {"sessions", "chunks", "variables"}) EXPECT_EQ(json[table].size(), 1U);
  EXPECT_EQ(json["nr_sessions"], 3);
}

TEST_F(TopTest, WhatComesHasNoRateYetAndWhatGoesIsLeftOut) {
  EXPECT_CALL(daemon_, ListVariables)
      .WillOnce(Return(std::vector<Variable>()))
      .WillRepeatedly(Return(Variables()));
  EXPECT_CALL(daemon_, Sum).Times(::testing::AnyNumber());
  EXPECT_CALL(daemon_, Sum(kDepth, _))
      .WillRepeatedly(Return(absl::NotFoundError("removed just now")));
  const auto json = nlohmann::json::parse(cli_.Run({"-o", "json", "top", "-n", "1"}).out);
  ASSERT_EQ(json["variables"].size(), 2U);
  EXPECT_EQ(json["variables"][0]["name"], "requests");
  EXPECT_EQ(json["variables"][1]["name"], "hits");
  EXPECT_TRUE(json["variables"][1]["adds_per_second"].is_null());
}

TEST_F(TopTest, AFrameFitsTheScreen) {
  cli_.style = {.refresh = true, .columns = 80, .rows = 24};
  // More of everything than there is room for.
  std::vector<SessionInfo> sessions;
  for (std::uint64_t id = 1; id <= 50; ++id) {
    sessions.push_back({.id = SessionId{id},
                        .kind = SessionKind::kLocalReadWrite,
                        .pid = 4'000'000,
                        .uid = 1'000'000,
                        .command = std::string(60, 'x'),
                        .age = {}});
  }
  EXPECT_CALL(daemon_, ListSessions).WillRepeatedly(Return(sessions));
  const std::string out = cli_.Run({"top", "-n", "1"}).out;
  const std::vector<std::string> lines = absl::StrSplit(out, '\n');
  // The cursor stands on the last row, after the last newline.
  EXPECT_LE(lines.size(), 24U);
  EXPECT_THAT(lines.front(), HasSubstr("elapsed_seconds"));
  for (std::size_t i = 1; i < lines.size(); ++i) EXPECT_LE(lines[i].size(), 80U) << lines[i];
  // All three tables have a place.
  EXPECT_THAT(out, HasSubstr("hits"));
  // Even where not all of a frame fits, it begins at its beginning.
  cli_.style.rows = 10;
  const std::vector<std::string> few = absl::StrSplit(cli_.Run({"top", "-n", "1"}).out, '\n');
  EXPECT_EQ(few.size(), 10U);
  EXPECT_THAT(few.front(), HasSubstr("elapsed_seconds"));
}

TEST_F(TopTest, QuittingIsNoFailure) {
  cli_.waits_before_quit = 3;
  const CliRunner::Result result = cli_.Run({"-o", "json", "top"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(std::count(result.out.begin(), result.out.end(), '\n'), 2);
}

TEST_F(TopTest, ItGoesOnWhenTheDaemonIsRestarted) {
  EXPECT_CALL(daemon_, GetStats)
      .WillOnce(Return(Stats{.nr_alloc = 1000}))
      .WillOnce(Return(absl::UnavailableError("gone")))
      .WillOnce(Return(absl::UnavailableError("gone")))
      .WillOnce(Return(Stats{.nr_alloc = 10}));
  const CliRunner::Result result = cli_.Run({"-o", "json", "top", "-n", "1"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "percpuctl: the daemon is gone; waiting for it to come back\n");
  const auto json = nlohmann::json::parse(result.out);
  EXPECT_EQ(json["elapsed_seconds"], 3.0);
  EXPECT_EQ(json["allocs_per_second"], 0.0);
}

TEST_F(TopTest, ADaemonThatWasNeverThereEndsIt) {
  EXPECT_CALL(daemon_, GetStats).WillOnce(Return(absl::UnavailableError("gone")));
  const CliRunner::Result result = cli_.Run({"top"});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_THAT(result.err, HasSubstr("cannot reach percpud"));
}

}  // namespace
}  // namespace percpu::cli
