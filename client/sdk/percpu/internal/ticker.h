// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_TICKER_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_TICKER_H_

#include <functional>
#include <memory>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace percpu {

// A thread that does the same again and again, by elapsed time. Thread safe, but for
// destruction. A child of a fork has not got the thread, and leaves the object alone.
class Ticker {
 public:
  struct Options {
    // The thread's: at most 15 characters, and it lives as long as the program.
    const char* name;
    // The time before the first turn, and between one turn's end and the next turn.
    absl::Duration first;
    absl::Duration interval;
  };

  // Runs `body` at each turn. A body that finds no memory is over until the next turn. Errors:
  // RESOURCE_EXHAUSTED if the process may have no further thread.
  static absl::StatusOr<std::unique_ptr<Ticker>> Start(const Options& options,
                                                       std::function<void()> body);
  // Waits for a turn that is under way; the turn itself may destroy it too, and is the last one
  // then. The body lives until its last turn is over. REQUIRES: the process that started it.
  ~Ticker();
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;

 private:
  // What the thread has, however it ends.
  class State;

  explicit Ticker(std::shared_ptr<State> state);

  const std::shared_ptr<State> state_;
  std::thread thread_;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_TICKER_H_
