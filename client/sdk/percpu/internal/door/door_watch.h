// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_DOOR_DOOR_WATCH_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_DOOR_DOOR_WATCH_H_

#include <functional>
#include <optional>
#include <thread>

#include "server/base/unique_fd.h"

namespace percpu {

// A thread that waits for the daemon to hang up, and then has the session taken
// up again, time after time. It sleeps in between.
class DoorWatch {
 public:
  // What an attempt to come back led to.
  enum class Outcome {
    // The session goes on: watch the door that the attempt set.
    kBack,
    // Try again, after a pause.
    kNotYet,
    // The session is over.
    kOver,
  };
  // One attempt. `stop` is a descriptor that becomes readable when the watch is to
  // end; an attempt that waits polls it. `door` stays open as long as it is watched.
  using Attempt = std::function<Outcome(int stop, int& door)>;

  // Watches `door`; without one, begins with an attempt.
  DoorWatch(std::optional<int> door, Attempt attempt);
  // Ends the thread, which cuts an attempt's waiting short.
  // REQUIRES: the process that made it.
  ~DoorWatch();
  DoorWatch(const DoorWatch&) = delete;
  DoorWatch& operator=(const DoorWatch&) = delete;

 private:
  void Loop(std::optional<int> door);
  // Attempts until the session goes on. Nothing if the watch or the session ended.
  std::optional<int> ComeBack();
  // Both return true if the watch is to end.
  [[nodiscard]] bool SleepUntilHungUp(int door) const;
  [[nodiscard]] bool SleepFor(int milliseconds) const;

  const Attempt attempt_;
  const percpud::UniqueFd stop_;
  std::thread thread_;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_DOOR_DOOR_WATCH_H_
