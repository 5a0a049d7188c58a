// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_INTEGRATION_CHILDREN_H_
#define PERCPUD_TESTS_INTEGRATION_CHILDREN_H_

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <functional>

namespace percpu::testing {

// A child that runs `work` and exits with its result; killed if it is still
// there when the object goes.
class Child {
 public:
  explicit Child(const std::function<int()>& work) : pid_(fork()) {
    if (pid_ == 0) _exit(work());
  }
  ~Child() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  int Wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  void Kill() {
    kill(pid_, SIGKILL);
    Wait();
  }

 private:
  pid_t pid_;
};

class Pipe {
 public:
  Pipe() { EXPECT_EQ(pipe(ends_), 0); }
  ~Pipe() {
    close(ends_[0]);
    close(ends_[1]);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void Put(std::uint64_t value) const { static_cast<void>(write(ends_[1], &value, sizeof(value))); }
  // 0 if nobody puts anything in a long while.
  [[nodiscard]] std::uint64_t Get() const {
    constexpr int kPatienceMs = 20'000;
    pollfd polled{.fd = ends_[0], .events = POLLIN, .revents = 0};
    std::uint64_t value = 0;
    if (poll(&polled, 1, kPatienceMs) == 1) {
      static_cast<void>(read(ends_[0], &value, sizeof(value)));
    }
    return value;
  }

 private:
  int ends_[2];
};

}  // namespace percpu::testing

#endif  // PERCPUD_TESTS_INTEGRATION_CHILDREN_H_
