// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/memory_reserve.h"
#include "server/main/daemon.h"
#include "server/main/fd_store.h"
#include "server/main/flags.h"
#include "server/main/hang_guard.h"
#include "server/main/log_setup.h"
#include "server/main/reload.h"
#include "server/main/system_check.h"
#include "server/main/watchdog.h"

namespace percpud {
namespace {

constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;
// How many threads a daemon has on this host, at least while it starts: its own, and
// those that gRPC makes for each processor.
std::size_t Threads() { return 20 + 2 * std::size_t{std::thread::hardware_concurrency()}; }
// How often the daemon looks whether its files are still there.
constexpr absl::Duration kLookAtFiles = absl::Seconds(30);
// The drain is over after five seconds, unless something hangs.
constexpr absl::Duration kPatienceToStop = absl::Seconds(20);

// A local session takes two descriptors, and what a shell allows is few.
void AllowDescriptors() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// The process that starts this one may be a client, whose gRPC polls with poll(2): there,
// every call would pay for every connection.
void PollByEpoll() { setenv("GRPC_POLL_STRATEGY", "epoll1", /*replace=*/1); }

// Tells by the exit code what the operator wrote from what the system would not do.
int Fail(const absl::Status& status) {
  for (const absl::string_view line : absl::StrSplit(status.message(), '\n')) {
    spdlog::critical("percpud cannot start: {}", std::string(line));
  }
  return absl::IsInvalidArgument(status) ? kExitUsage : kExitFailure;
}

// Blocked before there are threads, so that every thread leaves them to us.
sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  // Who starts us may ignore it, and then nobody could ask how a process of ours has ended.
  signal(SIGCHLD, SIG_DFL);
  return signals;
}

// Returns the next of the signals; 0 if none comes in time.
int AwaitSignal(const sigset_t& signals, absl::Duration patience) {
  const timespec time = absl::ToTimespec(patience);
  const int number = sigtimedwait(&signals, nullptr, &time);
  return number < 0 ? 0 : number;
}

// The manager must not take a reload for done before it is.
void ReloadInFrontOf(int argc, char** argv, config::v1::Config& running, Daemon& daemon) {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  NotifyManager(absl::StrCat("RELOADING=1\nMONOTONIC_USEC=",
                             absl::ToInt64Microseconds(absl::DurationFromTimespec(now))));
  daemon.ReadCertificates();
  NotifyManager(absl::StrCat("READY=1\nSTATUS=", Reload(argc, argv, running, daemon)));
}

// Says once that files are missing, and once that they are back.
class FileWatch {
 public:
  explicit FileWatch(const Daemon& daemon) : daemon_(daemon) {}

  void Look(BootTime now) {
    if (now < next_) return;
    next_ = now + kLookAtFiles;
    const std::string missing = absl::StrJoin(daemon_.MissingFiles(), " and ");
    if (missing == missing_) return;
    missing_ = missing;
    if (missing.empty()) {
      spdlog::info("all files are at their places again");
    } else {
      spdlog::warn("removed or replaced underneath: {}; the next daemon does not find it", missing);
    }
  }

 private:
  const Daemon& daemon_;
  BootTime next_ = BootTime::InfinitePast();
  std::string missing_;
};

// Runs until a signal says to stop, and returns which. Meanwhile the service manager is
// told that all is well, as often as it wants and only if so, and the configuration is
// read again when a signal asks for that.
int Serve(int argc, char** argv, config::v1::Config running, Daemon& daemon,
          const sigset_t& signals) {
  const absl::Duration timeout = WatchdogTimeout();
  Watchdog watchdog(daemon.threads(), timeout, [] { NotifyManager("WATCHDOG=1"); });
  FileWatch files(daemon);
  while (true) {
    if (timeout != absl::InfiniteDuration()) watchdog.Look(NowSinceBoot());
    files.Look(NowSinceBoot());
    const int number = AwaitSignal(signals, std::min(watchdog.interval(), kLookAtFiles));
    if (number == SIGHUP) {
      ReloadInFrontOf(argc, argv, running, daemon);
    } else if (number != 0) {
      return number;
    }
  }
}

int CheckOnly(const DaemonConfig& config) {
  if (absl::Status status = Daemon::Check(config); !status.ok()) return Fail(status);
  for (const std::string& warning : WarningsOf(config, LookAtHost(config))) {
    spdlog::warn("{}", warning);
  }
  std::puts("percpud: configuration ok");
  return 0;
}

int Run(int argc, char** argv, const sigset_t& signals, CommandLine command_line,
        DaemonConfig config) {
  AllowDescriptors();
  PollByEpoll();
  config.discard = command_line.discard;
  config.config_file = command_line.config_file;
  SetLogLevel(config.log_level);
  for (const std::string& warning : WarningsOf(config, LookAtHost(config))) {
    spdlog::warn("{}", warning);
  }
  if (absl::Status status = CheckSystem(config, Threads()); !status.ok()) return Fail(status);
  MemoryReserve::PutBy();
  absl::StatusOr<std::unique_ptr<Daemon>> daemon = Daemon::Start(config);
  if (!daemon.ok()) return Fail(daemon.status());
  std::puts("percpud: ready");
  std::fflush(stdout);
  NotifyManager("READY=1");

  const int number = Serve(argc, argv, std::move(command_line.config), **daemon, signals);
  NotifyManager("STOPPING=1");
  spdlog::info("draining on signal {}", number);
  {
    const HangGuard guard("percpud: the drain hangs; the process ends without it\n",
                          kPatienceToStop);
    daemon->reset();
  }
  spdlog::info("stopped");
  return 0;
}

int Main(int argc, char** argv) {
  OpenStandardDescriptors();
  // The packaged abseil tracks lock order, for a tenth of a call's cost; ours
  // is checked by ranks.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  SetUpLog();
  const sigset_t signals = BlockSignals();
  absl::StatusOr<CommandLine> command_line = ParseCommandLine(argc, argv);
  if (!command_line.ok()) return Fail(command_line.status());
  if (command_line->exit_code) return *command_line->exit_code;
  absl::StatusOr<DaemonConfig> config = CheckConfig(command_line->config);
  if (!config.ok()) return Fail(config.status());
  if (command_line->check_only) return CheckOnly(*config);
  try {
    return Run(argc, argv, signals, *std::move(command_line), *std::move(config));
  } catch (const std::system_error& error) {
    // A thread that the system would not make. What threads there are could keep a
    // destructor waiting.
    spdlog::critical("percpud cannot go on: {}", error.what());
    std::_Exit(kExitFailure);
  }
}

}  // namespace
}  // namespace percpud

int main(int argc, char** argv) { return percpud::Main(argc, argv); }
