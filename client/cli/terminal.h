// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_CLI_TERMINAL_H_
#define PERCPUD_CLIENT_CLI_TERMINAL_H_

#include <termios.h>

#include <cstddef>
#include <optional>

#include "absl/time/time.h"
#include "client/cli/interrupt.h"

namespace percpu::cli {

// Columns and rows of the terminal behind a descriptor; zeros if there is none.
struct TerminalSize {
  std::size_t columns = 0;
  std::size_t rows = 0;
};
TerminalSize SizeOfTerminal(int fd);

// While one lives, single keys are read from a terminal and not shown, and a signal
// ends the wait rather than the process: the terminal is left as it was found. If
// `fd` is no terminal, no key is read. Not thread safe.
class Keyboard {
 public:
  explicit Keyboard(int fd);
  ~Keyboard();
  Keyboard(const Keyboard&) = delete;
  Keyboard& operator=(const Keyboard&) = delete;

  // Waits; true as soon as q is pressed or a signal was caught.
  bool WaitForQuit(absl::Duration duration);

 private:
  // Reads what was typed; true if q is among it, or nobody can type any more.
  [[nodiscard]] bool ReadsQuit() const;

  const Interrupt interrupt_;
  const int fd_;
  // What the terminal is set back to.
  std::optional<termios> before_;
};

}  // namespace percpu::cli

#endif  // PERCPUD_CLIENT_CLI_TERMINAL_H_
