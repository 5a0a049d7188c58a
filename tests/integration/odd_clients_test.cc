// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Clients in surroundings where restartable sequences do not work as elsewhere:
// under valgrind, without registration, stepped by a debugger. They count to the
// last one, and end.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "percpu/session.h"
#include "server/rseq/self_test.h"
#include "tests/support/process.h"
#include "tests/support/sanitizers.h"

// Where a debugger stops.
extern "C" __attribute__((noinline)) bool PercpudOddIncrement(
    const percpu::Ref<std::uint64_t>* counter) {
  return counter->Increment();
}

namespace percpu {
namespace {

using ::testing::HasSubstr;

constexpr bool kSanitized =
    percpud::testing::kAddressSanitizer || percpud::testing::kThreadSanitizer;

// valgrind takes half a minute for gRPC alone.
constexpr absl::Duration kPatience = absl::Minutes(4);

const char* Name(Updates updates) {
  switch (updates) {
    case Updates::kRseq:
      return "rseq";
    case Updates::kAtomic:
      return "atomic";
    case Updates::kRpc:
      return "rpc";
  }
  return "?";
}

// What the tests below run in a process of its own.
TEST(OddClient, Counts) {
  const char* address = getenv("PERCPUD_ODD_CLIENT_OF");
  const char* adds = getenv("PERCPUD_ODD_ADDS");
  if (address == nullptr || adds == nullptr) GTEST_SKIP() << "runs as OddClientsTest's client";
  std::uint64_t left = 0;
  ASSERT_TRUE(absl::SimpleAtoi(adds, &left));
  const auto session = Session::Open(address, {.calls = {.deadline = absl::Minutes(2)}});
  ASSERT_TRUE(session.ok()) << session.status();
  const auto area = (*session)->client().Allocate({.size_bytes = 64});
  ASSERT_TRUE(area.ok()) << area.status();
  const auto counter = (*session)->Counter("odd");
  ASSERT_TRUE(counter.ok()) << counter.status();
  std::printf("updates by %s\n", Name((*session)->update_mode()));
  std::fflush(stdout);
  for (; left > 0; --left) ASSERT_TRUE(PercpudOddIncrement(&*counter));
  ASSERT_TRUE((*session)->client().Free(*area).ok());
}

class OddClientsTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (is_rseq() && !percpud::rseq::RseqWorks()) GTEST_SKIP() << "no restartable sequences here";
    auto daemon = percpud::testing::StartDaemon(dir_, {"--update-mode", GetParam()});
    ASSERT_TRUE(daemon.ok()) << daemon.status();
    daemon_.emplace(*std::move(daemon));
  }
  [[nodiscard]] bool is_rseq() const { return std::string(GetParam()) == "rseq"; }

  // Runs the client by `wrapper` and returns what it printed, once it has ended
  // well and its adds are all there.
  std::string Count(std::vector<std::string> wrapper, std::uint64_t adds,
                    std::vector<std::string> env = {}) {
    std::array<char, 4096> self{};
    const ssize_t size = readlink("/proc/self/exe", self.data(), self.size());
    wrapper.emplace_back(self.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    wrapper.emplace_back("--gtest_filter=OddClient.Counts");
    env.push_back("PERCPUD_ODD_CLIENT_OF=" + daemon_->address);
    env.push_back(absl::StrCat("PERCPUD_ODD_ADDS=", adds));
    auto process = percpud::testing::Process::Spawn(wrapper, env);
    EXPECT_TRUE(process.ok()) << process.status();
    if (!process.ok()) return "";
    const absl::StatusOr<int> code = process->Wait(kPatience);
    EXPECT_TRUE(code.ok()) << code.status() << process->out();
    EXPECT_EQ(code.value_or(-1), 0) << process->out() << process->err();
    Client client = *Client::Connect(daemon_->address);
    const auto counter = client.OpenVariable({.name = "odd"});
    EXPECT_TRUE(counter.ok()) << counter.status() << process->out();
    if (!counter.ok()) return "";
    EXPECT_EQ(*client.Sum(counter->variable.pointer), static_cast<std::int64_t>(adds));
    return process->out();
  }

  const percpud::testing::TempDir dir_;
  std::optional<percpud::testing::RunningDaemon> daemon_;
};

bool IsInstalled(const char* tool) { return access(tool, X_OK) == 0; }

TEST_P(OddClientsTest, WithoutRegistrationItIsServedByTheDaemonOrLocks) {
  const std::string out = Count({}, 5000, {"GLIBC_TUNABLES=glibc.pthread.rseq=0"});
  EXPECT_THAT(out, HasSubstr(is_rseq() ? "updates by rpc" : "updates by atomic"));
}

TEST_P(OddClientsTest, UnderValgrindItCounts) {
  if (!IsInstalled("/usr/bin/valgrind")) GTEST_SKIP() << "no valgrind";
  if (kSanitized) GTEST_SKIP() << "valgrind does not run sanitized programs";
  const std::string out =
      Count({"/usr/bin/valgrind", "--quiet", "--undef-value-errors=no", "--leak-check=no"}, 300);
  EXPECT_THAT(out, HasSubstr(is_rseq() ? "updates by rpc" : "updates by atomic"));
}

// Single steps interrupt every sequence, so that none commits: after some
// attempts the client turns to the daemon, and counts on when it is let go.
TEST_P(OddClientsTest, SteppedByADebuggerItCounts) {
  if (!IsInstalled("/usr/bin/gdb")) GTEST_SKIP() << "no gdb";
  if (kSanitized) GTEST_SKIP() << "leaks cannot be looked for under a debugger";
  const std::string out = Count({"/usr/bin/gdb", "--nx",
                                 "--batch",      "--return-child-result",
                                 "-ex",          "set debuginfod enabled off",
                                 "-ex",          "set startup-with-shell off",
                                 "-ex",          "set breakpoint pending on",
                                 "-ex",          "break PercpudOddIncrement",
                                 "-ex",          "run",
                                 "-ex",          "stepi 3000",
                                 "-ex",          "delete",
                                 "-ex",          "continue",
                                 "--args"},
                                2000);
  EXPECT_THAT(out, HasSubstr("Breakpoint 1,"));
  EXPECT_THAT(out, HasSubstr(absl::StrCat("updates by ", GetParam())));
}

INSTANTIATE_TEST_SUITE_P(Modes, OddClientsTest, ::testing::Values("rseq", "atomic"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace percpu
