// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/access/peer.h"

#include <grp.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

namespace percpud {
namespace {

struct Pair {
  Pair() {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    ours = UniqueFd(ends[0]);
    theirs = UniqueFd(ends[1]);
  }
  UniqueFd ours;
  UniqueFd theirs;
};

TEST(PeerTest, TheKernelSaysWhoIsThere) {
  const Pair pair;
  const auto peer = AskPeer(pair.ours.get());
  ASSERT_TRUE(peer.has_value());
  EXPECT_EQ(peer->pid, ProcessId(getpid()));
  EXPECT_EQ(peer->uid, UserId(getuid()));
  EXPECT_EQ(peer->gid, UserGroupId(getgid()));
  EXPECT_FALSE(CommandOf(*peer).empty());
}

TEST(PeerTest, EveryGroupOfTheProcessIsNamed) {
  std::vector<gid_t> groups(static_cast<std::size_t>(getgroups(0, nullptr)));
  ASSERT_GE(getgroups(static_cast<int>(groups.size()), groups.data()), 0);
  const Pair pair;
  const auto peer = AskPeer(pair.ours.get());
  ASSERT_TRUE(peer.has_value());
  EXPECT_EQ(peer->groups, std::vector<UserGroupId>(groups.begin(), groups.end()));
}

TEST(PeerTest, MoreGroupsThanExpectedAreNamed) {
  if (getuid() != 0) GTEST_SKIP() << "needs root";
  constexpr std::size_t kMany = 100;
  const pid_t child = fork();
  if (child == 0) {
    std::vector<gid_t> groups;
    for (std::size_t i = 0; i < kMany; ++i) groups.push_back(static_cast<gid_t>(5000 + i));
    if (setgroups(groups.size(), groups.data()) != 0) _exit(2);
    const Pair pair;
    _exit(AskPeer(pair.ours.get())->groups.size() == kMany ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST(PeerTest, AUserWithoutANumberHereIsNobody) {
  const UserId overflow(65534);
  const std::string whole = "         0          0 4294967295\n";
  const std::string part = "         0     100000      65536\n";
  EXPECT_EQ(KnownUser(overflow, whole, overflow), overflow);
  EXPECT_EQ(KnownUser(overflow, part, overflow), kNobody);
  EXPECT_EQ(KnownUser(overflow, "", overflow), kNobody);
  EXPECT_EQ(KnownUser(UserId(1000), part, overflow), UserId(1000));
}

// What the kernel does not know to have ended has not.
TEST(PeerTest, ASightingTellsGoneFromUnseen) {
  EXPECT_FALSE(LookAtProcess(ProcessId(0)).is_gone);
  const ProcessSighting self = LookAtProcess(ProcessId(getpid()));
  EXPECT_FALSE(self.is_gone);
  ASSERT_TRUE(self.started.has_value());
  EXPECT_FALSE(self.IsOver(*self.started));
  EXPECT_TRUE(self.IsOver(*self.started + 1));
  // It was never seen: its number says nothing.
  EXPECT_FALSE(self.IsOver(0));
  const pid_t child = fork();
  if (child == 0) _exit(0);
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  EXPECT_TRUE(LookAtProcess(ProcessId(child)).is_gone);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(LookAtProcess(ProcessId(child)).is_gone);
}

TEST(PeerTest, ATcpSocketHasNone) {
  const UniqueFd tcp(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_FALSE(AskPeer(tcp.get()).has_value());
}

TEST(PeerTest, AProcessBecomesReadableWhenItEnds) {
  int hold[2];
  ASSERT_EQ(pipe(hold), 0);
  const pid_t child = fork();
  if (child == 0) {
    close(hold[1]);
    char byte = 0;
    _exit(static_cast<int>(read(hold[0], &byte, 1)));
  }
  const Pair pair;
  // The pair's own process is this one: by number, then, as on older kernels.
  const UniqueFd process = OpenProcess(-1, {.pid = ProcessId(child)});
  ASSERT_TRUE(process.ok());
  pollfd polled{.fd = process.get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(poll(&polled, 1, 0), 0);
  close(hold[1]);
  EXPECT_EQ(poll(&polled, 1, 20'000), 1);
  waitpid(child, nullptr, 0);
  close(hold[0]);
}

TEST(PeerTest, ACommandIsTextWhateverItCallsItself) {
  const pid_t child = fork();
  if (child == 0) {
    pthread_setname_np(pthread_self(), "ev\033[31mil\xc3");
    raise(SIGSTOP);
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, WUNTRACED), child);
  EXPECT_EQ(CommandOf({.pid = ProcessId(child)}), "ev?[31mil?");
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_EQ(CommandOf({.pid = ProcessId(child)}), "");
}

}  // namespace
}  // namespace percpud
