// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Every view of percpuctl, against a real daemon. A golden file is a transcript:
// its "$ percpuctl ..." lines are run in order against a daemon of their own and
// must print what follows them. To add a view, write a file with such lines only
// and run this test with UPDATE_GOLDEN=1, which rewrites what they print.
//
// A first line "# percpud FLAG VALUE ..." overrides flags of the daemon; "# session local" and
// "# session remote", in the order of their ids, open sessions that hold an area each; "# fleet
// FILE" starts a percpud-fleet that has no etcd and begins with that view, whose web1 is its host.
// What cannot be the same twice (times, pids, the socket's path) is replaced before it is compared.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "percpu/client.h"
#include "percpu/internal/door/admission.h"
#include "proto/percpud/abi/v1/wire.h"
#include "tests/support/process.h"
#include "tests/support/text_file.h"

namespace percpud::testing {
namespace {

constexpr absl::string_view kCommand = "$ percpuctl";
constexpr absl::string_view kDaemonFlags = "# percpud ";
constexpr absl::string_view kSession = "# session ";
constexpr absl::string_view kFleet = "# fleet ";

using Flags = std::map<std::string, std::string>;

// With the balancer's reserve off, no chunk appears at a moment of its own.
Flags DaemonFlags() {
  return {{"--cpus", "4"},
          {"--arena-size", "64MiB"},
          {"--unit-size", "64KiB"},
          {"--static-size", "4096"},
          {"--reserved-size", "8KiB"},
          {"--log-level", "error"},
          {"--empty-pages-low", "0"},
          {"--empty-pages-high", "0"},
          {"--config", PERCPUD_GOLDEN_DIR "/percpud.textproto"}};
}

// Splits at spaces; single quotes hold a word together.
std::vector<std::string> Words(absl::string_view line) {
  std::vector<std::string> words;
  bool in_word = false;
  bool quoted = false;
  for (const char c : line) {
    if (c == '\'') {
      quoted = !quoted;
      if (!in_word) words.emplace_back();
      in_word = true;
    } else if (c == ' ' && !quoted) {
      in_word = false;
    } else {
      if (!in_word) words.emplace_back();
      in_word = true;
      words.back().push_back(c);
    }
  }
  return words;
}

// Pids and uids set the width of their columns: such a table keeps only its words.
std::string SettlePeers(const std::string& text) {
  static const std::regex kJson("(\"(?:pid|uid|age_seconds)\": ?)[0-9][-+.e0-9]*");
  static const std::regex kTable("(^|\n)(ID  KIND +PID|NAME .* UID(?:  VALUE)?\n)");
  static const std::regex kField("(uid *: ) *[0-9]+");
  const std::string json = std::regex_replace(text, kJson, "$1N");
  if (!std::regex_search(json, kTable)) return std::regex_replace(json, kField, "$1N");
  static const std::regex kGap(" {2,}");
  static const std::regex kSessionRow(
      "(read-write|read-only|unmapped|remote)  ([0-9]+|-)  ([0-9]+|-)  (.*)  [0-9hm]*s  ");
  static const std::regex kPeer("(read-write|read-only|unmapped)  [0-9]+  [0-9]+");
  static const std::regex kVariableRow("(0x[0-9a-f]+  [0-9A-Za-z]+)  [0-9]+(  |\n|$)");
  std::string table = std::regex_replace(json, kGap, "  ");
  table = std::regex_replace(table, kSessionRow, "$1  $2  $3  $4  AGE  ");
  table = std::regex_replace(table, kPeer, "$1  PID  UID");
  return std::regex_replace(table, kVariableRow, "$1  UID$2");
}

// How long a host is lost and a view stale is counted from the agent's start.
std::string SettleFleet(const std::string& text) {
  static const std::regex kJson("(\"(?:lost|stale)_seconds\": ?)[0-9][-+.e0-9]*");
  static const std::regex kField("((?:lost|stale)_seconds *:? )[0-9][.0-9hms]*");
  static const std::regex kRow("(  lost  )[0-9][.0-9hms]*(  )");
  static const std::regex kGap(" {2,}");
  std::string out = std::regex_replace(text, kJson, "$1N");
  out = std::regex_replace(out, kField, "$1N");
  if (!absl::StrContains(out, "LOST FOR")) return out;
  return std::regex_replace(std::regex_replace(out, kGap, "  "), kRow, "$1AGE$2");
}

// Takes out what differs from run to run.
std::string Settle(std::string text, const std::string& address) {
  text = absl::StrReplaceAll(text, {{address, "unix:SOCKET"}, {PERCPUD_GOLDEN_DIR "/", ""}});
  text = SettleFleet(text);
  // dirty_bytes shrinks as clearing in the background proceeds.
  static const std::regex kField(
      "((?:seconds|ops_per_second|round_trip_us|dirty_bytes) *: ) *[0-9.]+B?");
  static const std::regex kJson(
      "(\"(?:elapsed_seconds|seconds|ops_per_second|round_trip_us|dirty_bytes)\": ?)[-+.e0-9]+");
  static const std::regex kElapsed("(^|\n)(elapsed_seconds)? +[0-9]+\\.[0-9]{2}( )");
  text = std::regex_replace(text, kField, "$1N");
  text = SettlePeers(std::regex_replace(text, kJson, "$1N"));
  return std::regex_replace(text, kElapsed, "$1$2    N.NN$3");
}

// A golden file: what to run, in which order.
struct Transcript {
  std::string header;
  Flags flags;
  // Their kinds, "local" or "remote".
  std::vector<std::string> sessions;
  // The file of the agent's view; empty for no agent.
  std::string fleet;
  // Without the "$ percpuctl".
  std::vector<std::string> commands;
};

Transcript Parse(const std::string& text) {
  Transcript transcript{
      .header = "", .flags = DaemonFlags(), .sessions = {}, .fleet = {}, .commands = {}};
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::StartsWith(line, "#") && transcript.commands.empty()) {
      absl::StrAppend(&transcript.header, line, "\n");
      if (absl::ConsumePrefix(&line, kDaemonFlags)) {
        const std::vector<std::string> words = Words(line);
        for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
          transcript.flags[words[i]] = words[i + 1];
        }
      } else if (absl::ConsumePrefix(&line, kSession)) {
        transcript.sessions.emplace_back(line);
      } else if (absl::ConsumePrefix(&line, kFleet)) {
        transcript.fleet = std::string(line);
      }
    } else if (absl::ConsumePrefix(&line, kCommand)) {
      transcript.commands.emplace_back(line);
    }
  }
  return transcript;
}

