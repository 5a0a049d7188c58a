// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What TLS and the processes around percpud cost its callers: a call over TLS beside one over
// plain TCP, calls on the Unix socket beside clients who all connect anew, and beside a
// percpud-fleet. Each figure is measured in turn with its peer's, round after round. A ratio is
// of one round, and what is shown is the median of the rounds.

#include <CLI/CLI.hpp>
#include <array>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "percpu/session.h"
#include "server/base/status_macros.h"
#include "tests/bench/report/comparison.h"
#include "tests/bench/report/neighbours.h"
#include "tests/bench/report/report.h"
#include "tests/bench/rpc/rpc_load.h"
#include "tests/bench/tls/agents.h"
#include "tests/bench/tls/rows.h"
#include "tests/bench/tls/storm.h"
#include "tests/support/command_line.h"
#include "tests/support/listening.h"
#include "tests/support/pki.h"
#include "tests/support/text_file.h"
#include "tests/support/tls_peers.h"

namespace percpud::bench {
namespace {

constexpr double kMostOfTls = 1.6;
constexpr double kMostBesideStorm = 3;
constexpr std::array kInFlight = {1, 16};
constexpr std::uint64_t kPayload = 8;
// What is read over TLS has to be exported.
constexpr char kExported[] = "bench";
constexpr char kConfig[] = R"(
  access { remote: "viewer" clients: "spiffe:spiffe://td/app/*" }
  export { variables: "bench" })";

struct Flags : testing::RoundFlags {
  int clients = 500;
  int processes = 2;
  // New connections that the gateway takes in a second; 0: as many as without the flag.
  int handshakes_per_second = 0;
  std::string json_file;
  // This process is one of those beside percpud: the clients of a storm at that address, or busy.
  Storm storm;
  bool is_busy = false;
};

// A percpud with its gateway, and who talks to it.
class Host {
 public:
  absl::Status Start(const Flags& flags) {
    const std::string ca = pki_.Authority("ca");
    testing::WriteText(dir_.path() + "/config", kConfig);
    std::vector<std::string> argv =
        testing::TlsFlags(pki_.Issue(ca, "server", testing::ServerWish()));
    argv.insert(argv.end(), {"--config", dir_.path() + "/config", "--arena-size", "256MiB"});
    if (flags.handshakes_per_second > 0) {
      argv.insert(argv.end(),
                  {"--tls-handshakes-per-second", absl::StrCat(flags.handshakes_per_second)});
    }
    ASSIGN_OR_RETURN(auto daemon, testing::StartDaemon(dir_, argv));
    daemon_.emplace(std::move(daemon));
    client_files_ = pki_.Issue(ca, "client", {.names = "URI:spiffe://td/app/1"});
    const percpu::CallOptions calls{.deadline = absl::Seconds(60)};
    ASSIGN_OR_RETURN(session_, percpu::Session::Open(daemon_->address, {.calls = calls}));
    ASSIGN_OR_RETURN(auto client, percpu::Client::Connect(daemon_->address, calls));
    client_ = std::make_unique<percpu::Client>(std::move(client));
    return absl::OkStatus();
  }

  [[nodiscard]] const std::string& unix_address() const { return daemon_->address; }
  [[nodiscard]] std::string tls_address() const {
    return testing::AddressBehind(testing::kServingOnTls, daemon_->process.err());
  }
  [[nodiscard]] std::string plain_address() const {
    return testing::AddressBehind(testing::kServingOnPlainTcp, daemon_->process.err());
  }
  // A client by its certificate.
  [[nodiscard]] const testing::PemFiles& client_files() const { return client_files_; }
  percpu::Client& side_door() { return session_->client(); }
  percpu::Client& over_grpc() { return *client_; }

