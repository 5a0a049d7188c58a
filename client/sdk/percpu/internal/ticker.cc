// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/ticker.h"

#include <cassert>
#include <new>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "percpu/internal/deadline.h"
#include "percpu/internal/mutex.h"
#include "percpu/internal/thread.h"
#include "server/base/status_macros.h"

namespace percpu {

class Ticker::State {
 public:
  explicit State(std::function<void()> body) : body_(std::move(body)) { assert(body_ != nullptr); }

  void Loop(absl::Duration first, absl::Duration interval) {
    for (absl::Duration pause = first; !Sleep(pause); pause = interval) RunBody();
  }
  // Has the thread end after the turn that is under way.
  void Stop() {
    MutexLock lock(&mu_);
    is_stopping_ = true;
    stopping_.SignalAll();
  }

 private:
  // This thread is the SDK's: nobody else could meet what is thrown here, and it would end the
  // program.
  void RunBody() const {
    try {
      body_();
    } catch (const std::bad_alloc&) {
      return;
    }
  }
  // Returns true if the thread is to end.
  [[nodiscard]] bool Sleep(absl::Duration duration) {
    const Deadline due = Deadline::After(duration);
    MutexLock lock(&mu_);
    while (!is_stopping_ && !due.has_passed()) stopping_.WaitBy(mu_, due);
    return is_stopping_;
  }

  const std::function<void()> body_;
  Mutex mu_;
  CondVar stopping_;
  bool is_stopping_ ABSL_GUARDED_BY(mu_) = false;
};

absl::StatusOr<std::unique_ptr<Ticker>> Ticker::Start(const Options& options,
                                                      std::function<void()> body) {
  auto state = std::make_shared<State>(std::move(body));
  std::unique_ptr<Ticker> out(new Ticker(state));
  ASSIGN_OR_RETURN(
      out->thread_,
      StartThread(options.name, [state = std::move(state), first = options.first,
                                 interval = options.interval] { state->Loop(first, interval); }));
  return out;
}

Ticker::Ticker(std::shared_ptr<State> state) : state_(std::move(state)) {}

Ticker::~Ticker() {
  if (!thread_.joinable()) return;
  state_->Stop();
  if (thread_.get_id() == std::this_thread::get_id()) {
    thread_.detach();
  } else {
    thread_.join();
  }
}

}  // namespace percpu
