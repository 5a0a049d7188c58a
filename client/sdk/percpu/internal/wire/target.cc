// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/wire/target.h"

#include <cstdlib>
#include <utility>

#include "absl/time/clock.h"
#include "percpu/internal/address.h"
#include "server/base/errors.h"
#include "server/base/status_macros.h"
#include "server/tls/certificates.h"
#include "server/tls/material.h"

namespace percpu::wire {
namespace {

namespace tls = ::percpud::tls;

void FillFromEnvironment(std::string& field, const char* variable) {
  const char* const value = std::getenv(variable);
  if (field.empty() && value != nullptr) field = value;
}

}  // namespace

absl::StatusOr<TlsMaterial> ReadTls(TlsOptions options) {
  FillFromEnvironment(options.ca_file, "PERCPUD_CA_FILE");
  FillFromEnvironment(options.cert_file, "PERCPUD_CERT_FILE");
  FillFromEnvironment(options.key_file, "PERCPUD_KEY_FILE");
  FillFromEnvironment(options.server_name, "PERCPUD_SERVER_NAME");
  if (options.ca_file.empty()) {
    return percpud::errors::BadConfig("tls.ca_file",
                                      "is needed for a tls: address; PERCPUD_CA_FILE names it too");
  }
  if (options.cert_file.empty() != options.key_file.empty()) {
    return percpud::errors::BadConfig("tls.cert_file", "is of use only with tls.key_file");
  }
  const tls::Files files{.certificate = options.cert_file,
                         .key = options.key_file,
                         .trusted_ca = options.ca_file,
                         .crl_dir = {}};
  const absl::Time now = absl::Now();
  TlsMaterial out;
  out.server_name = options.server_name;
  ASSIGN_OR_RETURN(out.authorities, tls::ReadPem("tls.ca_file", files.trusted_ca));
  RETURN_IF_ERROR(
      tls::ReadTrust("tls.ca_file", files, {.trusted_ca = out.authorities}, now).status());
  if (options.cert_file.empty()) return out;
  ASSIGN_OR_RETURN(out.certificate, tls::ReadPem("tls.cert_file", files.certificate));
  ASSIGN_OR_RETURN(out.key, tls::ReadPem("tls.key_file", files.key));
  RETURN_IF_ERROR(
      tls::ReadCredential(files, out.certificate, out.key, tls::Side::kClient, now).status());
  return out;
}

Target Target::Of(std::string_view address, const CallOptions& options) {
  const absl::StatusOr<Address> parsed = Address::Parse(address);
  if (!parsed.ok()) return {.name = std::string(address), .tls = {}, .status = parsed.status()};
  Target out{.name = parsed->target, .tls = {}, .status = {}};
  if (!parsed->tls) return out;
  absl::StatusOr<TlsMaterial> read = ReadTls(options.tls);
  out.status = read.status();
  if (read.ok()) out.tls = *std::move(read);
  return out;
}

}  // namespace percpu::wire
