// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// A percpud that serves TCP, and what its gateway is seen to be from outside.

#ifndef PERCPUD_TESTS_INTEGRATION_GATEWAY_RIG_H_
#define PERCPUD_TESTS_INTEGRATION_GATEWAY_RIG_H_

#include <arpa/inet.h>
#include <dirent.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/base/unique_fd.h"
#include "tests/support/listening.h"
#include "tests/support/process.h"

namespace percpud::testing {

inline constexpr absl::Duration kGatewayPatience = absl::Seconds(60);

// Whether `condition` comes true before a long while has passed.
template <typename Condition>
bool Await(Condition condition) {
  const absl::Time deadline = absl::Now() + kGatewayPatience;
  while (!condition()) {
    if (absl::Now() > deadline) return false;
  }
  return true;
}

inline std::string ReadProc(pid_t pid, const std::string& file) {
  std::ifstream stream(absl::StrCat("/proc/", pid, "/", file));
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

// The number behind a name of /proc/PID/status ("VmRSS", "CapEff"), as it is written.
inline std::string StatusField(pid_t pid, const std::string& name) {
  std::istringstream lines(ReadProc(pid, "status"));
  for (std::string line; std::getline(lines, line);) {
    if (absl::StartsWith(line, name + ":")) return line.substr(name.size() + 1);
  }
  return {};
}

inline std::uint64_t ResidentKib(pid_t pid) {
  return std::strtoull(StatusField(pid, "VmRSS").c_str(), nullptr, 10);
}

// Whether a process of that number lives; a zombie does not.
inline bool IsAlive(pid_t pid) {
  const std::string state = StatusField(pid, "State");
  return !state.empty() && state.find('Z') == std::string::npos;
}

// The gateway that a percpud of that number has started; 0 if there is none.
inline pid_t GatewayOf(pid_t percpud) {
  pid_t found = 0;
  DIR* const proc = opendir("/proc");
  for (const dirent* entry = readdir(proc); entry != nullptr; entry = readdir(proc)) {
    pid_t pid = 0;
    if (!absl::SimpleAtoi(entry->d_name, &pid)) continue;
    if (StatusField(pid, "Name") != "\tpercpud-gateway" || !IsAlive(pid)) continue;
    if (std::strtol(StatusField(pid, "PPid").c_str(), nullptr, 10) == percpud) found = pid;
  }
  closedir(proc);
  return found;
}

// A plain connection to "127.0.0.1:PORT"; none if nobody takes it.
inline UniqueFd ConnectTcp(const std::string& address) {
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port =
      htons(static_cast<std::uint16_t>(std::atoi(address.substr(address.find(':') + 1).c_str())));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0) return {};
  return fd;
}

class GatewayTest : public ::testing::Test {
 protected:
  // Starts percpud on a Unix socket and on TCP, with these flags besides.
  void Start(std::vector<std::string> flags = {}) {
    flags.insert(flags.end(), {"--cpus", "4", "--arena-size", "32MiB", "--listen", "127.0.0.1:0"});
    auto daemon = StartDaemon(dir_, flags);
    ASSERT_TRUE(daemon.ok()) << daemon.status();
    daemon_.emplace(*std::move(daemon));
    ASSERT_TRUE(Await([this] { return !TcpAddress().empty(); })) << daemon_->process.err();
    ASSERT_TRUE(Await([this] { return gateway() != 0; })) << daemon_->process.err();
  }
  void TearDown() override {
    if (!daemon_) return;
    daemon_->process.Kill(SIGTERM);
    const absl::StatusOr<int> status = daemon_->process.Wait(kGatewayPatience);
    ASSERT_TRUE(status.ok()) << status.status();
    EXPECT_EQ(*status, 0) << daemon_->process.err();
  }

  // Where percpud says it listens on TCP; empty if it has not said so yet.
  [[nodiscard]] std::string TcpAddress() const {
    return AddressBehind(kServingOnPlainTcp, daemon_->process.err());
  }
  [[nodiscard]] pid_t percpud() const { return daemon_->process.pid(); }
  [[nodiscard]] pid_t gateway() const { return GatewayOf(percpud()); }

  TempDir dir_;
  std::optional<RunningDaemon> daemon_;
};

}  // namespace percpud::testing

#endif  // PERCPUD_TESTS_INTEGRATION_GATEWAY_RIG_H_
