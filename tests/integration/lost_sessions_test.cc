// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Sessions whose daemon goes away, and comes back the same or another: with real
// daemons and real forks.

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "percpu/session.h"
#include "server/base/unique_fd.h"
#include "server/rseq/self_test.h"
#include "tests/integration/children.h"
#include "tests/support/process.h"

namespace percpu {
namespace {

using percpud::testing::BinaryPath;
using percpud::testing::Process;
using testing::Child;
using testing::Pipe;

constexpr absl::Duration kPatience = absl::Seconds(30);

template <typename Condition>
bool Await(const Condition& condition) {
  const absl::Time deadline = absl::Now() + kPatience;
  while (!condition()) {
    if (absl::Now() > deadline) return false;
    absl::SleepFor(absl::Milliseconds(1));
  }
  return true;
}

class LostSessionsTest : public ::testing::Test {
 protected:
  // A daemon whose arena is lost with it, unless a file keeps it.
  void Start(bool in_file = false) {
    std::vector<std::string> flags = {"--arena-size", "64MiB"};
    if (in_file) flags.insert(flags.end(), {"--arena", "file:" + dir_.path() + "/arena"});
    auto daemon = percpud::testing::StartDaemon(dir_, flags);
    ASSERT_TRUE(daemon.ok()) << daemon.status();
    daemon_.emplace(*std::move(daemon));
  }
  void Kill() {
    daemon_->process.Kill(SIGKILL);
    EXPECT_TRUE(daemon_->process.Wait(kPatience).ok());
    daemon_.reset();
  }
  [[nodiscard]] std::string path() const { return dir_.path() + "/percpud.sock"; }
  std::unique_ptr<Session> Open(absl::Duration deadline = kPatience) {
    SessionOptions options;
    options.calls.deadline = deadline;
    auto session = Session::Open("unix:" + path(), options);
    EXPECT_TRUE(session.ok()) << session.status();
    return session.ok() ? *std::move(session) : nullptr;
  }

