// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_SUPPORT_PROCESS_H_
#define PERCPUD_TESTS_SUPPORT_PROCESS_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace percpud::testing {

// A real child process with its output captured; its input is empty. Killed and
// reaped when the object goes. Not thread safe.
class Process {
 public:
  // Runs the program at the path argv[0], with `env` ("NAME=value") on top of
  // this process's. Errors: what the system said, with argv[0].
  static absl::StatusOr<Process> Spawn(const std::vector<std::string>& argv,
                                       const std::vector<std::string>& env = {});
  Process(Process&&) noexcept;
  Process& operator=(Process&&) = delete;
  ~Process();

  // Returns when a line of standard output starts with `prefix`. Otherwise,
  // with all output so far: DEADLINE_EXCEEDED if it may still come,
  // FAILED_PRECONDITION if the process has ended.
  absl::Status WaitForLine(const std::string& prefix, absl::Duration timeout);
  // Nothing if the process has ended: a signal never goes to a stranger.
  void Kill(int signal_number);
  // The exit status as a shell tells it (128 + signal). DEADLINE_EXCEEDED if
  // the process goes on.
  absl::StatusOr<int> Wait(absl::Duration timeout);

  [[nodiscard]] pid_t pid() const;
  // What it has printed so far; all of it after Wait.
  [[nodiscard]] std::string out() const;
  [[nodiscard]] std::string err() const;

 private:
  class State;
  explicit Process(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

struct RunResult {
  int exit_code = -1;
  std::string out;
  std::string err;
};

// Runs a command to its end; at most a minute.
absl::StatusOr<RunResult> RunToEnd(const std::vector<std::string>& argv,
                                   const std::vector<std::string>& env = {});

// A directory of its own under `parent`, or the temporary one; removed with all in it.
class TempDir {
 public:
  explicit TempDir(const std::string& parent = "");
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// A binary of this build: NAME in PERCPUD_BIN_DIR if that is set, otherwise in
// <build>/bin for a program in <build>/tests or <build>/bin.
std::string BinaryPath(const std::string& name);

// A running percpud that answers on `address`.
struct RunningDaemon {
  Process process;
  std::string address;
};
// Starts percpud on a Unix socket in `dir` and waits until it is ready.
absl::StatusOr<RunningDaemon> StartDaemon(const TempDir& dir,
                                          const std::vector<std::string>& flags = {});

}  // namespace percpud::testing

#endif  // PERCPUD_TESTS_SUPPORT_PROCESS_H_
