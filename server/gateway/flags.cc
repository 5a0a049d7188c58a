// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/gateway/flags.h"

#include <CLI/CLI.hpp>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/base/errors.h"
#include "server/base/parse.h"
#include "server/base/status_macros.h"
#include "server/base/tcp_socket.h"

namespace percpud::gateway {
namespace {

// TLS addresses go to their own place, without their prefix.
void SortAddresses(Flags& flags) {
  std::vector<std::string> plain;
  for (std::string& address : flags.listen) {
    absl::string_view rest = address;
    if (absl::ConsumePrefix(&rest, "tls:")) {
      flags.tls_listen.emplace_back(rest);
    } else {
      plain.push_back(std::move(address));
    }
  }
  flags.listen = std::move(plain);
}

absl::Status CheckTls(const Flags& flags) {
  if (flags.tls_listen.empty() && flags.tls_listen_fds.empty()) return absl::OkStatus();
  const tls::Files& files = flags.tls.files;
  const std::pair<const char*, const std::string&> needed[] = {
      {"tls.cert_file", files.certificate},
      {"tls.key_file", files.key},
      {"tls.trusted_ca_file", files.trusted_ca}};
  for (const auto& [field, path] : needed) {
    if (path.empty()) return errors::BadConfig(field, "is needed where TLS is served");
  }
  if (flags.tls.handshakes_per_second == 0) {
    return errors::BadConfig("tls.handshakes_per_second", "is 0, and nobody could come in");
  }
  return absl::OkStatus();
}

void AddTlsFlags(CLI::App& app, TlsOptions& tls, std::string& check_interval) {
  app.add_option("--cert-file", tls.files.certificate, "The own certificate, PEM");
  app.add_option("--key-file", tls.files.key, "Its key, PEM, which not every user may read");
  app.add_option("--trusted-ca-file", tls.files.trusted_ca, "Who may vouch for peers, PEM");
  app.add_option("--client-cert-auth", tls.client_cert_auth,
                 "Refuse peers without a certificate (true)");
  app.add_option("--crl-dir", tls.files.crl_dir, "A directory of revocation lists, PEM");
  app.add_option("--check-interval", check_interval, "How often these files are read (10s)");
  app.add_option("--handshakes-per-second", tls.handshakes_per_second,
                 "New connections of TLS (50)");
}

absl::Status CheckAddresses(const std::string& percpud, Flags& flags) {
  for (const std::string& address : flags.listen) {
    if (IsLoopback(address.substr(0, address.rfind(':')))) continue;
    return errors::BadConfig("listen", absl::StrCat(address,
                                                    ": TCP is plain text, and is served on "
                                                    "loopback only: 127.0.0.1, [::1] or localhost; "
                                                    "tls:HOST:PORT may be anywhere"));
  }
  absl::string_view path = percpud;
  if (!path.empty() && (!absl::ConsumePrefix(&path, "unix:") || path.empty() || path[0] != '/')) {
    return errors::BadConfig("percpud", absl::StrCat("\"", percpud, "\" is not unix:PATH"));
  }
  flags.daemon_path = std::string(path);
  if (flags.listen.empty() && flags.listen_fds.empty() && flags.tls_listen.empty() &&
      flags.tls_listen_fds.empty()) {
    return errors::BadConfig("listen", "there is no address to serve");
  }
  if (flags.daemon_path.empty() == (flags.daemon_fd < 0)) {
    return errors::BadConfig("percpud", "say where percpud is");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Flags> ParseFlags(int argc, const char* const* argv) {
  CLI::App app{"percpud-gateway: serves TCP for percpud, and passes well-formed calls on"};
  Flags out;
  std::string percpud;
  std::string message_limit;
  std::string check_interval;
  app.set_version_flag("--version", "percpud-gateway " PERCPUD_VERSION);
  app.add_option("--listen", out.listen,
                 "Serve on HOST:PORT of loopback, or on tls:HOST:PORT (repeatable)")
      ->allow_extra_args(false);
  app.add_option("--percpud", percpud, "The gateway's socket of percpud, unix:PATH");
  app.add_option("--limits-message", message_limit, "Bytes of one message (4MiB), as percpud's");
  AddTlsFlags(app, out.tls, check_interval);
  // How percpud starts it.
  app.add_option("--tls-listen-fd", out.tls_listen_fds)->allow_extra_args(false)->group("");
  app.add_option("--listen-fd", out.listen_fds)->allow_extra_args(false)->group("");
  app.add_option("--percpud-fd", out.daemon_fd)->group("");
  app.add_option("--parent", out.parent)->group("");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    out.exit_code = app.exit(error) == 0 ? 0 : 2;
    return out;
  }
  if (!message_limit.empty()) {
    const std::optional<Bytes> size = ParseSize(message_limit);
    if (!size) return errors::BadConfig("limits.message", "is not a size");
    out.message_limit = *size;
  }
  if (!check_interval.empty() && (!absl::ParseDuration(check_interval, &out.tls.check_interval) ||
                                  out.tls.check_interval < absl::Milliseconds(100))) {
    return errors::BadConfig("tls.check_interval", "is not a time of 100ms or more, as 10s is");
  }
  SortAddresses(out);
  RETURN_IF_ERROR(CheckTls(out));
  RETURN_IF_ERROR(CheckAddresses(percpud, out));
  return out;
}

}  // namespace percpud::gateway
