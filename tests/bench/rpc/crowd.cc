// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/rpc/crowd.h"

#include <cstring>

#include "proto/percpud/abi/v1/wire.h"

#include <grpcpp/grpcpp.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "percpu/client.h"
#include "tests/bench/rpc/rpc_load.h"

namespace percpud::bench {
namespace {

// A remote session's time to live: longer than any benchmark.
constexpr int kTtlSeconds = 3600;
constexpr int kMostInBatch = 1024;
constexpr absl::Duration kDoorPatience = absl::Seconds(30);

// Times what is done while it lives.
class Stopwatch {
 public:
  explicit Stopwatch(double& seconds) : seconds_(seconds) {}
  ~Stopwatch() {
    seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
  }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  double& seconds_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

}  // namespace

absl::StatusOr<std::unique_ptr<Crowd>> Crowd::Gather(const Size& size) {
  auto crowd = std::unique_ptr<Crowd>(new Crowd);
  if (absl::Status status = crowd->Start(size); !status.ok()) return status;
  if (absl::Status status = crowd->OpenLocal((size.sessions + 1) / 2); !status.ok()) return status;
  if (absl::Status status = crowd->OpenRemote(size.sessions / 2); !status.ok()) return status;
  if (size.areas > 0) {
    const Stopwatch watch(crowd->times_.areas);
    RpcLoad load(crowd->address());
    load.Use(crowd->tokens_);
    const int each = std::min((size.areas + size.sessions - 1) / size.sessions, kMostInBatch);
    if (absl::Status status = load.Fill(size.areas, each); !status.ok()) return status;
  }
  if (absl::Status status = crowd->MakeVariables(size.variables); !status.ok()) return status;
  return crowd;
}

double Crowd::ProcessorTime() const {
  clockid_t clock = 0;
  timespec time{};
  if (clock_getcpuclockid(daemon_->process.pid(), &clock) != 0) return 0;
  clock_gettime(clock, &time);
  return absl::ToDoubleSeconds(absl::DurationFromTimespec(time));
}

// The default quotas are for strangers; these sessions are all one user's.
absl::Status Crowd::Start(const Size& size) {
  const std::string config = absl::StrCat(dir_.path(), "/config");
  std::ofstream(config) << absl::StrCat("quotas { sessions: ", size.sessions + 8,
                                        " sessions_per_user: ", size.sessions + 8,
                                        " remote_sessions_per_opener: ", size.sessions + 8, " }");
  auto daemon = testing::StartDaemon(
      dir_, {"--config", config, "--arena", absl::StrCat("file:", dir_.path(), "/arena"),
             "--arena-size", "1GiB", "--cpus", absl::StrCat(size.cpus), "--log-level", "error"});
  if (!daemon.ok()) return daemon.status();
  daemon_ = std::make_unique<testing::RunningDaemon>(*std::move(daemon));
  return absl::OkStatus();
}

absl::Status Crowd::OpenLocal(int sessions) {
  const Stopwatch watch(times_.local_sessions);
  for (int i = 0; i < sessions; ++i) {
    auto admission = percpu::Knock(
        address().substr(std::strlen("unix:")) + percpud::abi::v1::kDoorSuffix,
        {.wanted = percpu::MapMode::kNone}, {.deadline = percpu::Deadline::After(kDoorPatience)});
    if (!admission.ok()) return admission.status();
    tokens_.push_back(std::move(admission->token));
    doors_.push_back(std::move(admission->door));
  }
  return absl::OkStatus();
}

absl::Status Crowd::OpenRemote(int sessions) {
  const Stopwatch watch(times_.remote_sessions);
  const auto stub = v1::SessionService::NewStub(
      grpc::CreateChannel(address(), grpc::InsecureChannelCredentials()));
  v1::OpenSessionRequest request;
  request.set_command("bench_scale");
  request.mutable_ttl()->set_seconds(kTtlSeconds);
  for (int i = 0; i < sessions; ++i) {
    grpc::ClientContext context;
    v1::OpenSessionResponse session;
    const grpc::Status status = stub->OpenSession(&context, request, &session);
    if (!status.ok()) {
      return {static_cast<absl::StatusCode>(status.error_code()), status.error_message()};
    }
    tokens_.push_back(std::move(*session.mutable_token()));
  }
  return absl::OkStatus();
}

absl::Status Crowd::MakeVariables(int variables) {
  const Stopwatch watch(times_.variables);
  auto client = percpu::Client::Connect(address());
  if (!client.ok()) return client.status();
  for (int i = 0; i < variables; ++i) {
    const auto made = client->OpenVariable({.name = absl::StrCat("scale/", i),
                                            .type = percpu::VariableType::kCounter,
                                            .size_bytes = sizeof(std::uint64_t),
                                            .create = true});
    if (!made.ok()) return made.status();
  }
  return absl::OkStatus();
}

}  // namespace percpud::bench
