// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Series of the C library in processes that are forked and killed.

#include <gtest/gtest.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "client/c/percpud.h"
#include "tests/unit/c/series_fixture.h"

namespace percpud {
namespace {

// A daemon's door at which nobody says anything.
class SilentDoor {
 public:
  explicit SilentDoor(const std::string& address)
      : socket_(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)) {
    sockaddr_un at{.sun_family = AF_UNIX, .sun_path = {}};
    const std::string path = address.substr(5) + ".door";
    path.copy(at.sun_path, sizeof(at.sun_path) - 1);
    EXPECT_EQ(bind(socket_, reinterpret_cast<const sockaddr*>(&at), sizeof(at)), 0);
    EXPECT_EQ(listen(socket_, 8), 0);
  }
  ~SilentDoor() { Close(); }
  SilentDoor(const SilentDoor&) = delete;
  SilentDoor& operator=(const SilentDoor&) = delete;

  // Waits for a client. What is accepted is open until the door is closed.
  void Accept() {
    accepted_.push_back(accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC));
    EXPECT_GE(accepted_.back(), 0);
  }
  void Close() {
    for (const int fd : accepted_) close(fd);
    accepted_.clear();
    if (socket_ >= 0) close(socket_);
    socket_ = -1;
  }

 private:
  int socket_;
  std::vector<int> accepted_;
};

// In the child's name, by the fork itself.
TEST_F(SeriesTest, AChildKnocksAtOnce) {
  Start();
  const Client client = Open();
  One(client.get(), Options("hits", PERCPUD_COUNTER));
  ASSERT_EQ(percpud_wait(client.get(), kPatienceMs), 1);
  const int before = daemon_->greeted();
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    pause();
    _exit(1);
  }
  while (daemon_->greeted() == before) std::this_thread::yield();
  kill(child, SIGKILL);
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  while (daemon_->connections() > 1) std::this_thread::yield();
  EXPECT_EQ(percpud_poll(client.get()), 1) << "the parent's session is untouched";
}

// A daemon that says nothing: a thread that reads waits for it as long as it was told to.
TEST_F(SeriesTest, AForkDoesNotWaitForAThreadThatReads) {
  SilentDoor door(address_);
  const Client client = Open();
  percpud_series* const hits = One(client.get(), Options("hits", PERCPUD_COUNTER));
  std::atomic<bool> has_read = false;
  std::thread reader([&] {
    percpud_free(percpud_render(client.get(), PERCPUD_TEXT, kPatienceMs, nullptr));
    has_read = true;
  });
  // The client's connection, and then the one that is read through.
  door.Accept();
  door.Accept();
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    percpud_add(hits, 1);
    percpud_poll(client.get());
    percpud_free(percpud_render(client.get(), PERCPUD_TEXT, 1, nullptr));
    _exit(percpud_read_series(hits).sum == 1 ? 0 : 2);
  }
  EXPECT_FALSE(has_read);
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_FALSE(has_read);
  door.Close();
  reader.join();
}

TEST_F(SeriesTest, NothingIsLostWhenObserversAreKilled) {
  constexpr std::uint64_t kEach = 50'000;
  Start();
  const Client client = Open();
  percpud_series* const histogram = One(client.get(), Histogram());
  ASSERT_EQ(percpud_wait(client.get(), kPatienceMs), 1);
  std::vector<pid_t> children;
  for (int i = 0; i < 3; ++i) {
    children.push_back(fork());
    if (children.back() != 0) continue;
    for (std::uint64_t n = 0; n < kEach; ++n) percpud_observe(histogram, 1.0);
    raise(SIGKILL);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status));
  }
  EXPECT_EQ(percpud_read_series(histogram).count, 3 * kEach);
  EXPECT_EQ(percpud_read_series(histogram).sum, 3.0 * kEach);
}

TEST_F(SeriesTest, NoSystemCallInUpdates) {
  Start();
  const Client client = Open();
  percpud_series* const counter = One(client.get(), Options("hits", PERCPUD_COUNTER));
  percpud_series* const histogram = One(client.get(), Histogram());
  ASSERT_EQ(percpud_wait(client.get(), kPatienceMs), 1);
  daemon_->SetFull(true);
  percpud_series* const local = One(client.get(), Options("bytes", PERCPUD_SUMMARY));
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    // From here on any system call but read, write and exit kills.
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) _exit(3);
    for (int i = 0; i < 10'000; ++i) {
      percpud_add(counter, 1);
      percpud_observe(histogram, 1);
      percpud_observe(local, 1);
    }
    syscall(SYS_exit, percpud_read_series(local).count == 10'000 ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(percpud_read_series(counter).sum, 10'000);
  EXPECT_EQ(percpud_read_series(histogram).count, 10'000U);
}

}  // namespace
}  // namespace percpud
