// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Processes of percpud-fleet beside a percpud, and the etcd that they speak to.

#ifndef PERCPUD_TESTS_BENCH_TLS_AGENTS_H_
#define PERCPUD_TESTS_BENCH_TLS_AGENTS_H_

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/support/process.h"

namespace percpud::bench {

// An etcd of one node, in plain text on loopback. Killed with the object.
class Etcd {
 public:
  // Errors: NOT_FOUND if there is none on this machine.
  static absl::StatusOr<Etcd> Start();
  [[nodiscard]] const std::string& url() const { return url_; }

 private:
  Etcd(std::unique_ptr<testing::TempDir> dir, std::string url, testing::Process process)
      : dir_(std::move(dir)), url_(std::move(url)), process_(std::move(process)) {}

  std::unique_ptr<testing::TempDir> dir_;
  std::string url_;
  testing::Process process_;
};

struct AgentPlan {
  // "unix:PATH"
  std::string percpud;
  std::vector<std::string> etcd;
  // The agent is where it is to be when its log says this.
  std::string until;
};
// In its fleet, beside a percpud that serves.
AgentPlan IdleAgent(const std::string& percpud, const Etcd& etcd);
// Every member of etcd refuses it.
AgentPlan FailingAgent(const std::string& percpud);

// Killed with the object.
class Agent {
 public:
  // Returns when the agent is where it is to be.
  static absl::StatusOr<Agent> Start(const AgentPlan& plan);

 private:
  Agent(std::unique_ptr<testing::TempDir> dir, testing::Process process)
      : dir_(std::move(dir)), process_(std::move(process)) {}

  std::unique_ptr<testing::TempDir> dir_;
  testing::Process process_;
};

// An agent that is killed once it is where it is to be, and the next one, and so on.
class DyingAgents {
 public:
  explicit DyingAgents(AgentPlan plan);
  ~DyingAgents();
  DyingAgents(const DyingAgents&) = delete;
  DyingAgents& operator=(const DyingAgents&) = delete;

 private:
  const AgentPlan plan_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace percpud::bench

#endif  // PERCPUD_TESTS_BENCH_TLS_AGENTS_H_
