// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// A percpud that serves TLS, with certificates that openssl makes for the test.

#ifndef PERCPUD_TESTS_INTEGRATION_TLS_RIG_H_
#define PERCPUD_TESTS_INTEGRATION_TLS_RIG_H_

#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "percpu/options.h"
#include "tests/integration/gateway_rig.h"
#include "tests/support/listening.h"
#include "tests/support/pki.h"
#include "tests/support/process.h"
#include "tests/support/text_file.h"
#include "tests/support/tls_peers.h"

namespace percpud::testing {

class TlsTest : public ::testing::Test {
 protected:
  TlsTest() : ca_(pki_.Authority("ca")), server_(pki_.Issue(ca_, "server", ServerWish())) {}

  // Starts percpud on a Unix socket and on TLS, and waits until a certificate is in use.
  void Start(const std::string& access, const std::vector<std::string>& more = {}) {
    Launch(access, more);
    ASSERT_TRUE(AwaitLog("the certificate in use is valid until"));
  }
  // The same, whatever becomes of the certificates.
  void Launch(const std::string& access, const std::vector<std::string>& more = {}) {
    const std::string config = dir_.path() + "/config";
    WriteText(config, access);
    Use(server_);
    std::vector<std::string> flags = TlsFlags(live_);
    flags.insert(flags.end(), {"--config", config, "--cpus", "4", "--arena-size", "32MiB",
                               "--tls-check-interval", "100ms"});
    flags.insert(flags.end(), more.begin(), more.end());
    auto daemon = StartDaemon(dir_, flags);
    ASSERT_TRUE(daemon.ok()) << daemon.status();
    daemon_.emplace(*std::move(daemon));
    ASSERT_TRUE(Await([this] { return !TlsPort().empty(); })) << log();
  }
  void TearDown() override {
    if (!daemon_) return;
    daemon_->process.Kill(SIGTERM);
    const absl::StatusOr<int> status = daemon_->process.Wait(kGatewayPatience);
    ASSERT_TRUE(status.ok()) << status.status();
    EXPECT_EQ(*status, 0) << log();
  }

  // Puts these files where the gateway reads, each whole at once.
  void Use(const PemFiles& files) {
    Put(files.key, live_.key);
    Put(files.certificate, live_.certificate);
    Put(files.ca, live_.ca);
  }
  static void Put(const std::string& from, const std::string& to) {
    const std::string fresh = to + ".new";
    WriteText(fresh, ReadText(from));
    chmod(fresh.c_str(), 0640);
    std::rename(fresh.c_str(), to.c_str());
  }

  [[nodiscard]] std::string log() const { return daemon_->process.err(); }
  bool AwaitLog(const std::string& text, std::size_t from = 0) {
    const bool came = Await([&] { return log().find(text, from) != std::string::npos; });
    EXPECT_TRUE(came) << "no \"" << text << "\" in " << log();
    return came;
  }
  // "127.0.0.1:PORT"
  [[nodiscard]] std::string TlsPort() const { return AddressBehind(kServingOnTls, log()); }
  [[nodiscard]] std::string PlainPort() const { return AddressBehind(kServingOnPlainTcp, log()); }

  // A client of its own identity, as names of a certificate say it.
  PemFiles Client(const std::string& names) {
    return pki_.Issue(ca_, absl::StrCat("client-", ++clients_), {.names = names});
  }

  // percpuctl over TLS, as the owner of those files.
  RunResult Percpuctl(const PemFiles& files, const std::vector<std::string>& words) {
    std::vector<std::string> argv{BinaryPath("percpuctl"), "--address", "tls:" + TlsPort(),
                                  "--ca-file", files.ca};
    if (!files.certificate.empty()) {
      argv.insert(argv.end(), {"--cert-file", files.certificate, "--key-file", files.key});
    }
    argv.insert(argv.end(), words.begin(), words.end());
    const auto ran = RunToEnd(argv);
    EXPECT_TRUE(ran.ok()) << ran.status();
    return ran.value_or(RunResult{});
  }
  // A channel of gRPC's own, which checks nothing beforehand.
  [[nodiscard]] std::shared_ptr<grpc::Channel> Channel(const PemFiles& files) const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 200);
    return grpc::CreateCustomChannel(TlsPort(), CredentialsOf(files), arguments);
  }
  [[nodiscard]] static percpu::CallOptions CallsAs(const PemFiles& files) {
    percpu::CallOptions out{.deadline = absl::Seconds(20)};
    out.tls = {.ca_file = files.ca,
               .cert_file = files.certificate,
               .key_file = files.key,
               .server_name = {}};
    return out;
  }
  [[nodiscard]] std::string SdkAddress() const { return "tls:" + TlsPort(); }

  TempDir dir_;
  Pki pki_{dir_.path()};
  const std::string ca_;
  const PemFiles server_;
  // Where the gateway reads.
  const PemFiles live_{.certificate = dir_.path() + "/live.pem",
                       .key = dir_.path() + "/live.key",
                       .ca = dir_.path() + "/live-ca.pem"};
  std::optional<RunningDaemon> daemon_;
  int clients_ = 0;
};

}  // namespace percpud::testing

#endif  // PERCPUD_TESTS_INTEGRATION_TLS_RIG_H_
