// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// How long a sum over many hosts takes.
//
// The hosts are ports of one server in this process, each behind a TLS connection of its own, and
// each says what a percpud would say of a counter with a few series. So a round is the agent's
// whole work, with the hosts' on the same processors.

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "percpud/v1/reading.grpc.pb.h"
#include "server/fleet/reading_service.h"
#include "tests/bench/report/comparison.h"
#include "tests/support/command_line.h"
#include "tests/support/pki.h"
#include "tests/support/process.h"
#include "tests/support/text_file.h"

namespace percpud::bench {
namespace {

namespace wire = percpud::v1;

struct Flags {
  testing::RoundFlags rounds;
  int hosts = 100;
  int series = 4;
};

// What every host says.
class Hosts final : public wire::ReadingService::CallbackService {
 public:
  explicit Hosts(int series) {
    answer_.mutable_shape()->set_name("hits");
    answer_.mutable_shape()->set_type(wire::FAMILY_TYPE_COUNTER);
    answer_.mutable_shape()->set_cells(wire::CELL_KIND_INTEGER);
    answer_.mutable_shape()->add_label_names("code");
    for (int i = 0; i < series; ++i) {
      wire::Series& one = *answer_.add_series();
      one.add_label_values(absl::StrCat(i));
      one.add_cells()->set_count(1);
    }
  }
  grpc::ServerUnaryReactor* ReadFamily(grpc::CallbackServerContext* context,
                                       const wire::ReadFamilyRequest* /*request*/,
                                       wire::ReadFamilyResponse* response) override {
    *response = answer_;
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

 private:
  wire::ReadFamilyResponse answer_;
};

// A fleet of these hosts, and the sums of an agent.
class Rig {
 public:
  explicit Rig(const Flags& flags) : flags_(flags), hosts_(flags.series) {}

  absl::Status Start() {
    testing::Pki pki(dir_.path());
    const testing::PemFiles files = pki.Issue(
        pki.Authority("ca"), "host", {.names = "IP:127.0.0.1", .usage = "serverAuth,clientAuth"});
    grpc::SslServerCredentialsOptions options(
        GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    options.pem_root_certs = testing::ReadText(files.ca);
    options.pem_key_cert_pairs.push_back(
        {testing::ReadText(files.key), testing::ReadText(files.certificate)});
    grpc::ServerBuilder builder;
    std::vector<int> ports(static_cast<std::size_t>(flags_.hosts));
    for (int& port : ports) {
      builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(options), &port);
    }
    builder.RegisterService(&hosts_);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr) return absl::InternalError("gRPC made no server");
    Restore(ports);
    channels_ = std::make_unique<fleet::HostChannels>(
        fleet::HostChannels::Options{
            .files = {.ca = files.ca, .certificate = files.certificate, .key = files.key},
            .own_incarnation = "nobody's",
            .own_address = "unix:/nowhere"},
        clock_);
    sums_ = std::make_unique<fleet::FleetSums>(directory_, *channels_, deadlines_, clock_);
    return absl::OkStatus();
  }

  // Milliseconds. Errors: the sum's, and DATA_LOSS for one that is wrong.
  absl::StatusOr<double> TimeSum() {
    fleet::v1::SumFamilyRequest request;
    request.set_family("hits");
    constexpr int kPatience = 30;
    request.mutable_asking()->mutable_deadline()->set_seconds(kPatience);
    fleet::FoundSum<fleet::v1::SumFamilyResponse> sum;
    const BootTime begin = clock_.Now();
    // Nobody else asks, so it is found here.
    sums_->Find(request, [&sum](const auto& found) { sum = found; });
    const absl::Duration took = clock_.Now() - begin;
    if (!sum.status.ok()) {
      return absl::Status(static_cast<absl::StatusCode>(sum.status.error_code()),
                          sum.status.error_message());
    }
    const auto hosts = static_cast<std::uint64_t>(flags_.hosts);
    for (const fleet::v1::SummedSeries& series : sum.response.series()) {
      if (series.cells(0).count() != hosts) return absl::DataLossError("the sum is not exact");
    }
    return absl::ToDoubleMilliseconds(took);
  }

 private:
  void Restore(const std::vector<int>& ports) {
    fleet::v1::View view;
    for (std::size_t i = 0; i < ports.size(); ++i) {
      fleet::v1::Host& host = *view.add_hosts();
      host.set_name(absl::StrCat("h", i));
      host.set_state(fleet::v1::HOST_STATE_UP);
      host.mutable_record()->set_weight(1);
      host.mutable_record()->add_addresses(absl::StrCat("tls:127.0.0.1:", ports[i]));
    }
    directory_.Restore(view);
  }

  const Flags& flags_;
  const testing::TempDir dir_;
  const SystemClock clock_;
  fleet::Directory directory_{
      {.fleet = "f"}, fleet::Keys("f"), "nobody", clock_, [](const auto&) {}};
  Hosts hosts_;
  std::unique_ptr<grpc::Server> server_;
  fleet::Deadlines deadlines_{clock_};
  std::unique_ptr<fleet::HostChannels> channels_;
  std::unique_ptr<fleet::FleetSums> sums_;
};

struct Result {
  int hosts = 0;
  // With all connections to be made.
  double first_ms = 0;
  double p50_ms = 0;
  double p90_ms = 0;
  double most_ms = 0;
};

double Quantile(const std::vector<double>& sorted, double share) {
  return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
}

absl::StatusOr<Result> Measure(const Flags& flags) {
  Rig rig(flags);
  if (absl::Status status = rig.Start(); !status.ok()) return status;
  const absl::StatusOr<double> first = rig.TimeSum();
  if (!first.ok()) return first.status();
  const int sums = flags.rounds.smoke ? 3 : flags.rounds.rounds * 20;
  std::vector<double> took;
  for (int i = 0; i < sums; ++i) {
    const absl::StatusOr<double> one = rig.TimeSum();
    if (!one.ok()) return one.status();
    took.push_back(*one);
  }
  std::sort(took.begin(), took.end());
  return Result{.hosts = flags.hosts,
                .first_ms = *first,
                .p50_ms = Quantile(took, 0.5),
                .p90_ms = Quantile(took, 0.9),
                .most_ms = took.back()};
}

void PrintJson(const Result& result) {
  std::cout << nlohmann::json{{"hosts", result.hosts},
                              {"first_ms", result.first_ms},
                              {"p50_ms", result.p50_ms},
                              {"p90_ms", result.p90_ms},
                              {"most_ms", result.most_ms}}
                   .dump()
            << '\n';
}

void PrintTable(const Result& result) {
  std::cout << absl::StrFormat(
      "a sum over %d hosts: p50 %.1f ms, p90 %.1f, at most %.1f; the first, which connects, %.0f "
      "ms\n",
      result.hosts, result.p50_ms, result.p90_ms, result.most_ms, result.first_ms);
}

int Main(int argc, char** argv) {
  Flags flags;
  const auto app = testing::MakeApp("Times sums over many hosts");
  app->add_option("--hosts", flags.hosts)->check(CLI::Range(1, 1000));
  app->add_option("--series", flags.series, "Of the family")->check(CLI::Range(1, 1000));
  testing::AddRoundFlags(*app, flags.rounds);
  if (const auto code = testing::ParseRounds(*app, argc, argv, flags.rounds)) return *code;
  return testing::PrintResults("bench_fleet", flags.rounds, Measure(flags), PrintJson, PrintTable);
}

}  // namespace
}  // namespace percpud::bench

int main(int argc, char** argv) {
  return percpud::testing::RunProgram(percpud::bench::Main, argc, argv);
}