  percpud::testing::TempDir dir_;
  std::optional<percpud::testing::RunningDaemon> daemon_;
};

// The prefork master that lives longer than its daemon.
TEST_F(LostSessionsTest, AChildForkedAfterAColdStartIsLostAndToldSo) {
  Start();
  const auto session = Open();
  ASSERT_NE(session, nullptr);
  const auto requests = *session->Counter("requests");
  ASSERT_TRUE(requests.Add(5));
  Kill();
  Start();
  ASSERT_TRUE(Await([&] { return session->state() == SessionState::kLost; }));
  EXPECT_FALSE(requests.Increment());
  EXPECT_EQ(session->client().Allocate({.size_bytes = 8}).status().code(),
            absl::StatusCode::kUnauthenticated);
  Child child([&] {
    if (requests.Increment()) return 1;
    if (session->state() != SessionState::kLost) return 2;
    if (session->Counter("requests").ok()) return 3;
    return requests.Sum() == 5 ? 0 : 4;
  });
  EXPECT_EQ(child.Wait(), 0);
}

// One that is forked before anybody has noticed: it asks at the door first.
TEST_F(LostSessionsTest, AChildComparesArenasBeforeItsFirstCount) {
  Start();
  const auto session = Open();
  ASSERT_NE(session, nullptr);
  const auto requests = *session->Counter("requests");
  const Pipe start;
  Child child([&] {
    if (start.Get() != 1) return 1;
    if (requests.Increment()) return 2;
    return session->state() == SessionState::kLost ? 0 : 3;
  });
  Kill();
  Start();
  start.Put(1);
  EXPECT_EQ(child.Wait(), 0);
  EXPECT_EQ(requests.Sum(), 0U);
}

TEST_F(LostSessionsTest, AChildThatCountsStopsAfterAColdStart) {
  Start();
  const auto session = Open();
  ASSERT_NE(session, nullptr);
  const auto requests = *session->Counter("requests");
  const Pipe counted;
  Child child([&] {
    if (!requests.Increment()) return 1;
    counted.Put(1);
    return Await([&] { return !requests.Increment(); }) ? 0 : 2;
  });
  ASSERT_EQ(counted.Get(), 1U);
  Kill();
  Start();
  EXPECT_EQ(child.Wait(), 0);
}

TEST_F(LostSessionsTest, AChildForkedWhileTheDaemonIsAwayCountsOnAndIsTakenUp) {
  Start(/*in_file=*/true);
  const auto session = Open(absl::Milliseconds(200));
  ASSERT_NE(session, nullptr);
  const auto requests = *session->Counter("requests");
  Kill();
  ASSERT_TRUE(Await([&] { return session->state() == SessionState::kWaiting; }));
  const Pipe counted;
  Child child([&] {
    for (int i = 0; i < 1000; ++i) {
      if (!requests.Increment()) return 1;
    }
    if (session->state() != SessionState::kWaiting) return 2;
    counted.Put(1);
    return Await([&] { return session->state() == SessionState::kConnected; }) ? 0 : 3;
  });
  ASSERT_EQ(counted.Get(), 1U);
  Start(/*in_file=*/true);
  EXPECT_EQ(child.Wait(), 0);
  EXPECT_EQ(requests.Sum(), 1000U);
  EXPECT_TRUE(Await([&] { return session->state() == SessionState::kConnected; }));
}

// Its chunks are another's memory now, or nobody's.
TEST_F(LostSessionsTest, HeapsOfALostSessionRefuse) {
  Start();
  auto session = Open();
  ASSERT_NE(session, nullptr);
  auto heap = session->NewHeap();
  ASSERT_TRUE(heap.ok()) << heap.status();
  auto kept = session->OpenKeptHeap("kept");
  ASSERT_TRUE(kept.ok()) << kept.status();
  const auto area = (*heap)->Allocate(64);
  ASSERT_TRUE(area.ok());
  ASSERT_TRUE(kept->heap->Allocate(64).ok());
  Kill();
  // Away is not lost: what is leased goes on serving.
  EXPECT_TRUE((*heap)->Allocate(64).ok());
  Start();
  ASSERT_TRUE(Await([&] { return session->state() == SessionState::kLost; }));
  EXPECT_EQ((*heap)->Allocate(64).status().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ((*heap)->Free(*area).code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(kept->heap->Allocate(64).status().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_FALSE(session->NewHeap().value()->Allocate(64).ok());
}

// A heap of many chunks ends while the daemon is away: without a wait for each.
TEST_F(LostSessionsTest, TheEndOfAHeapDoesNotWaitForADaemonThatIsAway) {
  Start();
  const auto session = Open();
  ASSERT_NE(session, nullptr);
  auto heap = session->NewHeap();
  ASSERT_TRUE(heap.ok()) << heap.status();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE((*heap)->Allocate(4096).ok());
  EXPECT_GE((*heap)->GetCounts().acquired, 5U);
  Kill();
  ASSERT_TRUE(Await([&] { return session->state() == SessionState::kWaiting; }));
  const absl::Time began = absl::Now();
  heap->reset();
  EXPECT_LT(absl::Now() - began, kPatience);
}

percpud::UniqueFd ListenAt(const std::string& path, int type) {
  percpud::UniqueFd fd(socket(AF_UNIX, type, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  EXPECT_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_EQ(listen(fd.get(), 64), 0);
  return fd;
}

// A daemon whose sockets a manager holds, away for longer than a call may take.
TEST_F(LostSessionsTest, AbsenceLongerThanACallsDeadlineIsWaitedOut) {
  const percpud::UniqueFd grpc = ListenAt(path(), SOCK_STREAM);
  const percpud::UniqueFd door = ListenAt(path() + ".door", SOCK_SEQPACKET);
  const auto start = [&] {
    const std::string script = absl::StrCat(
        "exec 3<&", grpc.get(), " 4<&", door.get(),
        "; export LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=percpud:percpud; exec \"$@\"");
    auto daemon = Process::Spawn({"/bin/bash", "-c", script, "bash", BinaryPath("percpud"),
                                  "--listen", "unix:" + path(), "--arena-size", "64MiB", "--arena",
                                  "file:" + dir_.path() + "/arena"});
    EXPECT_TRUE(daemon.ok()) << daemon.status();
    return std::make_unique<Process>(*std::move(daemon));
  };
  auto daemon = start();
  SessionOptions options;
  options.calls.deadline = absl::Milliseconds(300);
  std::unique_ptr<Session> session;
  // The start takes longer than a call may.
  ASSERT_TRUE(Await([&] {
    auto opened = Session::Open(path(), options);
    if (opened.ok()) session = *std::move(opened);
    return session != nullptr;
  }));
  const auto id = session->id();
  const auto area = session->client().Allocate({.size_bytes = 8});
  ASSERT_TRUE(id.ok() && area.ok());
  daemon->Kill(SIGKILL);
  ASSERT_TRUE(daemon->Wait(kPatience).ok());
  // Calls give up, several times over; the session does not.
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(session->client().Ping().ok());
  EXPECT_EQ(session->state(), SessionState::kWaiting);
  daemon = start();
  EXPECT_TRUE(Await([&] { return session->state() == SessionState::kConnected; }));
  EXPECT_EQ(session->id().value_or(SessionId{}), *id);
  absl::Status freed;
  EXPECT_TRUE(Await([&] {
    freed = session->client().Free(*area).status();
    return freed.ok();
  })) << freed;
  daemon->Kill(SIGTERM);
}

TEST_F(LostSessionsTest, OpensByPathAloneAndByTheDoorsOwnPath) {
  Start();
  EXPECT_TRUE(Session::Open(path()).ok());
  SessionOptions options;
  options.door = path() + ".door";
  EXPECT_TRUE(Session::Open("unix:" + path(), options).ok());
  options.door = path() + ".elsewhere";
  EXPECT_EQ(Session::Open("unix:" + path(), options).status().code(),
            absl::StatusCode::kUnavailable);
}

std::size_t Threads() {
  const auto tasks = std::filesystem::directory_iterator("/proc/self/task");
  return static_cast<std::size_t>(std::distance(begin(tasks), end(tasks)));
}

// gRPC, which is most of what a session costs, is not there before a call needs it.
TEST_F(LostSessionsTest, ASessionIsOneThreadUntilItCalls) {
  Start();
  Child child([&] {
    const std::size_t before = Threads();
    const auto session = Session::Open(path());
    if (!session.ok()) return 1;
    return Threads() == before + 1 ? 0 : 2;
  });
  EXPECT_EQ(child.Wait(), 0);
}

// Two threads of one real-time priority on one CPU would not take turns.
TEST_F(LostSessionsTest, ARealTimeProcessOpensASession) {
  Start();
  Child child([&] {
    const sched_param param{.sched_priority = 1};
    if (sched_setscheduler(0, SCHED_FIFO, &param) != 0) return 77;
    const auto session = Session::Open(path());
    if (!session.ok()) return 1;
    const auto counter = (*session)->Counter("realtime");
    if (!counter.ok() || !counter->Increment()) return 2;
    return (*session)->update_mode() == Updates::kRpc ? 3 : 0;
  });
  const int result = child.Wait();
  if (result == 77) GTEST_SKIP() << "needs the right to real-time scheduling";
  EXPECT_EQ(result, 0);
}

struct Load {
  std::uint64_t requests;
  std::uint64_t bytes;
};

TEST_F(LostSessionsTest, AStructOfANameIsOneForAllProcesses) {
  Start();
  const auto session = Open();
  ASSERT_NE(session, nullptr);
  const auto load = session->Struct<Load>("load");
  ASSERT_TRUE(load.ok()) << load.status();
  const Unit unit = session->mapping().cpu_units[0].unit;
  Child child([&] {
    const auto again = session->Struct<Load>("load");
    if (!again.ok() || again->pointer() != load->pointer()) return 1;
    again->On(unit).bytes = 64;
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
  EXPECT_EQ(load->On(unit).bytes, 64U);
  std::uint64_t total = 0;
  load->ForEachUnit([&](Unit, const Load& each) { total += each.bytes; });
  EXPECT_EQ(total, 64U);
  struct Other {
    std::uint64_t fields[3];
  };
  EXPECT_FALSE(session->Struct<Other>("load").ok());
}

}  // namespace
}  // namespace percpu
