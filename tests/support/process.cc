// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/support/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "server/base/ranked_mutex.h"

// glibc 2.36 does not say itself that these are C functions.
extern "C" {
#include <sys/pidfd.h>
}

namespace percpud::testing {
namespace {

constexpr absl::Duration kRunLimit = absl::Minutes(1);
constexpr absl::Duration kReadyLimit = absl::Seconds(30);
constexpr int kOut = 0;
constexpr int kErr = 1;

class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() {
    if (fd_ >= 0) close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

struct Pipe {
  Fd read_end;
  Fd write_end;
};

absl::StatusOr<Pipe> OpenPipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return absl::ErrnoToStatus(errno, "pipe2");
  // Reads stop at an empty pipe; the writer notices nothing of that.
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return Pipe{.read_end = Fd(ends[0]), .write_end = Fd(ends[1])};
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (std::string& string : strings) pointers.push_back(string.data());
  pointers.push_back(nullptr);
  return pointers;
}

// `extra` over this process's environment.
std::vector<std::string> Environment(const std::vector<std::string>& extra) {
  std::vector<std::string> all = extra;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const absl::string_view variable = *entry;
    const absl::string_view name = variable.substr(0, variable.find('=') + 1);
    bool overridden = false;
    for (const std::string& other : extra) overridden |= absl::StartsWith(other, name);
    if (!overridden) all.emplace_back(variable);
  }
  return all;
}

absl::StatusOr<pid_t> SpawnWriting(const std::vector<std::string>& argv,
                                   const std::vector<std::string>& env, int out, int err) {
  std::vector<std::string> arguments = argv;
  std::vector<std::string> variables = Environment(env);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
  pid_t pid = -1;
  const int error = posix_spawn(&pid, argv[0].c_str(), &actions, nullptr,
                                Pointers(arguments).data(), Pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return absl::ErrnoToStatus(error, argv[0]);
  return pid;
}

}  // namespace

// Lives at one address: the thread that reads and reaps holds it.
class Process::State {
 public:
  State(pid_t pid, Fd out, Fd err)
      : pid_(pid), pidfd_(pidfd_open(pid, 0)), streams_{std::move(out), std::move(err)} {
    reader_ = std::thread([this] { ReadToEnd(); });
  }
  ~State() {
    Signal(SIGKILL);
    reader_.join();
  }

  void Signal(int number) const { pidfd_send_signal(pidfd_.get(), number, nullptr, 0); }

  // False if the time ran out first.
  bool AwaitEnd(absl::Duration timeout) {
    const RankedLock lock(&mu_);
    return mu_.AwaitWithTimeout(absl::Condition(&ended_), timeout);
  }
  // The line, the end, or the time. True if there is a line.
  bool AwaitLine(const std::string& prefix, absl::Duration timeout) {
    const auto come = [this, &prefix]()
                          ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return ended_ || HasLine(prefix); };
    const RankedLock lock(&mu_);
    mu_.AwaitWithTimeout(absl::Condition(&come), timeout);
    return HasLine(prefix);
  }

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool ended() const {
    const RankedLock lock(&mu_);
    return ended_;
  }
  [[nodiscard]] int exit_code() const {
    const RankedLock lock(&mu_);
    return exit_code_;
  }
  [[nodiscard]] std::string text(int stream) const {
    const RankedLock lock(&mu_);
    return text_[stream];
  }

 private:
  // The process's end counts, not that of its output, which a grandchild may
  // keep open: what was written by then is all there is.
  void ReadToEnd() {
    std::array<pollfd, 3> events{};
    events[0] = {.fd = streams_[kOut].get(), .events = POLLIN, .revents = 0};
    events[1] = {.fd = streams_[kErr].get(), .events = POLLIN, .revents = 0};
    events[2] = {.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
    while (events[2].revents == 0) {
      if (poll(events.data(), events.size(), -1) < 0) continue;
      for (const int stream : {kOut, kErr}) {
        // poll passes over a negative descriptor.
        if (Drain(stream)) events[stream].fd = -1;
      }
    }
    Reap();
  }

  // True at the end of the stream.
  bool Drain(int stream) {
    std::array<char, 4096> buffer{};
    for (;;) {
      const ssize_t count = read(streams_[stream].get(), buffer.data(), buffer.size());
      if (count <= 0) return count == 0;
      const RankedLock lock(&mu_);
      text_[stream].append(buffer.data(), static_cast<std::size_t>(count));
    }
  }

  void Reap() {
    siginfo_t info{};
    waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED);
    const RankedLock lock(&mu_);
    exit_code_ = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
    ended_ = true;
  }

