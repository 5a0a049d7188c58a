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
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "percpu/options.h"
#include "tests/integration/gateway_rig.h"
#include "tests/support/process.h"

namespace percpud::testing {

// A certificate with its key, and who vouches for its other side: paths of PEM files.
struct PemFiles {
  std::string certificate;
  std::string key;
  std::string ca;
};

inline std::string ReadText(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline void WriteText(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::trunc) << text;
}

// Authorities and certificates, made by the openssl program in a directory.
class Pki {
 public:
  explicit Pki(std::string directory) : directory_(std::move(directory)) {}

  // A self-signed authority; returns its path without ".pem" and ".key".
  std::string Authority(const std::string& name) {
    std::vector<std::string> argv{"openssl", "req", "-x509", "-days", "30"};
    Append(argv, NewKey(name));
    Append(argv, {"-out", Path(name) + ".pem", "-subj", "/CN=" + name, "-addext",
                  "basicConstraints=critical,CA:true", "-addext",
                  "keyUsage=critical,keyCertSign,cRLSign"});
    Run(argv);
    return Path(name);
  }

  // What a certificate may differ in.
  struct Wish {
    // "URI:spiffe://td/app/1,DNS:localhost"; empty for none.
    std::string names;
    std::string usage = "clientAuth";
    int days = 5;
    // An authority below the one that makes it.
    bool is_authority = false;
  };
  // A certificate of that common name, made by `authority`.
  PemFiles Issue(const std::string& authority, const std::string& name, const Wish& wish) {
    const std::string path = Path(name);
    std::vector<std::string> request{"openssl", "req", "-new"};
    Append(request, NewKey(name));
    Append(request, {"-out", path + ".csr", "-subj", "/CN=" + name});
    Run(request);
    std::string extensions =
        wish.is_authority
            ? "basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign,cRLSign\n"
            : absl::StrCat("basicConstraints=CA:false\nextendedKeyUsage=", wish.usage, "\n");
    if (!wish.names.empty()) absl::StrAppend(&extensions, "subjectAltName=", wish.names, "\n");
    WriteText(path + ".ext", extensions);
    Run({"openssl", "x509", "-req", "-in", path + ".csr", "-CA", authority + ".pem", "-CAkey",
         authority + ".key", "-CAcreateserial", "-days", absl::StrCat(wish.days), "-extfile",
         path + ".ext", "-out", path + ".pem"});
    return {.certificate = path + ".pem", .key = path + ".key", .ca = authority + ".pem"};
  }

  // The same certificate once more, of the same key, that is over at that time.
  PemFiles Shorten(const std::string& authority, const PemFiles& files, absl::Time end) {
    const std::string base = Prepare(authority);
    const std::string path = files.certificate + ".short";
    const std::string stem = files.certificate.substr(0, files.certificate.size() - 4);
    Run({"openssl", "ca", "-batch", "-notext", "-config", base + ".conf", "-in", stem + ".csr",
         "-extfile", stem + ".ext", "-out", path, "-enddate",
         absl::FormatTime("%y%m%d%H%M%SZ", end, absl::UTCTimeZone())});
    return {.certificate = path, .key = files.key, .ca = files.ca};
  }

  // The list of what `authority` has revoked: those certificates.
  void Revoke(const std::string& authority, const std::vector<PemFiles>& revoked,
              const std::string& out) {
    const std::string base = Prepare(authority);
    for (const PemFiles& each : revoked) {
      Run({"openssl", "ca", "-config", base + ".conf", "-revoke", each.certificate});
    }
    Run({"openssl", "ca", "-config", base + ".conf", "-gencrl", "-out", out});
  }

 private:
  // What `openssl ca` wants to have; returns its path without an ending.
  std::string Prepare(const std::string& authority) {
    std::string base = authority + ".ca";
    WriteText(base + ".index", "");
    WriteText(base + ".conf",
              absl::StrCat("[ca]\ndefault_ca=own\n[own]\ndatabase=", base,
                           ".index\ndefault_md=sha256\ndefault_crl_days=5\nrand_serial=yes\n"
                           "new_certs_dir=",
                           directory_, "\npolicy=any\ncertificate=", authority,
                           ".pem\nprivate_key=", authority, ".key\n[any]\ncommonName=supplied\n"));
    return base;
  }
  static void Append(std::vector<std::string>& argv, const std::vector<std::string>& more) {
    argv.insert(argv.end(), more.begin(), more.end());
  }
  [[nodiscard]] std::string Path(const std::string& name) const {
    return absl::StrCat(directory_, "/", name);
  }
  [[nodiscard]] std::vector<std::string> NewKey(const std::string& name) const {
    return {"-newkey", "ec",      "-pkeyopt",         "ec_paramgen_curve:P-256",
            "-nodes",  "-keyout", Path(name) + ".key"};
  }
  static void Run(std::vector<std::string> argv) {
    argv[0] = "/usr/bin/openssl";
    const auto ran = RunToEnd(argv);
    ASSERT_TRUE(ran.ok()) << ran.status();
    ASSERT_EQ(ran->exit_code, 0) << ran->err;
  }

  const std::string directory_;
};

class TlsTest : public ::testing::Test {
 protected:
  static constexpr char kServerNames[] = "DNS:localhost,IP:127.0.0.1";

  TlsTest()
      : ca_(pki_.Authority("ca")),
        server_(pki_.Issue(ca_, "server", {.names = kServerNames, .usage = "serverAuth"})) {}

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
    std::vector<std::string> flags{"--config",
                                   config,
                                   "--cpus",
                                   "4",
                                   "--arena-size",
                                   "32MiB",
                                   "--listen",
                                   "tls:127.0.0.1:0",
                                   "--listen",
                                   "127.0.0.1:0",
                                   "--tls-cert-file",
                                   live_.certificate,
                                   "--tls-key-file",
                                   live_.key,
                                   "--tls-trusted-ca-file",
                                   live_.ca,
                                   "--tls-check-interval",
                                   "100ms"};
    flags.insert(flags.end(), more.begin(), more.end());
    auto daemon = StartDaemon(dir_, flags);
    ASSERT_TRUE(daemon.ok()) << daemon.status();
    daemon_.emplace(*std::move(daemon));
    ASSERT_TRUE(Await([this] { return !AddressBehind("serving on tls:").empty(); })) << log();
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
  [[nodiscard]] std::string AddressBehind(const std::string& words) const {
    const std::string text = log();
    const std::size_t at = text.find(words + "127.0.0.1:");
    const std::size_t end = text.find('\n', at);
    if (at == std::string::npos || end == std::string::npos) return {};
    return text.substr(at + words.size(), end - at - words.size());
  }
  // "127.0.0.1:PORT"
  [[nodiscard]] std::string TlsPort() const { return AddressBehind("serving on tls:"); }
  [[nodiscard]] std::string PlainPort() const { return AddressBehind("serving on "); }

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
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = ReadText(files.ca);
    if (!files.certificate.empty()) {
      options.pem_cert_chain = ReadText(files.certificate);
      options.pem_private_key = ReadText(files.key);
    }
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 200);
    return grpc::CreateCustomChannel(TlsPort(), grpc::SslCredentials(options), arguments);
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