// An open session; a local one lives as long as its door.
struct OpenedSession {
  percpu::UniqueFd door;
  std::string token;
};

absl::StatusOr<OpenedSession> OpenSession(const std::string& address, const std::string& kind) {
  if (kind == "local") {
    namespace abi = percpud::abi::v1;
    absl::StatusOr<percpu::Admission> admission =
        percpu::Knock(address.substr(std::strlen("unix:")) + abi::kDoorSuffix,
                      {.abilities = abi::kCanRseq | abi::kCanAtomic},
                      {.deadline = percpu::Deadline::After(absl::Seconds(20))});
    if (!admission.ok()) return admission.status();
    return OpenedSession{.door = std::move(admission->door), .token = admission->token};
  }
  const auto opened =
      percpu::MakeGrpcConnection(address, {})->OpenSession("loader", absl::Hours(1));
  if (!opened.ok()) return opened.status();
  return OpenedSession{.door = {}, .token = opened->token};
}

absl::StatusOr<std::vector<OpenedSession>> OpenSessions(const std::string& address,
                                                        const std::vector<std::string>& kinds) {
  std::vector<OpenedSession> sessions;
  for (const std::string& kind : kinds) {
    absl::StatusOr<OpenedSession> session = OpenSession(address, kind);
    if (!session.ok()) return session.status();
    percpu::Client client(percpu::MakeGrpcConnection(address, {}, session->token));
    const auto area = client.Allocate({.size_bytes = 64}, {.tag = kind});
    if (!area.ok()) return area.status();
    sessions.push_back(*std::move(session));
  }
  return sessions;
}

std::string AgentAddress(const TempDir& dir) { return absl::StrCat("unix:", dir.path(), "/fleet"); }

