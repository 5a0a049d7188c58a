// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

// top: frames of a daemon that is made up, at a time that is too.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "tests/unit/cli/cli_runner.h"

namespace percpu::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Return;
using ::testing::StartsWith;

constexpr std::uint64_t kRequests = 0x40;
constexpr std::uint64_t kHits = 0x1000;
constexpr std::uint64_t kDepth = 0x2000;

class TopTest : public ::testing::Test {
 protected:
  TopTest() {
    ON_CALL(daemon_, GetStats).WillByDefault([this](const auto&) {
      v1::GetStatsResponse response;
      response.mutable_stats()->set_nr_alloc(100 + Seconds() * 20);
      response.mutable_stats()->set_nr_cur_alloc(3);
      response.mutable_stats()->set_live_bytes(4096);
      response.mutable_stats()->set_nr_chunks(2);
      response.mutable_stats()->set_utilisation(0.25);
      return response;
    });
    ON_CALL(daemon_, ListSessions).WillByDefault(Return(Sessions()));
    ON_CALL(daemon_, ListChunks).WillByDefault(Return(Chunks()));
    ON_CALL(daemon_, ListStaticVariables).WillByDefault(Return(Statics()));
    ON_CALL(daemon_, ListVariables).WillByDefault(Return(Variables()));
    // 10 requests and 250 hits a second; the depth of a queue falls.
    ON_CALL(daemon_, Sum).WillByDefault([this](const v1::SumRequest& request) {
      v1::SumResponse response;
      if (request.pointer() == kRequests) response.set_sum(Seconds() * 10);
      if (request.pointer() == kHits) response.set_sum(1000 + Seconds() * 250);
      if (request.pointer() == kDepth) response.set_sum(500 - Seconds() * 100);
      return response;
    });
  }

  [[nodiscard]] std::int64_t Seconds() const { return absl::ToUnixSeconds(cli_.now) - start_; }

  static v1::ListSessionsResponse Sessions() {
    v1::ListSessionsResponse response;
    for (const std::uint64_t bytes : {64, 4096, 128}) {
      v1::Session& session = *response.add_sessions();
      session.set_session_id(response.sessions_size());
      session.set_kind(v1::SESSION_KIND_REMOTE);
      session.set_command("loader");
      session.set_held_bytes(bytes);
    }
    return response;
  }
  static v1::ListChunksResponse Chunks() {
    v1::ListChunksResponse response;
    for (const std::uint64_t free : {65536, 16384}) {
      v1::Chunk& chunk = *response.add_chunks();
      chunk.set_chunk_id(response.chunks_size());
      chunk.set_kind(v1::CHUNK_KIND_DYNAMIC);
      chunk.set_capacity_bytes(65536);
      chunk.set_free_bytes(free);
      chunk.set_largest_run_bytes(8192);
      chunk.set_live_areas(7);
    }
    return response;
  }
  static v1::ListStaticVariablesResponse Statics() {
    v1::ListStaticVariablesResponse response;
    v1::StaticVariable& counter = *response.add_static_variables();
    counter.set_name("requests");
    counter.set_type(v1::VARIABLE_TYPE_COUNTER);
    counter.set_pointer(kRequests);
    v1::StaticVariable& bytes = *response.add_static_variables();
    bytes.set_name("scratch");
    bytes.set_type(v1::VARIABLE_TYPE_BYTES);
    return response;
  }
  static v1::ListVariablesResponse Variables() {
    v1::ListVariablesResponse response;
    const auto add = [&](const char* name, v1::VariableType type, std::uint64_t pointer) {
      v1::Variable& variable = *response.add_variables();
      variable.set_name(name);
      variable.set_type(type);
      variable.set_pointer(pointer);
    };
    add("depth", v1::VARIABLE_TYPE_GAUGE, kDepth);
    add("hits", v1::VARIABLE_TYPE_COUNTER, kHits);
    add("map", v1::VARIABLE_TYPE_BYTES, 0x3000);
    return response;
  }

  CliRunner cli_;
  mocks::MockConnection& daemon_ = *cli_.connection;
  const std::int64_t start_ = absl::ToUnixSeconds(cli_.now);
};

TEST_F(TopTest, AFrameHasTheHeaviestFirst) {
  const CliRunner::Result result = cli_.Run({"top", "-n", "1", "--interval", "2s"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out,
            "elapsed_seconds          :  2.00\n"
            "nr_sessions              :     3\n"
            "nr_cur_alloc             :     3  areas\n"
            "live_bytes               :  4KiB  of one unit\n"
            "utilisation              : 25.0%\n"
            "nr_chunks                :     2\n"
            "leased_chunks            :     0\n"
            "allocs_per_second        : 20.00\n"
            "frees_per_second         :  0.00\n"
            "failed_allocs_per_second :  0.00\n"
            "refused_frees_per_second :  0.00\n"
            "\n"
            "sessions, by bytes:\n"
            "ID  KIND    PID  UID  COMMAND  MODE  AGE  BYTES  AREAS  LEASES\n"
            " 2  remote    -    -  loader      -   0s   4KiB      0       0\n"
            " 3  remote    -    -  loader      -   0s   128B      0       0\n"
            " 1  remote    -    -  loader      -   0s    64B      0       0\n"
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
      .WillOnce(Return(v1::ListVariablesResponse()))
      .WillRepeatedly(Return(Variables()));
  EXPECT_CALL(daemon_, Sum).Times(::testing::AnyNumber());
  EXPECT_CALL(daemon_, Sum(::testing::Property(&v1::SumRequest::pointer, kDepth)))
      .WillRepeatedly(Return(absl::NotFoundError("removed just now")));
  const auto json = nlohmann::json::parse(cli_.Run({"-o", "json", "top", "-n", "1"}).out);
  ASSERT_EQ(json["variables"].size(), 2U);
  EXPECT_EQ(json["variables"][0]["name"], "requests");
  EXPECT_EQ(json["variables"][1]["name"], "hits");
  EXPECT_TRUE(json["variables"][1]["adds_per_second"].is_null());
}

TEST_F(TopTest, ADaemonThatGoesEndsIt) {
  EXPECT_CALL(daemon_, GetStats)
      .WillOnce(Return(v1::GetStatsResponse()))
      .WillOnce(Return(absl::UnavailableError("gone")));
  const CliRunner::Result result = cli_.Run({"top"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("cannot reach percpud"));
}

}  // namespace
}  // namespace percpu::cli
