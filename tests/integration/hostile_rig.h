// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_INTEGRATION_HOSTILE_RIG_H_
#define PERCPUD_TESTS_INTEGRATION_HOSTILE_RIG_H_

#include <dirent.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "percpu/session.h"
#include "proto/percpud/abi/v1/wire.h"
#include "server/base/unique_fd.h"
#include "tests/integration/children.h"
#include "tests/support/process.h"
#include "tests/support/sanitizers.h"

namespace percpud::testing {

// What attacker and test know of each other: shared memory.
struct AttackState {
  std::atomic<bool> stop;
  std::atomic<std::uint64_t> rounds;
};

// A real daemon, attackers that are other processes of another user, and an honest
// client that has to be served meanwhile. Afterwards nothing of the attack is left.
class HostileRig : public ::testing::Test {
 protected:
  static constexpr absl::Duration kPatience = absl::Seconds(60);
  static constexpr uid_t kSomebodyElse = 65534;

  void SetUp() override { StartWith({}); }
  void StartWith(std::vector<std::string> flags) {
    flags.insert(flags.begin(), {"--socket-mode", "0666"});
    auto daemon = StartDaemon(dir_, flags);
    ASSERT_TRUE(daemon.ok()) << daemon.status();
    daemon_.emplace(*std::move(daemon));
    // Open to the user that attackers become.
    ASSERT_EQ(chmod(dir_.path().c_str(), 0755), 0);
    resident_before_ = ResidentBytes();
  }
  void TearDown() override {
    EndAttacks();
    if (!daemon_.has_value()) return;
    ExpectNothingIsLeft();
    daemon_->process.Kill(SIGTERM);
    EXPECT_EQ(daemon_->process.Wait(kPatience).value_or(-1), 0) << daemon_->process.err();
  }

  // Has another process, of another user where that can be, run `round` again and again
  // until the test is over. Returns when it has run `rounds` times: the attack is under
  // way. Call it before the honest client: a child of a process that uses gRPC has none.
  void Attack(const std::function<void()>& round, std::uint64_t rounds = 3) {
    auto* const state = new (Share()) AttackState{};
    states_.push_back(state);
    attackers_.push_back(std::make_unique<percpu::testing::Child>([&round, state] {
      if (geteuid() == 0 && (setgid(kSomebodyElse) != 0 || setuid(kSomebodyElse) != 0)) return 2;
      signal(SIGPIPE, SIG_IGN);
      while (!state->stop) {
        round();
        ++state->rounds;
      }
      return 0;
    }));
    EXPECT_TRUE(AwaitThat([&] { return state->rounds >= rounds; })) << "no attack";
  }
  void EndAttacks() {
    for (AttackState* const state : states_) state->stop = true;
    for (const auto& attacker : attackers_) EXPECT_EQ(attacker->Wait(), 0);
    attackers_.clear();
  }

  // A client comes in and is served, over the side door and over gRPC, as if nothing were.
  void ExpectHonestIsServed() {
    percpu::SessionOptions options;
    options.calls.deadline = kPatience;
    auto session = percpu::Session::Open(daemon_->address, options);
    ASSERT_TRUE(session.ok()) << session.status();
    auto stranger = percpu::Client::Connect(daemon_->address, options.calls);
    ASSERT_TRUE(stranger.ok()) << stranger.status();
    ExpectAnswers((*session)->client(), "side door", 200, kMostWait);
    // What a hostile peer costs gRPC's poller cannot be bounded.
    ExpectAnswers(*stranger, "gRPC", 50, kPatience);
  }
  void ExpectAnswers(percpu::Client& client, const char* way, int rounds, absl::Duration most) {
    std::vector<absl::Duration> waits;
    for (int i = 0; i < rounds; ++i) {
      const absl::Time asked = absl::Now();
      const auto area = client.Allocate({.size_bytes = 64});
      ASSERT_TRUE(area.ok()) << way << ": " << area.status();
      const auto freed = client.Free(*area);
      ASSERT_TRUE(freed.ok()) << way << ": " << freed.status();
      waits.push_back(absl::Now() - asked);
    }
    std::sort(waits.begin(), waits.end());
    const absl::Duration p99 = waits[waits.size() * 99 / 100];
    RecordProperty(absl::StrCat(way, " p99 us"), static_cast<int>(absl::ToInt64Microseconds(p99)));
    EXPECT_LT(p99, most) << way;
  }

