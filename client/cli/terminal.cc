// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>

#include "absl/time/time.h"
#include "server/base/clock.h"

namespace percpu::cli {

TerminalSize SizeOfTerminal(int fd) {
  winsize size{};
  if (isatty(fd) == 0 || ioctl(fd, TIOCGWINSZ, &size) != 0) return {};
  return {.columns = size.ws_col, .rows = size.ws_row};
}

Keyboard::Keyboard(int fd) : fd_(fd) {
  termios now{};
  // A process in the background would be stopped if it changed the terminal.
  if (tcgetpgrp(fd_) != getpgrp() || tcgetattr(fd_, &now) != 0) return;
  before_ = now;
  now.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  tcsetattr(fd_, TCSANOW, &now);
}

Keyboard::~Keyboard() {
  if (before_) tcsetattr(fd_, TCSANOW, &*before_);
}

bool Keyboard::WaitForQuit(absl::Duration duration) {
  assert(duration >= absl::ZeroDuration());
  const percpud::BootTime end = percpud::NowSinceBoot() + duration;
  for (absl::Duration left = duration; left > absl::ZeroDuration();
       left = end - percpud::NowSinceBoot()) {
    if (Interrupt::signal() != 0) return true;
    pollfd keys{.fd = before_ ? fd_ : -1, .events = POLLIN, .revents = 0};
    // A signal that comes just before the poll is seen a moment later.
    const absl::Duration step = std::min(left, absl::Milliseconds(200));
    const int ready = poll(&keys, 1, static_cast<int>(absl::ToInt64Milliseconds(step)) + 1);
    if (ready > 0 && ReadsQuit()) return true;
  }
  return Interrupt::signal() != 0;
}

bool Keyboard::ReadsQuit() const {
  std::array<char, 64> typed{};
  const ssize_t count = read(fd_, typed.data(), typed.size());
  if (count <= 0) return true;
  const auto* const end = typed.begin() + count;
  return std::find(typed.cbegin(), end, 'q') != end;
}

}  // namespace percpu::cli