 private:
  const testing::TempDir dir_;
  testing::Pki pki_{dir_.path()};
  testing::PemFiles client_files_;
  std::optional<testing::RunningDaemon> daemon_;
  std::unique_ptr<percpu::Session> session_;
  std::unique_ptr<percpu::Client> client_;
};

// --- A call over TLS ---------------------------------------------------------------

absl::StatusOr<double> TimeRead(RpcLoad& load, std::uint64_t pointer, const Flags& flags) {
  ASSIGN_OR_RETURN(const Samples samples,
                   load.Read(1, pointer, kPayload, absl::Seconds(flags.seconds)));
  return samples.Percentile(0.5);
}

absl::StatusOr<Row> MeasureTlsCall(Host& host, const Flags& flags) {
  Row row{.what = absl::StrCat("Read of ", kPayload, " bytes over TLS, p50"),
          .peer = "over plain TCP",
          .most = kMostOfTls};
  ASSIGN_OR_RETURN(
      const percpu::OpenedVariable opened,
      host.side_door().OpenVariable({.name = kExported, .size_bytes = kPayload, .create = true}));
  const std::uint64_t pointer = percpu::Value(opened.variable.pointer);
  RpcLoad plain(host.plain_address());
  RpcLoad tls(grpc::CreateCustomChannel(
      host.tls_address(), testing::CredentialsOf(host.client_files()), LoadArguments()));
  // The connections are made first.
  RETURN_IF_ERROR(TimeRead(plain, pointer, flags).status());
  RETURN_IF_ERROR(TimeRead(tls, pointer, flags).status());
  for (int round = 0; round < flags.rounds; ++round) {
    ASSIGN_OR_RETURN(const double beside, TimeRead(plain, pointer, flags));
    ASSIGN_OR_RETURN(const double own, TimeRead(tls, pointer, flags));
    row.Add(own, beside);
  }
  return row;
}

// --- A storm -----------------------------------------------------------------------

struct StormRows {
  std::vector<Row> rows;
  // Calls of the storm in a second.
  std::vector<double> answered;
};

// One client's waits beside a storm, beside busy processes, and beside nobody.
absl::Status AddStormRound(percpu::Client& client, const std::vector<std::string>& storm,
                           const Flags& flags, Row& of_busy, Row& of_quiet, StormRows& out) {
  const absl::Duration duration = absl::Seconds(flags.seconds * 5);
  ASSIGN_OR_RETURN(const Waits quiet, MeasureWaits(client, duration));
  std::optional<Neighbours> neighbours;
  neighbours.emplace(flags.processes, std::vector<std::string>{"--busy"});
  ASSIGN_OR_RETURN(const Waits busy, MeasureWaits(client, duration));
  neighbours.emplace(flags.processes, storm);
  const std::size_t answered = neighbours->Said(kAnswered);
  const absl::Time begin = absl::Now();
  ASSIGN_OR_RETURN(const Waits raging, MeasureWaits(client, duration));
  const double seconds = absl::ToDoubleSeconds(absl::Now() - begin);
  of_busy.Add(raging.p99_us, busy.p99_us);
  of_quiet.Add(raging.p99_us, quiet.p99_us);
  const auto more = static_cast<double>(neighbours->Said(kAnswered) - answered);
  out.answered.push_back(more / seconds);
  return absl::OkStatus();
}

absl::StatusOr<StormRows> MeasureStorm(Host& host, const Flags& flags) {
  const testing::PemFiles& files = host.client_files();
  const std::vector<std::string> storm{
      "--storm",           host.tls_address(),
      "--storm-clients",   absl::StrCat(flags.clients / flags.processes),
      "--storm-cert-file", files.certificate,
      "--storm-key-file",  files.key,
      "--storm-ca-file",   files.ca};
  const std::string of_busy = absl::StrCat("beside ", flags.processes, " busy processes");
  const auto what = [&](const char* by) {
    return absl::StrCat("Alloc ", by, " in a storm of ", flags.clients, ", p99");
  };
  const std::string grpc = what("on the Unix socket");
  const std::string door = what("by the side door");
  StormRows out;
  out.rows = {{.what = grpc, .peer = of_busy, .most = kMostBesideStorm},
              {.what = grpc, .peer = "beside nobody"},
              {.what = door, .peer = of_busy, .most = kMostBesideStorm},
              {.what = door, .peer = "beside nobody"}};
  for (int round = 0; round < flags.rounds; ++round) {
    RETURN_IF_ERROR(AddStormRound(host.over_grpc(), storm, flags, out.rows[0], out.rows[1], out));
    RETURN_IF_ERROR(AddStormRound(host.side_door(), storm, flags, out.rows[2], out.rows[3], out));
  }
  return out;
}

// --- An agent ----------------------------------------------------------------------

// A p50 for each width.
absl::StatusOr<std::vector<double>> TimeAllocs(RpcLoad& load, const Flags& flags) {
  std::vector<double> out;
  for (const int in_flight : kInFlight) {
    ASSIGN_OR_RETURN(const AllocFreeSamples samples,
                     load.AllocFree(in_flight, 1, absl::Seconds(flags.seconds)));
    out.push_back(samples.alloc.Percentile(0.5));
  }
  return out;
}

std::vector<Row> RowsOfAgent(const std::string& agent, const std::string& peer) {
  std::vector<Row> out;
  for (const int in_flight : kInFlight) {
    out.push_back({.what = absl::StrCat("Alloc beside ", agent, ", ", in_flight, " in flight, p50"),
                   .peer = peer,
                   .is_to_cost_nothing = true});
  }
  return out;
}

// `begin` makes what is measured, and `beside` its peer; each goes when it has been.
template <typename Begin, typename Beside>
absl::Status Compare(RpcLoad& load, const Flags& flags, Begin begin, Beside beside,
                     std::vector<Row>& rows) {
  const auto time = [&](const auto& make) -> absl::StatusOr<std::vector<double>> {
    const auto made = make();
    if (!made.ok()) return made.status();
    return TimeAllocs(load, flags);
  };
  RETURN_IF_ERROR(TimeAllocs(load, flags).status());
  for (int round = 0; round < flags.rounds; ++round) {
    ASSIGN_OR_RETURN(const std::vector<double> before, time(beside));
    ASSIGN_OR_RETURN(const std::vector<double> own, time(begin));
    ASSIGN_OR_RETURN(const std::vector<double> after, time(beside));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      rows[i].Add(own[i], (before[i] + after[i]) / 2);
      rows[i].spread.push_back(after[i] / before[i]);
    }
  }
  return absl::OkStatus();
}

