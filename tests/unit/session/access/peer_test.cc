// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/access/peer.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

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
  EXPECT_EQ(
      *peer,
      (Peer{.pid = ProcessId(getpid()), .uid = UserId(getuid()), .gid = UserGroupId(getgid())}));
  EXPECT_FALSE(CommandOf(*peer).empty());
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