  [[nodiscard]] bool HasLine(const std::string& prefix) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    for (const absl::string_view line : absl::StrSplit(text_[kOut], '\n')) {
      if (absl::StartsWith(line, prefix)) return true;
    }
    return false;
  }

  const pid_t pid_;
  const Fd pidfd_;
  const std::array<Fd, 2> streams_;
  std::thread reader_;

  mutable RankedMutex mu_{LockRank::kLeaf};
  std::array<std::string, 2> text_ ABSL_GUARDED_BY(mu_);
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
  int exit_code_ ABSL_GUARDED_BY(mu_) = -1;
};

absl::StatusOr<Process> Process::Spawn(const std::vector<std::string>& argv,
                                       const std::vector<std::string>& env) {
  absl::StatusOr<Pipe> out = OpenPipe();
  if (!out.ok()) return out.status();
  absl::StatusOr<Pipe> err = OpenPipe();
  if (!err.ok()) return err.status();
  const absl::StatusOr<pid_t> pid =
      SpawnWriting(argv, env, out->write_end.get(), err->write_end.get());
  if (!pid.ok()) return pid.status();
  return Process(std::make_unique<State>(*pid, std::move(out->read_end), std::move(err->read_end)));
}

Process::Process(std::unique_ptr<State> state) : state_(std::move(state)) {}
Process::Process(Process&&) noexcept = default;
Process::~Process() = default;

absl::Status Process::WaitForLine(const std::string& prefix, absl::Duration timeout) {
  if (state_->AwaitLine(prefix, timeout)) return absl::OkStatus();
  const std::string message =
      absl::StrCat("no line \"", prefix, "\"; out: ", out(), " err: ", err());
  return state_->ended() ? absl::FailedPreconditionError(message)
                         : absl::DeadlineExceededError(message);
}

void Process::Kill(int signal_number) { state_->Signal(signal_number); }

absl::StatusOr<int> Process::Wait(absl::Duration timeout) {
  if (!state_->AwaitEnd(timeout)) {
    return absl::DeadlineExceededError(absl::StrCat("process ", pid(), " goes on"));
  }
  return state_->exit_code();
}

pid_t Process::pid() const { return state_->pid(); }
std::string Process::out() const { return state_->text(kOut); }
std::string Process::err() const { return state_->text(kErr); }

absl::StatusOr<RunResult> RunToEnd(const std::vector<std::string>& argv,
                                   const std::vector<std::string>& env) {
  absl::StatusOr<Process> process = Process::Spawn(argv, env);
  if (!process.ok()) return process.status();
  const absl::StatusOr<int> exit_code = process->Wait(kRunLimit);
  if (!exit_code.ok()) return exit_code.status();
  return RunResult{.exit_code = *exit_code, .out = process->out(), .err = process->err()};
}

TempDir::TempDir(const std::string& parent) {
  const std::filesystem::path where =
      parent.empty() ? std::filesystem::temp_directory_path() : std::filesystem::path(parent);
  std::string pattern = where / "percpud-test-XXXXXX";
  if (mkdtemp(pattern.data()) != nullptr) path_ = pattern;
}

TempDir::~TempDir() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

std::string BinaryPath(const std::string& name) {
  if (const char* dir = getenv("PERCPUD_BIN_DIR"); dir != nullptr) {
    return std::filesystem::path(dir) / name;
  }
  return std::filesystem::canonical("/proc/self/exe").parent_path().parent_path() / "bin" / name;
}

absl::StatusOr<RunningDaemon> StartDaemon(const TempDir& dir,
                                          const std::vector<std::string>& flags) {
  const std::string address = absl::StrCat("unix:", dir.path(), "/percpud.sock");
  std::vector<std::string> argv = {BinaryPath("percpud"), "--listen", address};
  argv.insert(argv.end(), flags.begin(), flags.end());
  absl::StatusOr<Process> process = Process::Spawn(argv);
  if (!process.ok()) return process.status();
  if (absl::Status ready = process->WaitForLine("percpud: ready", kReadyLimit); !ready.ok()) {
    return ready;
  }
  return RunningDaemon{.process = *std::move(process), .address = address};
}

}  // namespace percpud::testing
