// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/door/door_watch.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <array>
#include <new>

#include "absl/synchronization/notification.h"

namespace percpu {
namespace {

using percpud::UniqueFd;

TEST(DoorWatchTest, ComesBackWhenTheDaemonHangsUpOnItsOwnThread) {
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
  const UniqueFd door(ends[0]);
  UniqueFd daemon(ends[1]);
  absl::Notification started;
  absl::Notification attempted;
  const DoorWatch* self = nullptr;
  bool is_own_thread = false;
  auto watch = DoorWatch::Start(door.get(), [&](int /*stop*/, int& /*door*/) {
    started.WaitForNotification();
    is_own_thread = self->IsThisThread();
    attempted.Notify();
    return DoorWatch::Outcome::kOver;
  });
  ASSERT_TRUE(watch.ok()) << watch.status();
  self = watch->get();
  EXPECT_FALSE(self->IsThisThread());
  started.Notify();
  EXPECT_FALSE(attempted.HasBeenNotified());
  daemon.reset();
  attempted.WaitForNotification();
  EXPECT_TRUE(is_own_thread);
}

TEST(DoorWatchTest, AnAttemptWithoutMemoryIsFollowedByAnother) {
  int attempts = 0;
  absl::Notification over;
  const auto watch = DoorWatch::Start(std::nullopt, [&](int /*stop*/, int& /*door*/) {
    if (++attempts < 3) throw std::bad_alloc();
    over.Notify();
    return DoorWatch::Outcome::kOver;
  });
  ASSERT_TRUE(watch.ok()) << watch.status();
  over.WaitForNotification();
  EXPECT_EQ(attempts, 3);
}

TEST(DoorWatchTest, WithoutADescriptorItDoesNotStart) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{.rlim_cur = 3, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto watch = DoorWatch::Start(std::nullopt, [](int /*stop*/, int& /*door*/) {
    ADD_FAILURE() << "it started";
    return DoorWatch::Outcome::kOver;
  });
  EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(watch.status().code(), absl::StatusCode::kResourceExhausted) << watch.status();
}

}  // namespace
}  // namespace percpu
