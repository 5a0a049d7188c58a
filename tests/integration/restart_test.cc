// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The daemon is killed under load and started again, over and over; then what it
// knows is held against what its clients were told. PERCPUD_LONG=1: 1,000 times.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <new>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "percpu/session.h"
#include "tests/integration/children.h"
#include "tests/integration/restart_worker.h"
#include "tests/support/process.h"

namespace percpu {
namespace {

using percpud::testing::RunningDaemon;
using testing::Child;
using testing::Ledger;
using testing::Worker;

constexpr absl::Duration kPatience = absl::Seconds(60);

// Memory that children share with this process; zero at first.
template <typename T>
T* Share(std::size_t count) {
  void* memory =
      mmap(nullptr, sizeof(T) * count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return static_cast<T*>(memory);
}

template <typename Condition>
bool AwaitThat(Condition condition) {
  const absl::Time deadline = absl::Now() + kPatience;
  while (!condition()) {
    if (absl::Now() > deadline) return false;
    absl::SleepFor(absl::Milliseconds(1));
  }
  return true;
}

// Asks in a process of its own: this one forks, and so never uses gRPC.
struct Answers {
  std::atomic<std::uint64_t> sum;
  std::atomic<std::uint64_t> areas;
  std::atomic<std::uint64_t> variables;
  std::atomic<std::uint64_t> sessions;
  // Whether Check found no problem.
  std::atomic<bool> sound;
};

int Ask(const std::string& address, Answers& answers) {
  Client client = *Client::Connect(address);
  const auto adds = client.OpenVariable({.name = "adds"});
  if (!adds.ok()) return 1;
  const auto sum = client.Sum(adds->variable.pointer);
  const auto stats = client.GetStats();
  const auto variables = client.ListVariables();
  const auto sessions = client.ListSessions();
  const auto checked = client.Check();
  if (!sum.ok() || !stats.ok() || !variables.ok() || !sessions.ok() || !checked.ok()) return 2;
  answers.sum = static_cast<std::uint64_t>(*sum);
  answers.areas = stats->nr_cur_alloc;
  answers.variables = variables->size();
  answers.sessions = sessions->size();
  answers.sound = std::all_of(checked->begin(), checked->end(),
                              [](const CheckedPart& part) { return part.problem.empty(); });
  return 0;
}

class RestartTest : public ::testing::Test {
 protected:
  // A file system in memory, where there is one.
  [[nodiscard]] std::string arena() const { return dir_.path() + "/arena"; }

  bool Start(std::vector<std::string> more = {}) {
    std::vector<std::string> flags = {"--arena", "file:" + arena(), "--arena-size", "64MiB"};
    flags.insert(flags.end(), more.begin(), more.end());
    auto daemon = percpud::testing::StartDaemon(dir_, flags);
    EXPECT_TRUE(daemon.ok()) << daemon.status();
    if (!daemon.ok()) return false;
    daemon_.emplace(*std::move(daemon));
    return true;
  }
  void Kill() {
    daemon_->process.Kill(SIGKILL);
    EXPECT_TRUE(daemon_->process.Wait(kPatience).ok());
    log_ = daemon_->process.err();
    daemon_.reset();
  }
  [[nodiscard]] std::string address() const { return "unix:" + dir_.path() + "/percpud.sock"; }
  // The verdict of the daemon that runs.
  bool SaysOfItsStart(const std::string& what) {
    return AwaitThat([&] { return daemon_->process.err().find(what) != std::string::npos; });
  }

  // Puts this number of clients to work.
  void Employ(std::size_t count) {
    ledgers_ = std::span(Share<Ledger>(count), count);
    for (std::size_t i = 0; i < count; ++i) {
      workers_.push_back(std::make_unique<Child>(
          [this, i] { return Worker(address(), i + 1, ledgers_[i]).Run(); }));
    }
  }
  [[nodiscard]] bool AllReady() const {
    return std::all_of(ledgers_.begin(), ledgers_.end(),
                       [](const Ledger& ledger) { return ledger.ready.load(); });
  }
  [[nodiscard]] std::uint64_t Steps() const {
    std::uint64_t sum = 0;
    for (const Ledger& ledger : ledgers_) sum += ledger.steps;
    return sum;
  }
  // Ends the work, and holds what the daemon knows against what it was told.
  void ExpectAllThere() {
    std::uint64_t live = 0;
    std::uint64_t variables = 1;
    std::uint64_t adds = 0;
    std::uint64_t uncertain = 0;
    std::set<std::uint64_t> pointers;
    for (Ledger& ledger : ledgers_) ledger.stop = true;
    for (Ledger& ledger : ledgers_) {
      ASSERT_TRUE(AwaitThat([&] { return ledger.done.load(); }));
      EXPECT_EQ(ledger.failures, 0U);
      EXPECT_EQ(ledger.broken, 0U);
      live += ledger.live;
      pointers.insert(ledger.pointers.begin(), ledger.pointers.begin() + ledger.live);
      variables += ledger.variables;
      adds += ledger.local_adds + ledger.remote_adds;
      uncertain += ledger.uncertain_adds;
    }
    EXPECT_EQ(pointers.size(), live) << "granted twice";
    auto* const answers = Share<Answers>(1);
    EXPECT_EQ(Child([&] { return Ask(address(), *answers); }).Wait(), 0);
    EXPECT_EQ(answers->areas, live + variables) << "lost, or leaked";
    EXPECT_TRUE(answers->sound);
    EXPECT_EQ(answers->variables, variables);
    EXPECT_GE(answers->sum, adds);
    EXPECT_LE(answers->sum, adds + uncertain);
    absl::PrintF("%d steps, %d areas live, %d adds, %d of them uncertain\n", Steps(), live,
                 adds + uncertain, uncertain);
    for (Ledger& ledger : ledgers_) ledger.stop = false;
    for (const auto& worker : workers_) EXPECT_EQ(worker->Wait(), 0);
  }

  percpud::testing::TempDir dir_;
  std::optional<RunningDaemon> daemon_;
  std::string log_;
  std::span<Ledger> ledgers_;
  std::vector<std::unique_ptr<Child>> workers_;
};

struct Load {
  const char* backend;
  int kills;
};

class LoadTest : public RestartTest, public ::testing::WithParamInterface<Load> {};

TEST_P(LoadTest, KilledAtAnyInstantUnderLoadNothingIsLost) {
  const bool is_long = std::getenv("PERCPUD_LONG") != nullptr;
  const int kills = is_long ? 1000 : GetParam().kills;
  const std::vector<std::string> backend = {"--backend", GetParam().backend};
  ASSERT_TRUE(Start(backend));
  Employ(3);
  ASSERT_TRUE(AwaitThat([&] { return AllReady(); }));
  std::mt19937 random(11);
  for (int i = 0; i < kills; ++i) {
    // The kill comes after a random amount of work, at a moment that no step chooses.
    const std::uint64_t until = Steps() + random() % 200;
    ASSERT_TRUE(AwaitThat([&] { return Steps() >= until; })) << "after kill " << i;
    const absl::Time moment = absl::Now() + absl::Microseconds(random() % 3000);
    while (absl::Now() < moment) {
    }
    Kill();
    ASSERT_TRUE(Start(backend)) << "after kill " << i;
    ASSERT_TRUE(SaysOfItsStart("start is warm")) << daemon_->process.err();
  }
  ExpectAllThere();
}

INSTANTIATE_TEST_SUITE_P(Backends, LoadTest,
                         ::testing::Values(Load{.backend = "km", .kills = 50},
                                           Load{.backend = "vm", .kills = 20}),
                         [](const auto& test) { return std::string(test.param.backend); });

// --- At every boundary of a commit -------------------------------------------------

class FaultTest : public RestartTest,
                  public ::testing::WithParamInterface<std::tuple<const char*, int>> {};

// The first commits are the start's own, and then the clients'.
TEST_P(FaultTest, KilledThereNothingIsLost) {
  const auto [point, passage] = GetParam();
  const std::string fault = absl::StrCat("PERCPUD_FAULT=", point, ":", passage);
  auto faulty = percpud::testing::Process::Spawn(
      {percpud::testing::BinaryPath("percpud_faulty"), "--listen", address(), "--arena",
       "file:" + arena(), "--arena-size", "64MiB"},
      {fault});
  ASSERT_TRUE(faulty.ok()) << faulty.status();
  Employ(2);
  EXPECT_EQ(faulty->Wait(kPatience).value_or(-1), 128 + SIGKILL);
  ASSERT_TRUE(Start());
  ASSERT_TRUE(AwaitThat([&] { return AllReady() && Steps() > 200; }));
  ExpectAllThere();
}

INSTANTIATE_TEST_SUITE_P(Commits, FaultTest,
                         ::testing::Combine(::testing::Values("before-commit", "after-commit"),
                                            ::testing::Values(1, 2, 3, 4, 5, 6, 7, 9, 12, 20, 50,
                                                              120)),
                         [](const auto& test) {
                           const std::string point = std::get<0>(test.param);
                           return absl::StrCat(point.substr(0, point.find('-')),
                                               std::get<1>(test.param));
                         });

// --- Meanwhile -------------------------------------------------------------------

struct Counting {
  std::atomic<bool> stop;
  std::atomic<std::uint64_t> adds;
  // Processor time.
  std::atomic<std::uint64_t> nanoseconds;
};

int Count(const std::string& address, Counting& counting) {
  const auto session = Session::Open(address);
  if (!session.ok()) return 1;
  const auto counter = (*session)->Counter("counted");
  if (!counter.ok()) return 2;
  while (!counting.stop) {
    for (int i = 0; i < 10'000; ++i) counter->Increment();
    timespec used{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    counting.adds += 10'000;
    counting.nanoseconds = static_cast<std::uint64_t>(used.tv_sec) * 1'000'000'000 + used.tv_nsec;
  }
  return 0;
}

TEST_F(RestartTest, LocalClientsCountOnWhileThereIsNoDaemon) {
  constexpr std::uint64_t kAdds = 20'000'000;
  // The host's slow moments hit either side, and neither side's best: as many rounds as
  // it takes to see both at theirs, of which counting that is slower never has enough.
  constexpr int kFewest = 3;
  constexpr int kMost = 15;
  ASSERT_TRUE(Start());
  auto* const counting = Share<Counting>(1);
  Child child([&] { return Count(address(), *counting); });
  // Per second of the counting thread: others may use the processor as well.
  const auto rate = [&] {
    const std::uint64_t adds = counting->adds;
    const std::uint64_t nanoseconds = counting->nanoseconds;
    EXPECT_TRUE(AwaitThat([&] { return counting->adds >= adds + kAdds; }));
    return static_cast<double>(counting->adds - adds) * 1e9 /
           static_cast<double>(counting->nanoseconds - nanoseconds);
  };
  double before = 0;
  double without = 0;
  ASSERT_TRUE(AwaitThat([&] { return counting->adds > 0; }));
  for (int i = 0; i < kFewest || (i < kMost && without < 0.9 * before); ++i) {
    before = std::max(before, rate());
    Kill();
    without = std::max(without, rate());
    ASSERT_TRUE(Start());
  }
  EXPECT_GE(without, 0.9 * before);
  absl::PrintF("adds a second: %.0f with the daemon, %.0f without\n", before, without);
  counting->stop = true;
  EXPECT_EQ(child.Wait(), 0);
}

// --- What cannot be gone on with ---------------------------------------------------

class VerdictTest : public RestartTest {
 protected:
  void SetUp() override {
    ASSERT_TRUE(Start());
    const int made = Child([&] {
                       Client client = *Client::Connect(address());
                       const auto variable =
                           client.OpenVariable({.name = "kept", .size_bytes = 8, .create = true});
                       return variable.ok() ? 0 : 1;
                     }).Wait();
    ASSERT_EQ(made, 0);
    Kill();
  }
  bool IsThere(const std::string& name) {
    return Child([&] {
             Client client = *Client::Connect(address());
             return client.OpenVariable({.name = name}).ok() ? 0 : 1;
           }).Wait() == 0;
  }
  [[nodiscard]] std::size_t Aside() const {
    std::size_t found = 0;
    for (const auto& entry : std::filesystem::directory_iterator(dir_.path())) {
      found += entry.path().string().find(".old-") == std::string::npos ? 0 : 1;
    }
    return found;
  }
  [[nodiscard]] std::string catalog_file() const { return arena() + ".catalog/data.mdb"; }
};

TEST_F(VerdictTest, WarmIfAllIsAsItWas) {
  ASSERT_TRUE(Start());
  EXPECT_TRUE(SaysOfItsStart("start is warm"));
  EXPECT_TRUE(IsThere("kept"));
}

TEST_F(VerdictTest, StoppedInPeaceIsWarmToo) {
  ASSERT_TRUE(Start());
  daemon_->process.Kill(SIGTERM);
  EXPECT_EQ(daemon_->process.Wait(kPatience).value_or(-1), 0);
  ASSERT_TRUE(Start());
  EXPECT_TRUE(SaysOfItsStart("start is warm"));
  EXPECT_TRUE(IsThere("kept"));
}

TEST_F(VerdictTest, AnotherLayoutIsColdAndKeepsTheOldAside) {
  ASSERT_TRUE(Start({"--unit-size", "128KiB"}));
  EXPECT_TRUE(SaysOfItsStart("another layout: unit_size=65536, not unit_size=131072"))
      << daemon_->process.err();
  EXPECT_FALSE(IsThere("kept"));
  EXPECT_EQ(Aside(), 2U);
}

TEST_F(VerdictTest, ATruncatedArenaIsCold) {
  std::filesystem::resize_file(arena(), 1 << 20);
  ASSERT_TRUE(Start());
  EXPECT_TRUE(SaysOfItsStart("start is cold: the arena has 1MiB, not the 64MiB"));
  EXPECT_EQ(Aside(), 2U);
}

TEST_F(VerdictTest, AnothersArenaIsCold) {
  std::filesystem::rename(arena(), arena() + ".mine");
  std::filesystem::copy_file(arena() + ".mine", arena());
  ASSERT_TRUE(Start());
  EXPECT_TRUE(SaysOfItsStart("start is cold: the catalog tells of another arena"));
  EXPECT_EQ(Aside(), 2U);
}

TEST_F(VerdictTest, AMissingArenaIsCold) {
  std::filesystem::remove(arena());
  ASSERT_TRUE(Start());
  EXPECT_TRUE(SaysOfItsStart("start is cold: the arena is gone"));
  EXPECT_EQ(Aside(), 1U);
}

TEST_F(VerdictTest, AMissingCatalogIsCold) {
  std::filesystem::remove_all(arena() + ".catalog");
  ASSERT_TRUE(Start());
  EXPECT_TRUE(SaysOfItsStart("start is cold: catalog: none"));
  EXPECT_EQ(Aside(), 1U);
}

TEST_F(VerdictTest, ADamagedCatalogIsColdAndNothingOfItIsOverwritten) {
  std::filesystem::resize_file(catalog_file(), 10'000);
  ASSERT_TRUE(Start());
  EXPECT_TRUE(SaysOfItsStart("is damaged"));
  EXPECT_EQ(Aside(), 2U);
  EXPECT_EQ(std::filesystem::file_size(arena() + ".catalog.old-1/data.mdb"), 10'000U);
  // The next start is warm again.
  Kill();
  ASSERT_TRUE(Start());
  EXPECT_TRUE(SaysOfItsStart("start is warm"));
}

// Shells and supervisors with "trap '' CHLD" start their programs so.
TEST_F(VerdictTest, ADamagedCatalogIsSeenWhereEndsOfChildrenAreIgnored) {
  std::filesystem::resize_file(catalog_file(), 10'000);
  const auto before = signal(SIGCHLD, SIG_IGN);
  const bool started = Start();
  signal(SIGCHLD, before);
  ASSERT_TRUE(started);
  EXPECT_TRUE(SaysOfItsStart("is damaged"));
  EXPECT_EQ(Aside(), 2U);
}

TEST_F(VerdictTest, DiscardWipes) {
  std::filesystem::resize_file(catalog_file(), 10'000);
  ASSERT_TRUE(Start({"--discard"}));
  EXPECT_TRUE(SaysOfItsStart("what was there is wiped"));
  EXPECT_EQ(Aside(), 0U);
}

}  // namespace
}  // namespace percpu
