// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/main/config_parts.h"

namespace percpud {
namespace {

constexpr std::uint32_t kMostHandshakes = 10000;

void CheckPath(absl::string_view field, const std::string& path, ConfigErrors& errors) {
  if (path.empty()) {
    errors.Add(field, "is needed, because `listen` has a tls: address");
  } else if (path[0] != '/') {
    errors.Add(field, absl::StrCat(path, ": the path is not absolute"));
  }
}

}  // namespace

void TakeTls(const config::v1::Config& config, DaemonConfig& out, ConfigErrors& errors) {
  const config::v1::Tls& tls = config.tls();
  out.tls.cert_file = tls.cert_file();
  out.tls.key_file = tls.key_file();
  out.tls.trusted_ca_file = tls.trusted_ca_file();
  out.tls.crl_dir = tls.crl_dir();
  if (tls.has_client_cert_auth()) out.tls.client_cert_auth = tls.client_cert_auth();
  TakeTime("tls.check_interval", tls.check_interval(), "10s", out.tls.check_interval, errors);
  if (out.tls.check_interval < absl::Milliseconds(100)) {
    errors.Add("tls.check_interval", "is less than 100ms");
  }
  if (tls.handshakes_per_second() != 0) {
    out.tls.handshakes_per_second = tls.handshakes_per_second();
    CheckRange("tls.handshakes_per_second", tls.handshakes_per_second(), 1, kMostHandshakes,
               errors);
  }
  const bool serves_tls =
      std::any_of(out.listen.begin(), out.listen.end(),
                  [](const std::string& address) { return TlsAddress(address).has_value(); });
  if (serves_tls) {
    CheckPath("tls.cert_file", out.tls.cert_file, errors);
    CheckPath("tls.key_file", out.tls.key_file, errors);
    CheckPath("tls.trusted_ca_file", out.tls.trusted_ca_file, errors);
    if (!out.tls.crl_dir.empty()) CheckPath("tls.crl_dir", out.tls.crl_dir, errors);
  } else if (tls.ByteSizeLong() > 0) {
    errors.Add("tls", "`listen` has no tls: address that it could be for");
  }
}

}  // namespace percpud