  void ExpectNothingIsLeft() {
    percpu::CallOptions options;
    options.deadline = kPatience;
    auto client = percpu::Client::Connect(daemon_->address, options);
    ASSERT_TRUE(client.ok()) << client.status();
    EXPECT_TRUE(AwaitThat([&] {
      const auto stats = client->GetStats();
      const auto sessions = client->ListSessions();
      return stats.ok() && sessions.ok() && stats->nr_cur_alloc == areas_left_ && sessions->empty();
    })) << client->GetStats()->nr_cur_alloc
        << " areas, " << client->ListSessions()->size() << " sessions";
    const auto checked = client->Check();
    ASSERT_TRUE(checked.ok()) << checked.status();
    for (const percpu::CheckedPart& part : *checked) EXPECT_EQ(part.problem, "");
    EXPECT_TRUE(AwaitThat([&] { return Descriptors() <= kDescriptorsAtRest; })) << Descriptors();
    if constexpr (!kThreadSanitizer && !kAddressSanitizer) {
      EXPECT_LT(ResidentBytes(), resident_before_ + kMostGrowth);
    }
  }

  [[nodiscard]] std::string path(const std::string& suffix = "") const {
    return absl::StrCat(absl::StripPrefix(daemon_->address, "unix:"), suffix);
  }
  // A connection to the gRPC socket, or to the side door; not ok if it is refused.
  [[nodiscard]] UniqueFd ConnectGrpc() const { return ConnectTo(path(), SOCK_STREAM); }
  [[nodiscard]] UniqueFd ConnectDoor() const {
    return ConnectTo(path(percpud::abi::v1::kDoorSuffix), SOCK_SEQPACKET);
  }

  template <typename Condition>
  static bool AwaitThat(Condition condition) {
    const absl::Time deadline = absl::Now() + kPatience;
    while (!condition()) {
      if (absl::Now() > deadline) return false;
      absl::SleepFor(absl::Milliseconds(1));
    }
    return true;
  }

  const TempDir dir_;
  std::optional<RunningDaemon> daemon_;
  // Variables that a test leaves.
  std::uint64_t areas_left_ = 0;

 private:
  // What is promised is 100 ms; test hosts are busy with other things.
  static constexpr absl::Duration kMostWait = absl::Seconds(2);
  static constexpr std::uint64_t kMostGrowth = std::uint64_t{64} << 20;
  // What a daemon has open that one client asks.
  static constexpr std::ptrdiff_t kDescriptorsAtRest = 64;

  static void* Share() {
    return mmap(nullptr, sizeof(AttackState), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                -1, 0);
  }
  static UniqueFd ConnectTo(const std::string& path, int type) {
    UniqueFd fd(socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(),
                std::min(path.size(), sizeof(address.sun_path) - 1));
    if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
      fd.reset();
    }
    return fd;
  }
  [[nodiscard]] std::ptrdiff_t Descriptors() const {
    DIR* directory = opendir(absl::StrCat("/proc/", daemon_->process.pid(), "/fd").c_str());
    if (directory == nullptr) return 0;
    std::ptrdiff_t count = 0;
    while (readdir(directory) != nullptr) ++count;
    closedir(directory);
    return count;
  }
  // Anonymous memory: the arena is not in it.
  [[nodiscard]] std::uint64_t ResidentBytes() const {
    std::ifstream status(absl::StrCat("/proc/", daemon_->process.pid(), "/status"));
    for (std::string word; status >> word;) {
      std::uint64_t kib = 0;
      if (word == "RssAnon:" && status >> kib) return kib << 10U;
    }
    return 0;
  }

  std::vector<AttackState*> states_;
  std::vector<std::unique_ptr<percpu::testing::Child>> attackers_;
  std::uint64_t resident_before_ = 0;
};

}  // namespace percpud::testing

#endif  // PERCPUD_TESTS_INTEGRATION_HOSTILE_RIG_H_
