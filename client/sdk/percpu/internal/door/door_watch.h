// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_DOOR_DOOR_WATCH_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_DOOR_DOOR_WATCH_H_

#include <sys/types.h>

#include <functional>
#include <thread>

#include "server/base/unique_fd.h"

namespace percpu {

// A thread that waits for the daemon to hang up, and then has the session taken
// up again, time after time. Sleeps in between.
class DoorWatch {
 public:
  // Tries to come back: true, with the descriptor to watch from then on (-1: no
  // more), or false, to be called again a little later. `door` stays open as
  // long as it is watched.
  using Return = std::function<bool(int& door)>;

  DoorWatch(int door, Return come_back);
  // Ends the thread; in a child of the process that made it, which has no such
  // thread, lets it be.
  ~DoorWatch();
  DoorWatch(const DoorWatch&) = delete;
  DoorWatch& operator=(const DoorWatch&) = delete;

 private:
  void Loop(int door);
  // True if the watch is over.
  [[nodiscard]] bool SleepUntilHungUp(int door) const;
  [[nodiscard]] bool SleepFor(int milliseconds) const;

  const pid_t process_;
  const Return come_back_;
  const percpud::UniqueFd stop_;
  std::thread thread_;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_DOOR_DOOR_WATCH_H_
