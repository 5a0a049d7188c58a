// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <signal.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "server/base/refusal_log.h"
#include "server/base/status_macros.h"
#include "server/base/tcp_socket.h"
#include "server/gateway/confine.h"
#include "server/gateway/flags.h"
#include "server/gateway/gateway.h"
#include "server/gateway/material_reader.h"

namespace percpud::gateway {
namespace {

constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;

void SetUpLog() {
  spdlog::set_default_logger(spdlog::stderr_color_mt("percpud-gateway"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %^%l%$ gateway: %v");
  SetWarningSink([](absl::string_view text) { spdlog::warn("{}", std::string(text)); });
}

// Readable once a signal says to stop, or to read certificates again.
UniqueFd Signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return UniqueFd(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
}

absl::Status OpenTls(const Flags& flags, TlsPorts::Options& out) {
  out.tls = flags.tls;
  for (const int fd : flags.tls_listen_fds) out.listeners.emplace_back(fd);
  for (const std::string& address : flags.tls_listen) {
    ASSIGN_OR_RETURN(TcpSocket socket, BindTcp(address));
    spdlog::info("serving on tls:{}", socket.address);
    out.listeners.push_back(std::move(socket.fd));
  }
  if (out.listeners.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(out.reader, StartReader(flags.tls.files));
  return absl::OkStatus();
}

absl::StatusOr<Gateway::Options> Open(const Flags& flags) {
  Gateway::Options out;
  out.daemon_path = flags.daemon_path;
  out.message_limit = flags.message_limit;
  out.daemon = UniqueFd(flags.daemon_fd);
  for (const int fd : flags.listen_fds) out.listeners.emplace_back(fd);
  for (const std::string& address : flags.listen) {
    ASSIGN_OR_RETURN(TcpSocket socket, BindTcp(address));
    spdlog::info("serving on {}", socket.address);
    out.listeners.push_back(std::move(socket.fd));
  }
  RETURN_IF_ERROR(OpenTls(flags, out.tls));
  return out;
}

absl::Status Run(const Flags& flags) {
  const UniqueFd signals = Signals();
  ASSIGN_OR_RETURN(Gateway::Options options, Open(flags));
  RETURN_IF_ERROR(Confine(flags.parent));
  ASSIGN_OR_RETURN(const std::unique_ptr<Gateway> gateway, Gateway::Create(std::move(options)));
  gateway->Run(signals.get());
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  SetUpLog();
  const absl::StatusOr<Flags> flags = ParseFlags(argc, argv);
  if (flags.ok() && flags->exit_code) return *flags->exit_code;
  const absl::Status status = flags.ok() ? Run(*flags) : flags.status();
  if (status.ok()) return 0;
  spdlog::critical("percpud-gateway cannot start: {}", std::string(status.message()));
  return absl::IsInvalidArgument(status) ? kExitUsage : kExitFailure;
}

}  // namespace
}  // namespace percpud::gateway

int main(int argc, char** argv) { return percpud::gateway::Main(argc, argv); }
