// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// How long a percpud that was killed is away.
//
// A daemon grants areas to sessions that come from everywhere, is killed, and
// the next one goes on from arena and catalog. The time runs from fork() to the
// first answer, so that the kernel's work for a new process counts as well; the
// daemon's processor time up to that answer stands beside it, which others on
// the machine do not change.

#include <grpcpp/grpcpp.h>
#include <sys/stat.h>
#include <time.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "percpud/v1/memory.grpc.pb.h"
#include "percpud/v1/session.grpc.pb.h"
#include "proto/percpud/abi/v1/wire.h"
#include "tests/bench/report/comparison.h"
#include "tests/support/command_line.h"
#include "tests/support/process.h"

namespace percpud::bench {
namespace {

constexpr absl::Duration kPatience = absl::Minutes(1);
constexpr std::uint64_t kMostInBatch = 1000;
constexpr std::uint32_t kAreaSize = 8;

struct Flags {
  std::vector<std::uint64_t> areas = {125'000, 500'000, 2'000'000};
  std::uint64_t sessions = 10'000;
  int rounds = 5;
  bool smoke = false;
  std::string output = "table";
};

// One restart.
struct Restart {
  double wall_ms = 0;
  double cpu_ms = 0;
  double resident_mib = 0;
};

// What is there before the kill, and how its restarts went.
struct Result {
  std::uint64_t areas = 0;
  double grant_us = 0;  // of one area, in batches
  double catalog_mib = 0;
  std::vector<Restart> restarts;
};

// Runs daemons, one after the other, on an arena and a catalog that stay.
class Host {
 public:
  explicit Host(const Flags& flags) : flags_(flags) {
    std::ofstream config(config_file());
    config << "quotas { sessions: " << flags.sessions + 1
           << " remote_sessions_per_opener: " << flags.sessions + 1 << " }\n";
  }

  absl::Status Start() {
    absl::StatusOr<testing::Process> process = testing::Process::Spawn(
        {testing::BinaryPath("percpud"), "--config", config_file(), "--listen", address(),
         "--arena", absl::StrCat("file:", dir_.path(), "/arena"), "--arena-size", "1GiB", "--cpus",
         "4", "--log-level", "warning"});
    if (!process.ok()) return process.status();
    daemon_.emplace(*std::move(process));
    return absl::OkStatus();
  }
  void Kill() {
    daemon_->Kill(SIGKILL);
    daemon_->Wait(kPatience).IgnoreError();
    daemon_.reset();
  }

  // Sessions, and areas dealt out to them in turn. Microseconds for an area.
  absl::StatusOr<double> Fill(std::uint64_t areas) {
    const auto channel = grpc::CreateChannel(address(), grpc::InsecureChannelCredentials());
    const auto sessions = v1::SessionService::NewStub(channel);
    const auto memory = v1::MemoryService::NewStub(channel);
    std::vector<std::string> tokens(flags_.sessions);
    for (std::string& token : tokens) {
      v1::OpenSessionRequest request;
      request.mutable_ttl()->set_seconds(3600);
      v1::OpenSessionResponse opened;
      const grpc::Status status =
          Call(*sessions, &v1::SessionService::Stub::OpenSession, request, opened);
      if (!status.ok()) return absl::InternalError(status.error_message());
      token = opened.token();
    }
    const absl::Time start = absl::Now();
    const std::uint64_t batch = std::clamp<std::uint64_t>(areas / tokens.size(), 1, kMostInBatch);
    for (std::uint64_t granted = 0; granted < areas; granted += batch) {
      v1::AllocRequest request;
      for (std::uint64_t i = 0; i < batch; ++i) request.add_sizes_bytes(kAreaSize);
      v1::AllocResponse response;
      const grpc::Status status = Call(*memory, &v1::MemoryService::Stub::Alloc, request, response,
                                       tokens[granted / batch % tokens.size()]);
      if (!status.ok()) return absl::InternalError(status.error_message());
    }
    return absl::ToDoubleMicroseconds(absl::Now() - start) / static_cast<double>(areas);
  }

  absl::StatusOr<Restart> TimeRestart() {
    Kill();
    const absl::Time start = absl::Now();
    if (absl::Status status = Start(); !status.ok()) return status;
    if (absl::Status status = daemon_->WaitForLine("percpud: ready", kPatience); !status.ok()) {
      return status;
    }
    const auto channel = grpc::CreateChannel(address(), grpc::InsecureChannelCredentials());
    const auto memory = v1::MemoryService::NewStub(channel);
    v1::PingResponse pong;
    const grpc::Status status =
        Call(*memory, &v1::MemoryService::Stub::Ping, v1::PingRequest(), pong);
    if (!status.ok()) return absl::InternalError(status.error_message());
    return Restart{.wall_ms = absl::ToDoubleMilliseconds(absl::Now() - start),
                   .cpu_ms = ProcessorTime() / 1e6,
                   .resident_mib = ResidentMib()};
  }

  // What the catalog takes on its file system.
  [[nodiscard]] double CatalogMib() const {
    struct stat file {};
    ::stat(absl::StrCat(dir_.path(), "/arena.catalog/data.mdb").c_str(), &file);
    return static_cast<double>(file.st_blocks) * 512 / (1 << 20);
  }

