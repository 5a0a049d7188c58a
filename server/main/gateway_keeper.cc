// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/main/gateway_keeper.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/clock.h"
#include "server/base/errors.h"

namespace percpud {
namespace {

constexpr pid_t kNone = 0;
constexpr absl::Duration kFirstPause = absl::Milliseconds(100);
constexpr absl::Duration kLongestPause = absl::Seconds(5);
// One that lived so long did not fail at its start.
constexpr absl::Duration kGoodLife = absl::Seconds(10);
// For what is left to say after the daemon's drain.
constexpr absl::Duration kGoodbye = absl::Seconds(2);
// The first descriptor that the gateway is given, behind the standard streams.
constexpr int kFirstFd = 3;
// Above all that it is given, so that no copy overwrites the source of another.
constexpr int kOutOfTheWay = 64;

std::string Program() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path() / "percpud-gateway";
}

// How the gateway's process is made: what descriptors it has, and no signal blocked. Closes
// its copies of the descriptors with the object.
class SpawnPlan {
 public:
  SpawnPlan() {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  }
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  // Passes a descriptor on; returns the number that it will have.
  int Pass(int fd) {
    const int number = kFirstFd + static_cast<int>(copies_.size());
    copies_.emplace_back(fcntl(fd, F_DUPFD_CLOEXEC, kOutOfTheWay));
    posix_spawn_file_actions_adddup2(&actions_, copies_.back().get(), number);
    return number;
  }

  // The process, or 0 with errno.
  pid_t Run(const std::string& program, std::vector<std::string> arguments) {
    posix_spawn_file_actions_addclosefrom_np(&actions_,
                                             kFirstFd + static_cast<int>(copies_.size()));
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    // A group of its own: a terminal's Ctrl-C is the daemon's to hear, which drains.
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    std::vector<char*> argv;
    argv.reserve(arguments.size() + 1);
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    pid_t process = kNone;
    errno = posix_spawn(&process, program.c_str(), &actions_, &attributes_, argv.data(), environ);
    return errno == 0 ? process : kNone;
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
  std::vector<UniqueFd> copies_;
};

std::string HowItEnded(const siginfo_t& info) {
  return info.si_code == CLD_EXITED ? absl::StrCat("exit status ", info.si_status)
                                    : absl::StrCat("signal ", info.si_status);
}

}  // namespace

absl::Status GatewayKeeper::CheckProgram() {
  const std::string program = Program();
  if (access(program.c_str(), X_OK) != 0) return errors::NoGateway(program, errno);
  return absl::OkStatus();
}

GatewayKeeper::GatewayKeeper(Options options)
    : options_(std::move(options)), pause_(kFirstPause), thread_([this] { Run(); }) {}

GatewayKeeper::~GatewayKeeper() {
  Drain();
  {
    RankedLock lock(&mu_);
    mu_.AwaitWithTimeout(absl::Condition(&finished_), kGoodbye);
    if (process_ != kNone) kill(process_, SIGKILL);
  }
  thread_.join();
}

void GatewayKeeper::Drain() {
  RankedLock lock(&mu_);
  if (std::exchange(stopping_, true)) return;
  if (process_ != kNone) kill(process_, SIGTERM);
}

void GatewayKeeper::ReadCertificates() {
  RankedLock lock(&mu_);
  if (process_ != kNone) kill(process_, SIGHUP);
}

bool GatewayKeeper::IsStopping() {
  RankedLock lock(&mu_);
  return stopping_;
}

void GatewayKeeper::Watch(pid_t process) {
  RankedLock lock(&mu_);
  process_ = process;
  // Drain was too early for this one.
  if (stopping_ && process != kNone) kill(process, SIGTERM);
}

void GatewayKeeper::Run() {
  pthread_setname_np(pthread_self(), "gateway-keeper");
  Loop();
  RankedLock lock(&mu_);
  finished_ = true;
}

void GatewayKeeper::Loop() {
  while (!IsStopping()) {
    const BootTime started = NowSinceBoot();
    const pid_t process = Spawn();
    Watch(process);
    const std::string how = process == kNone ? "not started" : AwaitEnd(process);
    if (IsStopping()) return;
    const absl::Duration pause = NextPause(NowSinceBoot() - started);
    spdlog::warn("percpud-gateway has ended ({}); started again in {}", how,
                 absl::FormatDuration(pause));
    Pause(pause);
  }
}

pid_t GatewayKeeper::Spawn() {
  std::array<int, 2> ends{-1, -1};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) {
    spdlog::error("percpud-gateway: socketpair: {}", std::strerror(errno));
    return kNone;
  }
  UniqueFd ours(ends[0]);
  const UniqueFd theirs(ends[1]);
  SpawnPlan plan;
  const std::string program = Program();
  std::vector<std::string> arguments{program,
                                     "--parent",
                                     absl::StrCat(getpid()),
                                     "--limits-message",
                                     absl::StrCat(options_.message_limit.value()),
                                     "--percpud-fd",
                                     absl::StrCat(plan.Pass(theirs.get()))};
  for (const int listener : options_.listeners) {
    arguments.insert(arguments.end(), {"--listen-fd", absl::StrCat(plan.Pass(listener))});
  }
  for (const int listener : options_.tls_listeners) {
    arguments.insert(arguments.end(), {"--tls-listen-fd", absl::StrCat(plan.Pass(listener))});
  }
  arguments.insert(arguments.end(), options_.tls_flags.begin(), options_.tls_flags.end());
  const pid_t process = plan.Run(program, std::move(arguments));
  if (process == kNone) {
    spdlog::error("{} cannot be run: {}", program, std::strerror(errno));
    return kNone;
  }
  options_.connected(std::move(ours));
  return process;
}

std::string GatewayKeeper::AwaitEnd(pid_t process) {
  siginfo_t info{};
  // Reaped below, so that Drain never signals a stranger of the same number.
  while (waitid(P_PID, static_cast<id_t>(process), &info, WEXITED | WNOWAIT) != 0 &&
         errno == EINTR) {
  }
  RankedLock lock(&mu_);
  process_ = kNone;
  waitid(P_PID, static_cast<id_t>(process), &info, WEXITED);
  return HowItEnded(info);
}

absl::Duration GatewayKeeper::NextPause(absl::Duration lived) {
  if (lived >= kGoodLife) pause_ = kFirstPause;
  return std::exchange(pause_, std::min(pause_ * 2, kLongestPause));
}

void GatewayKeeper::Pause(absl::Duration pause) {
  RankedLock lock(&mu_);
  mu_.AwaitWithTimeout(absl::Condition(&stopping_), pause);
}

}  // namespace percpud
