// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/tls/agents.h"

#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/base/status_macros.h"
#include "server/base/tcp_socket.h"

namespace percpud::bench {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(60);
constexpr char kEtcd[] = "/usr/bin/etcd";

// "127.0.0.1:PORT" of a port that nobody has just now.
absl::StatusOr<std::string> FreeAddress() {
  const absl::StatusOr<TcpSocket> bound = BindTcp("127.0.0.1:0");
  if (!bound.ok()) return bound.status();
  return bound->address;
}

}  // namespace

absl::StatusOr<Etcd> Etcd::Start() {
  if (access(kEtcd, X_OK) != 0) {
    return absl::NotFoundError(absl::StrCat("not measured: there is no ", kEtcd));
  }
  auto dir = std::make_unique<testing::TempDir>();
  ASSIGN_OR_RETURN(const std::string address, FreeAddress());
  ASSIGN_OR_RETURN(const std::string peer_address, FreeAddress());
  std::string url = absl::StrCat("http://", address);
  const std::string peer_url = absl::StrCat("http://", peer_address);
  auto process =
      testing::Process::Spawn({kEtcd, "--data-dir", dir->path() + "/data", "--listen-client-urls",
                               url, "--advertise-client-urls", url, "--listen-peer-urls", peer_url,
                               "--initial-advertise-peer-urls", peer_url, "--initial-cluster",
                               "default=" + peer_url, "--unsafe-no-fsync"},
                              {"ETCD_UNSUPPORTED_ARCH=arm64"});
  if (!process.ok()) return process.status();
  return Etcd(std::move(dir), std::move(url), *std::move(process));
}

AgentPlan IdleAgent(const std::string& percpud, const Etcd& etcd) {
  return {.percpud = percpud, .etcd = {etcd.url()}, .until = "host own is new: up"};
}

AgentPlan FailingAgent(const std::string& percpud) {
  return {.percpud = percpud,
          .etcd = {"http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:3"},
          .until = "fleet: etcd: "};
}

absl::StatusOr<Agent> Agent::Start(const AgentPlan& plan) {
  auto dir = std::make_unique<testing::TempDir>();
  std::vector<std::string> argv{testing::BinaryPath("percpud-fleet"),
                                "--host",
                                "own",
                                "--percpud",
                                plan.percpud,
                                "--listen",
                                absl::StrCat("unix:", dir->path(), "/fleet.sock"),
                                "--state-dir",
                                dir->path()};
  for (const std::string& url : plan.etcd) argv.insert(argv.end(), {"--etcd", url});
  auto process = testing::Process::Spawn(argv);
  if (!process.ok()) return process.status();
  const absl::Time deadline = absl::Now() + kPatience;
  while (!absl::StrContains(process->err(), plan.until)) {
    if (absl::Now() > deadline) {
      return absl::DeadlineExceededError(
          absl::StrCat("no \"", plan.until, "\" in ", process->err()));
    }
    absl::SleepFor(absl::Milliseconds(2));
  }
  return Agent(std::move(dir), *std::move(process));
}

DyingAgents::DyingAgents(AgentPlan plan)
    : plan_(std::move(plan)), thread_([this] {
        while (!stop_) Agent::Start(plan_).IgnoreError();
      }) {}

DyingAgents::~DyingAgents() {
  stop_ = true;
  thread_.join();
}

}  // namespace percpud::bench