 private:
  template <typename Stub, typename Method, typename Request, typename Response>
  static grpc::Status Call(Stub& stub, Method method, const Request& request, Response& response,
                           const std::string& token = {}) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + kPatience));
    context.set_wait_for_ready(true);
    if (!token.empty()) context.AddMetadata(percpud::abi::v1::kTokenKey, token);
    return (stub.*method)(&context, request, &response);
  }

  [[nodiscard]] std::string address() const { return absl::StrCat("unix:", dir_.path(), "/sock"); }
  [[nodiscard]] std::string config_file() const { return dir_.path() + "/config.textproto"; }

  // The daemon's processor time, in nanoseconds.
  [[nodiscard]] double ProcessorTime() const {
    clockid_t clock{};
    timespec used{};
    if (::clock_getcpuclockid(daemon_->pid(), &clock) != 0) return 0;
    ::clock_gettime(clock, &used);
    return static_cast<double>(used.tv_sec) * 1e9 + static_cast<double>(used.tv_nsec);
  }
  // The daemon's own memory; the arena's pages are not counted.
  [[nodiscard]] double ResidentMib() const {
    std::ifstream status(absl::StrCat("/proc/", daemon_->pid(), "/status"));
    std::string word;
    while (status >> word && word != "RssAnon:") {
    }
    double kib = 0;
    status >> kib;
    return kib / 1024;
  }

  const Flags& flags_;
  testing::TempDir dir_;
  std::optional<testing::Process> daemon_;
};

absl::StatusOr<Result> Measure(const Flags& flags, std::uint64_t areas) {
  Host host(flags);
  if (absl::Status status = host.Start(); !status.ok()) return status;
  Result result{.areas = areas};
  const absl::StatusOr<double> grant = host.Fill(areas);
  if (!grant.ok()) return grant.status();
  result.grant_us = *grant;
  result.catalog_mib = host.CatalogMib();
  for (int i = 0; i < flags.rounds; ++i) {
    absl::StatusOr<Restart> restart = host.TimeRestart();
    if (!restart.ok()) return restart.status();
    result.restarts.push_back(*restart);
  }
  return result;
}

double MedianOf(const Result& result, double Restart::*figure) {
  std::vector<double> series;
  for (const Restart& restart : result.restarts) series.push_back(restart.*figure);
  return Median(std::move(series));
}
double LeastOf(const Result& result, double Restart::*figure) {
  double least = result.restarts.front().*figure;
  for (const Restart& restart : result.restarts) least = std::min(least, restart.*figure);
  return least;
}

void PrintTable(const Flags& flags, const std::vector<Result>& results) {
  std::cout
      << flags.sessions << " sessions; restarts: " << flags.rounds << '\n'
      << "  areas | to the first answer, ms: median, least | CPU ms | CPU us/area | daemon MiB "
         "| catalog MiB | B/area | granting us/area\n";
  for (const Result& result : results) {
    const double cpu = MedianOf(result, &Restart::cpu_ms);
    const auto areas = static_cast<double>(result.areas);
    std::cout << absl::StreamFormat(
        "%7d | %32.0f, %6.0f | %6.0f | %11.3f | %10.1f | %11.1f | %6.0f | %16.2f\n", result.areas,
        MedianOf(result, &Restart::wall_ms), LeastOf(result, &Restart::wall_ms), cpu,
        cpu * 1000 / areas, MedianOf(result, &Restart::resident_mib), result.catalog_mib,
        result.catalog_mib * (1 << 20) / areas, result.grant_us);
  }
}

void PrintJson(const Flags& flags, const std::vector<Result>& results) {
  nlohmann::ordered_json json = {{"sessions", flags.sessions},
                                 {"rounds", flags.rounds},
                                 {"restarts", nlohmann::ordered_json::array()}};
  for (const Result& result : results) {
    json["restarts"].push_back({{"areas", result.areas},
                                {"first_answer_ms", MedianOf(result, &Restart::wall_ms)},
                                {"cpu_ms", MedianOf(result, &Restart::cpu_ms)},
                                {"daemon_mib", MedianOf(result, &Restart::resident_mib)},
                                {"catalog_mib", result.catalog_mib},
                                {"grant_us", result.grant_us}});
  }
  std::cout << json.dump(2) << '\n';
}

int Main(int argc, char** argv) {
  Flags flags;
  const auto app = testing::MakeApp("Measures restarts of a percpud of its own");
  app->add_option("--areas", flags.areas, "How many are there; several for several rows");
  app->add_option("--sessions", flags.sessions, "Whose they are")->check(CLI::Range(1, 1'000'000));
  app->add_option("--rounds", flags.rounds, "Restarts to take the median of")
      ->check(CLI::Range(1, 1000));
  app->add_flag("--smoke", flags.smoke, "One short round: that it runs, not how fast");
  app->add_option("-o,--output", flags.output)->check(CLI::IsMember({"table", "json"}));
  if (const auto ended = testing::Parse(*app, argc, argv)) return *ended;
  if (flags.smoke) flags = {.areas = {2000}, .sessions = 10, .rounds = 1, .smoke = true};

  std::vector<Result> results;
  for (const std::uint64_t areas : flags.areas) {
    absl::StatusOr<Result> result = Measure(flags, areas);
    if (!result.ok()) {
      std::cerr << "bench_restart: " << result.status().ToString() << '\n';
      return 1;
    }
    results.push_back(*std::move(result));
  }
  if (flags.output == "json") {
    PrintJson(flags, results);
  } else {
    PrintTable(flags, results);
  }
  return 0;
}

}  // namespace
}  // namespace percpud::bench

int main(int argc, char** argv) {
  return percpud::testing::RunProgram(percpud::bench::Main, argc, argv);
}
