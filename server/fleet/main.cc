// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <signal.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <systemd/sd-daemon.h>

#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "server/base/status_macros.h"
#include "server/fleet/agent.h"
#include "server/fleet/flags.h"

namespace percpud::fleet {
namespace {

constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;

void SetUpLog() {
  spdlog::set_default_logger(spdlog::stderr_color_mt("percpud-fleet"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %^%l%$ fleet: %v");
}

// SIGUSR1 ends the agent as SIGTERM does, but for the host's leaving: who restarts it sends
// that, or has --keep-record if it knows no signal but SIGTERM.
sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGUSR1}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return signals;
}

absl::Status Run(const Flags& flags, const sigset_t& signals) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Agent> agent, Agent::Start(flags));
  spdlog::info("{} of the fleet {} serves at unix:{}", flags.host, flags.fleet, flags.listen_path);
  sd_notify(0, "READY=1");
  constexpr timespec kRound{.tv_sec = 0, .tv_nsec = 100'000'000};
  int number = -1;
  while (number < 0) {
    agent->Tick();
    number = sigtimedwait(&signals, nullptr, &kRound);
  }
  sd_notify(0, "STOPPING=1");
  if (number != SIGUSR1 && !flags.keep_record) agent->Leave();
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  // What gRPC would log of a member that is away is said in this program's own words.
  setenv("GRPC_VERBOSITY", "NONE", /*replace=*/0);
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  SetUpLog();
  const sigset_t signals = BlockSignals();
  const absl::StatusOr<Flags> flags = ParseFlags(argc, argv);
  if (flags.ok() && flags->exit_code) return *flags->exit_code;
  const absl::Status status = flags.ok() ? Run(*flags, signals) : flags.status();
  if (status.ok()) return 0;
  spdlog::critical("percpud-fleet cannot start: {}", std::string(status.message()));
  return absl::IsInvalidArgument(status) ? kExitUsage : kExitFailure;
}

}  // namespace
}  // namespace percpud::fleet

int main(int argc, char** argv) { return percpud::fleet::Main(argc, argv); }
