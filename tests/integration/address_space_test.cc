// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// A daemon whose address space is limited while it runs.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "proto/percpud/abi/v1/handoff.h"
#include "tests/support/process.h"
#include "tests/support/sanitizers.h"
#include "tests/unit/handoff/visitor.h"

namespace percpud {
namespace {

using testing::Process;

constexpr absl::Duration kPatience = absl::Minutes(1);

// What a session needs is not there: who comes is told so, and the daemon goes on.
TEST(AddressSpaceOfProcessesTest, TheDoorRefusesWhoNeedsMemory) {
  if (testing::kThreadSanitizer || testing::kAddressSanitizer) {
    GTEST_SKIP() << "a sanitizer has an allocator of its own";
  }
  // Threads of their own heaps have address space put by.
  setenv("MALLOC_ARENA_MAX", "1", 1);
  const testing::TempDir dir;
  auto running = testing::StartDaemon(dir, {"--arena-size", "64MiB"});
  ASSERT_TRUE(running.ok()) << running.status();
  Process& daemon = running->process;
  const std::string door = dir.path() + "/percpud.sock.door";
  abi::v1::Hello hello = testing::GoodHello();
  hello.version = abi::v1::kHandoffLaneVersion;
  rlimit before{};
  ASSERT_EQ(prlimit(daemon.pid(), RLIMIT_AS, nullptr, &before), 0);
  std::uint64_t pages = 0;
  std::ifstream(absl::StrCat("/proc/", daemon.pid(), "/statm")) >> pages;
  const rlimit none{.rlim_cur = pages * 4096, .rlim_max = before.rlim_max};
  ASSERT_EQ(prlimit(daemon.pid(), RLIMIT_AS, &none, nullptr), 0);

  std::vector<std::unique_ptr<testing::Visitor>> visitors;
  std::optional<abi::v1::Refusal> refusal;
  while (!refusal && visitors.size() < 900) {
    visitors.push_back(std::make_unique<testing::Visitor>(door));
    visitors.back()->Say(hello);
    const testing::Reply reply = visitors.back()->Hear();
    if (const auto* said = std::get_if<abi::v1::Refusal>(&reply.said)) refusal = *said;
  }
  ASSERT_TRUE(refusal) << "there was memory for all";
  EXPECT_EQ(refusal->code, static_cast<std::uint32_t>(absl::StatusCode::kUnavailable));
  EXPECT_EQ(daemon.Wait(absl::ZeroDuration()).status().code(), absl::StatusCode::kDeadlineExceeded)
      << daemon.err();

  ASSERT_EQ(prlimit(daemon.pid(), RLIMIT_AS, &before, nullptr), 0);
  const testing::Visitor last(door);
  last.Say(hello);
  EXPECT_TRUE(std::holds_alternative<abi::v1::Welcome>(last.Hear().said));
  daemon.Kill(SIGTERM);
  EXPECT_EQ(daemon.Wait(kPatience).value_or(-1), 0) << daemon.err();
}

}  // namespace
}  // namespace percpud
