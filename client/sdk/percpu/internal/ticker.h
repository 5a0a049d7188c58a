// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_TICKER_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_TICKER_H_

#include <functional>
#include <memory>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "percpu/internal/mutex.h"

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
  // Waits for a turn that is under way. REQUIRES: the process that started it, and another
  // thread than the ticker's.
  ~Ticker();
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;

 private:
  explicit Ticker(std::function<void()> body);
  void Loop(absl::Duration first, absl::Duration interval);
  void RunBody() const;
  // Returns true if the thread is to end.
  [[nodiscard]] bool Sleep(absl::Duration duration);

  const std::function<void()> body_;
  Mutex mu_;
  CondVar stopping_;
  bool is_stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_TICKER_H_
