// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What an honest client waits for an Alloc beside hostile peers, over the side door and
// over gRPC on the Unix socket. Beside it: the same client beside as many processes that
// are busy and have nothing to do with percpud, in turns within one run. Floods come over
// the Unix sockets and over TCP. A ratio is of one round, and each figure is the median of
// the rounds.

#include <grp.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "percpu/session.h"
#include "tests/bench/hostile/floods.h"
#include "tests/bench/report/comparison.h"
#include "tests/bench/report/neighbours.h"
#include "tests/support/command_line.h"
#include "tests/support/listening.h"
#include "tests/support/process.h"

namespace percpud::bench {
namespace {

constexpr uid_t kSomebodyElse = 65534;

struct Flags {
  int rounds = 5;
  double seconds = 0.5;
  int attackers = 2;
  bool smoke = false;
  // This process is an attacker: the name of its flood, or of none to be busy only.
  std::string attack;
  std::string address;
};

// Until it is killed.
int Attack(const Flags& flags) {
  if (geteuid() == 0 &&
      (setgroups(0, nullptr) != 0 || setgid(kSomebodyElse) != 0 || setuid(kSomebodyElse) != 0)) {
    return 1;
  }
  signal(SIGPIPE, SIG_IGN);
  for (const Flood& flood : AllFloods()) {
    if (flood.name != flags.attack) continue;
    flood.round(flags.address);
    std::cout << kUnderWay << std::endl;
    while (true) flood.round(flags.address);
  }
  BeBusy();
}

class Bench {
 public:
  explicit Bench(const Flags& flags) : flags_(flags) {}

  int Run() {
    auto daemon = testing::StartDaemon(
        dir_, {"--socket-mode", "0666", "--arena-size", "256MiB", "--listen", "127.0.0.1:0"});
    if (!daemon.ok()) return Fail(daemon.status());
    daemon_.emplace(*std::move(daemon));
    std::filesystem::permissions(dir_.path(), std::filesystem::perms::others_exec,
                                 std::filesystem::perm_options::add);
    percpu::CallOptions options;
    options.deadline = absl::Seconds(60);
    auto session = percpu::Session::Open(daemon_->address, {.calls = options});
    if (!session.ok()) return Fail(session.status());
    session_ = *std::move(session);
    auto grpc = percpu::Client::Connect(daemon_->address, options);
    if (!grpc.ok()) return Fail(grpc.status());
    grpc_ = std::make_unique<percpu::Client>(*std::move(grpc));
    absl::PrintF("%-32s %27s   %27s\n", "", "side door", "gRPC, Unix socket");
    absl::PrintF("%-32s %27s   %27s\n", "beside the flood of", "p50 us  of busy  p99  of busy",
                 "p50 us  of busy  p99  of busy");
    const std::string tcp =
        testing::AddressBehind(testing::kServingOnPlainTcp, daemon_->process.err());
    for (const Flood& flood : AllFloods()) {
      if (!Compare(flood.name, flood.name, daemon_->address)) return 1;
      if (flood.way != Way::kGrpc || tcp.empty()) continue;
      if (!Compare(absl::StrCat(flood.name, ", TCP"), flood.name, tcp)) return 1;
    }
    return 0;
  }

 private:
  static int Fail(const absl::Status& status) {
    std::cerr << "bench_hostile: " << status << "\n";
    return 1;
  }

  bool Compare(const std::string& title, const std::string& attack, const std::string& address) {
    struct Series {
      std::vector<double> p50, p50_ratio, p99, p99_ratio;
    };
    std::map<percpu::Client*, Series> all;
    for (int round = 0; round < flags_.rounds; ++round) {
      for (percpu::Client* const client : {&session_->client(), grpc_.get()}) {
        const auto busy = Measure(*client, "", address);
        const auto hostile = Measure(*client, attack, address);
        if (!busy || !hostile) return false;
        Series& series = all[client];
        series.p50.push_back(hostile->p50_us);
        series.p50_ratio.push_back(hostile->p50_us / busy->p50_us);
        series.p99.push_back(hostile->p99_us);
        series.p99_ratio.push_back(hostile->p99_us / busy->p99_us);
      }
    }
    const auto text = [&](percpu::Client& client) {
      const Series& series = all[&client];
      return absl::StrFormat("%6.0f  %7.2f  %6.0f  %7.2f", Median(series.p50),
                             Median(series.p50_ratio), Median(series.p99),
                             Median(series.p99_ratio));
    };
    absl::PrintF("%-32s %s    %s\n", title, text(session_->client()), text(*grpc_));
    return true;
  }

  // Beside busy processes if `attack` is empty.
  std::optional<Waits> Measure(percpu::Client& client, const std::string& attack,
                               const std::string& address) {
    const Neighbours neighbours(flags_.attackers, {"--attack", attack, "--address", address});
    const auto waits = MeasureWaits(client, absl::Seconds(flags_.seconds));
    if (waits.ok()) return *waits;
    Fail(waits.status());
    return std::nullopt;
  }

  const Flags flags_;
  const testing::TempDir dir_;
  std::optional<testing::RunningDaemon> daemon_;
  std::unique_ptr<percpu::Session> session_;
  std::unique_ptr<percpu::Client> grpc_;
};

int Main(int argc, char** argv) {
  const auto owned = testing::MakeApp("An honest client beside hostile peers.");
  CLI::App& app = *owned;
  Flags flags;
  app.add_option("--rounds", flags.rounds, "Rounds")->capture_default_str();
  app.add_option("--seconds", flags.seconds, "Of each measurement")->capture_default_str();
  app.add_option("--attackers", flags.attackers, "Processes at a time")->capture_default_str();
  app.add_flag("--smoke", flags.smoke, "For moments only");
  app.add_option("--attack", flags.attack)->group("");
  app.add_option("--address", flags.address)->group("");
  if (const auto exit_code = testing::Parse(app, argc, argv)) return *exit_code;
  if (!flags.address.empty()) return Attack(flags);
  if (flags.smoke) flags.rounds = 1;
  if (flags.smoke) flags.seconds = 0.02;
  return Bench(flags).Run();
}

}  // namespace
}  // namespace percpud::bench

int main(int argc, char** argv) {
  return percpud::testing::RunProgram(percpud::bench::Main, argc, argv);
}
