// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_BASE_UNIQUE_FD_H_
#define PERCPUD_SERVER_BASE_UNIQUE_FD_H_

#include <unistd.h>

#include <utility>

namespace percpud {

// A file descriptor with an owner.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = other.release();
    }
    return *this;
  }
  ~UniqueFd() { reset(); }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool ok() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset() {
    if (ok()) close(release());
  }

 private:
  int fd_ = -1;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_BASE_UNIQUE_FD_H_
