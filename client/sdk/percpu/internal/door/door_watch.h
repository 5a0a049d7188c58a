// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_DOOR_DOOR_WATCH_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_DOOR_DOOR_WATCH_H_

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include "absl/status/statusor.h"
#include "server/base/unique_fd.h"

namespace percpu {

// A thread that waits for the daemon to hang up, and then has the session taken up
// again, time after time. It sleeps in between.
// Thread safe, but for destruction.
class DoorWatch {
 public:
  // What an attempt to come back led to.
  enum class Outcome {
    // The session goes on. The watch goes on with the door that the attempt set.
    kBack,
    // The attempt failed. The watch makes another one after a pause.
    kNotYet,
    // The session is over, and the watch with it.
    kOver,
  };
  // Makes one attempt. The descriptor `stop` becomes readable when the watch is to end;
  // an attempt that waits polls it. `door` stays open as long as it is watched.
  using Attempt = std::function<Outcome(int stop, int& door)>;

  // Watches `door`. Without a door, begins with an attempt. Errors: RESOURCE_EXHAUSTED if
  // the process may have no further descriptor or thread.
  static absl::StatusOr<std::unique_ptr<DoorWatch>> Start(std::optional<int> door, Attempt attempt);
  // Ends the thread, and cuts an attempt's waiting short.
  // REQUIRES: the process that made it, and another thread than the watch's own.
  ~DoorWatch();
  DoorWatch(const DoorWatch&) = delete;
  DoorWatch& operator=(const DoorWatch&) = delete;

  // Returns true on the watch's own thread.
  [[nodiscard]] bool IsThisThread() const;

 private:
  DoorWatch(percpud::UniqueFd stop, Attempt attempt);

  void Loop(std::optional<int> door);
  // Attempts until the session goes on. Returns its door, or nothing if the watch or the
  // session ended.
  std::optional<int> ComeBack();
  // An attempt that finds no memory has failed, no more.
  Outcome AttemptOnce(int& door) const;
  // Both return true if the watch is to end.
  [[nodiscard]] bool SleepUntilHungUp(int door) const;
  [[nodiscard]] bool SleepFor(int milliseconds) const;

  const Attempt attempt_;
  const percpud::UniqueFd stop_;
  std::atomic<std::thread::id> thread_id_;
  std::thread thread_;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_DOOR_DOOR_WATCH_H_
