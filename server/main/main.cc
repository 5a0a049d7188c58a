// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <signal.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "server/main/daemon.h"
#include "server/main/fd_store.h"
#include "server/main/flags.h"
#include "server/main/reload.h"
#include "server/main/watchdog.h"

namespace percpud {
namespace {

constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;

// A local session takes two descriptors, and what a shell allows is few.
void AllowDescriptors() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// Whoever starts us may be a client, whose gRPC polls with poll(2): there, every
// call would pay for every connection.
void PollByEpoll() { setenv("GRPC_POLL_STRATEGY", "epoll1", /*replace=*/1); }

// What the operator wrote is told apart from what the system would not do.
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
  return signals;
}

// The next of them; 0 if none comes in time.
int AwaitSignal(const sigset_t& signals, absl::Duration patience) {
  if (patience == absl::InfiniteDuration()) patience = absl::Hours(24);
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
  NotifyManager(absl::StrCat("READY=1\nSTATUS=", Reload(argc, argv, running, daemon)));
}

// Until a signal says to stop; returns which. Meanwhile the service manager is
// told that all is well, as often as it wants and only if so, and the
// configuration is read again when a signal asks for that.
int Serve(int argc, char** argv, config::v1::Config running, Daemon& daemon,
          const sigset_t& signals) {
  const absl::Duration timeout = WatchdogTimeout();
  Watchdog watchdog(daemon.threads(), timeout, [] { NotifyManager("WATCHDOG=1"); });
  while (true) {
    if (timeout != absl::InfiniteDuration()) watchdog.Look(absl::Now());
    const int number = AwaitSignal(signals, watchdog.interval());
    if (number == SIGHUP) {
      ReloadInFrontOf(argc, argv, running, daemon);
    } else if (number != 0) {
      return number;
    }
  }
}

int Main(int argc, char** argv) {
  // The packaged abseil tracks lock order, for a tenth of a call's cost; ours
  // is checked by ranks.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  spdlog::set_default_logger(spdlog::stderr_color_mt("percpud"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v");

  const sigset_t signals = BlockSignals();
  absl::StatusOr<CommandLine> command_line = ParseCommandLine(argc, argv);
  if (!command_line.ok()) return Fail(command_line.status());
  if (command_line->exit_code) return *command_line->exit_code;
  absl::StatusOr<DaemonConfig> config = CheckConfig(command_line->config);
  if (!config.ok()) return Fail(config.status());
  if (command_line->check_only) {
    if (absl::Status status = Daemon::Check(*config); !status.ok()) return Fail(status);
    std::puts("percpud: configuration ok");
    return 0;
  }
  AllowDescriptors();
  PollByEpoll();
  config->discard = command_line->discard;
  spdlog::set_level(spdlog::level::from_str(config->log_level));

  absl::StatusOr<std::unique_ptr<Daemon>> daemon = Daemon::Start(*std::move(config));
  if (!daemon.ok()) return Fail(daemon.status());
  std::puts("percpud: ready");
  std::fflush(stdout);
  NotifyManager("READY=1");

  const int signal_number = Serve(argc, argv, std::move(command_line->config), **daemon, signals);
  NotifyManager("STOPPING=1");
  spdlog::info("draining on signal {}", signal_number);
  daemon->reset();
  spdlog::info("stopped");
  return 0;
}

}  // namespace
}  // namespace percpud

int main(int argc, char** argv) { return percpud::Main(argc, argv); }