// Starts an agent that begins with the view, and waits until it answers.
absl::StatusOr<Process> StartAgent(const TempDir& dir, const std::string& view,
                                   const std::string& percpud) {
  const std::string state = dir.path() + "/state";
  std::filesystem::create_directory(state);
  std::filesystem::copy_file(absl::StrCat(PERCPUD_GOLDEN_DIR, "/", view), state + "/view.json");
  std::ofstream(state + "/boot_id") << "boot\n";
  std::ofstream(state + "/incarnation") << "web1 boot\n";
  absl::StatusOr<Process> agent = Process::Spawn(
      {BinaryPath("percpud-fleet"), "--fleet", "shop", "--etcd", "http://127.0.0.1:1", "--host",
       "web1", "--percpud", percpud, "--listen", AgentAddress(dir), "--state-dir", state,
       "--boot-id-file", state + "/boot_id"});
  if (!agent.ok()) return agent;
  const absl::Time deadline = absl::Now() + absl::Seconds(60);
  while (absl::Now() < deadline) {
    const auto asked =
        RunToEnd({BinaryPath("percpuctl"), "fleet", "hosts", "--agent", AgentAddress(dir)});
    if (asked.ok() && asked->exit_code == 0) return agent;
  }
  return absl::DeadlineExceededError(agent->err());
}

// Runs the commands and writes down what they print.
absl::StatusOr<std::string> Play(const Transcript& transcript) {
  const TempDir dir;
  std::vector<std::string> flags;
  for (const auto& [name, value] : transcript.flags) {
    flags.push_back(name);
    flags.push_back(value);
  }
  const absl::StatusOr<RunningDaemon> daemon = StartDaemon(dir, flags);
  if (!daemon.ok()) return daemon.status();
  const auto sessions = OpenSessions(daemon->address, transcript.sessions);
  if (!sessions.ok()) return sessions.status();
  std::optional<Process> agent;
  if (!transcript.fleet.empty()) {
    absl::StatusOr<Process> started = StartAgent(dir, transcript.fleet, daemon->address);
    if (!started.ok()) return started.status();
    agent.emplace(*std::move(started));
  }
  std::string played = transcript.header;
  for (const std::string& command : transcript.commands) {
    std::vector<std::string> argv = {BinaryPath("percpuctl")};
    for (std::string& word : Words(absl::StrReplaceAll(command, {{"@", PERCPUD_GOLDEN_DIR "/"}}))) {
      argv.push_back(std::move(word));
    }
    const absl::StatusOr<RunResult> result =
        RunToEnd(argv, {absl::StrCat("PERCPUD_ADDRESS=", daemon->address),
                        absl::StrCat("PERCPUD_AGENT=", AgentAddress(dir))});
    if (!result.ok()) return result.status();
    absl::StrAppend(&played, kCommand, command, "\n",
                    Settle(absl::StrCat(result->out, result->err), daemon->address));
    if (result->exit_code != 0) absl::StrAppend(&played, "[exit ", result->exit_code, "]\n");
  }
  return played;
}

std::vector<std::string> GoldenFiles() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(PERCPUD_GOLDEN_DIR)) {
    if (entry.path().extension() == ".golden") names.push_back(entry.path().stem());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class PercpuctlGoldenTest : public ::testing::TestWithParam<std::string> {};

TEST_P(PercpuctlGoldenTest, PrintsWhatItAlwaysDid) {
  const std::string path = absl::StrCat(PERCPUD_GOLDEN_DIR "/", GetParam(), ".golden");
  const std::string golden = testing::ReadText(path);
  const Transcript transcript = Parse(golden);
  ASSERT_FALSE(transcript.commands.empty()) << path << " has no '" << kCommand << "' line";
  const absl::StatusOr<std::string> played = Play(transcript);
  ASSERT_TRUE(played.ok()) << played.status();
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path) << *played;
  } else {
    EXPECT_EQ(*played, golden) << "UPDATE_GOLDEN=1 accepts the change";
  }
}

INSTANTIATE_TEST_SUITE_P(Views, PercpuctlGoldenTest, ::testing::ValuesIn(GoldenFiles()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace percpud::testing