absl::Status MeasureAgents(Host& host, const Flags& flags, std::vector<Row>& out) {
  RpcLoad load(host.unix_address());
  const auto none = [&]() -> absl::StatusOr<int> { return 0; };
  std::vector<Row> idle = RowsOfAgent("an idle agent", "beside none");
  const absl::StatusOr<Etcd> etcd = Etcd::Start();
  if (etcd.ok()) {
    const AgentPlan plan = IdleAgent(host.unix_address(), *etcd);
    RETURN_IF_ERROR(Compare(
        load, flags, [&] { return Agent::Start(plan); }, none, idle));
  } else if (absl::IsNotFound(etcd.status())) {
    for (Row& row : idle) row.missing = std::string(etcd.status().message());
  } else {
    return etcd.status();
  }
  const AgentPlan plan = FailingAgent(host.unix_address());
  std::vector<Row> failing = RowsOfAgent("one without etcd", "beside none");
  RETURN_IF_ERROR(Compare(
      load, flags, [&] { return Agent::Start(plan); }, none, failing));
  std::vector<Row> dying = RowsOfAgent("agents that die", "beside such of nobody's");
  const auto die = [](const AgentPlan& each) {
    return [&each]() -> absl::StatusOr<std::unique_ptr<DyingAgents>> {
      return std::make_unique<DyingAgents>(each);
    };
  };
  const AgentPlan elsewhere = FailingAgent("unix:/nowhere/percpud.sock");
  RETURN_IF_ERROR(Compare(load, flags, die(plan), die(elsewhere), dying));
  for (std::vector<Row>* const rows : {&idle, &failing, &dying}) {
    for (Row& row : *rows) out.push_back(std::move(row));
  }
  return absl::OkStatus();
}

// --- All of it ---------------------------------------------------------------------

struct Results {
  StormRows storm;
  std::vector<Row> rows;
};

absl::StatusOr<Results> Measure(const Flags& flags) {
  Host host;
  RETURN_IF_ERROR(host.Start(flags));
  Results out;
  ASSIGN_OR_RETURN(Row call, MeasureTlsCall(host, flags));
  out.rows.push_back(std::move(call));
  ASSIGN_OR_RETURN(out.storm, MeasureStorm(host, flags));
  for (const Row& row : out.storm.rows) out.rows.push_back(row);
  RETURN_IF_ERROR(MeasureAgents(host, flags, out.rows));
  return out;
}

Json Report(const Flags& flags, const Results& results) {
  Json out = ToJson(results.rows, flags.smoke);
  out["storm"] = {{"clients", flags.clients},
                  {"processes", flags.processes},
                  {"answered_per_second", Median(results.storm.answered)}};
  return out;
}

void PrintAll(const Results& results, const Json& report) {
  PrintTable(results.rows);
  std::cout << "calls of the storm that were answered in a second: "
            << InWords(results.storm.answered) << '\n';
  PrintGoals(report);
}

void AddFlags(CLI::App& app, Flags& flags) {
  testing::AddRoundFlags(app, flags);
  app.add_option("--clients", flags.clients, "In the storm")->check(CLI::Range(1, 2000));
  app.add_option("--processes", flags.processes, "Of the storm, and busy ones")
      ->check(CLI::Range(1, 64));
  app.add_option("--handshakes-per-second", flags.handshakes_per_second, "That the gateway takes");
  app.add_option("--json", flags.json_file, "Write JSON here too");
  app.add_option("--storm", flags.storm.address)->group("");
  app.add_option("--storm-clients", flags.storm.clients)->group("");
  app.add_option("--storm-cert-file", flags.storm.files.certificate)->group("");
  app.add_option("--storm-key-file", flags.storm.files.key)->group("");
  app.add_option("--storm-ca-file", flags.storm.files.ca)->group("");
  app.add_flag("--busy", flags.is_busy)->group("");
}

int Main(int argc, char** argv) {
  // The packaged abseil tracks lock order otherwise. The daemon does the same.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  Flags flags;
  const auto app = testing::MakeApp("Measures TLS, and percpud's neighbours");
  AddFlags(*app, flags);
  if (const auto ended = testing::ParseRounds(*app, argc, argv, flags)) return *ended;
  if (flags.is_busy) BeBusy();
  if (!flags.storm.address.empty()) Rage(flags.storm);
  const absl::StatusOr<Results> results = Measure(flags);
  Json report;
  if (results.ok()) report = Report(flags, *results);
  if (results.ok() && !flags.json_file.empty()) {
    const absl::Status written = WriteReport(report, flags.json_file);
    if (!written.ok()) std::cerr << "bench_tls: " << written << '\n';
  }
  return testing::PrintResults(
      "bench_tls", flags, results, [&](const Results&) { std::cout << report.dump(2) << '\n'; },
      [&](const Results& measured) { PrintAll(measured, report); });
}

}  // namespace
}  // namespace percpud::bench

int main(int argc, char** argv) {
  return percpud::testing::RunProgram(percpud::bench::Main, argc, argv);
}
