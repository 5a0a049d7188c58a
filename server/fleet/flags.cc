// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/flags.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "proto/percpud/abi/v1/wire.h"
#include "server/base/status_macros.h"
#include "server/fleet/names.h"
#include "server/fleet/records.h"

namespace percpud::fleet {
namespace {

constexpr absl::Duration kLeastTtl = absl::Seconds(3);
constexpr absl::Duration kMostTtl = absl::Seconds(60);
constexpr absl::Duration kMostGrace = absl::Hours(24);

// Words as they are given, before they are looked at.
struct Raw {
  std::string listen = "unix:/run/percpud-fleet/fleet.sock";
  std::vector<std::string> labels;
  std::string ttl = "10s";
  std::string lost_grace = "60s";
};

void AddMembership(CLI::App& app, Flags& out, Raw& raw) {
  app.add_option("--fleet", out.fleet, "The fleet's name")->capture_default_str();
  app.add_option("--host", out.host, "This host's name in the fleet; the kernel's without it");
  app.add_option("--address", out.addresses,
                 "Where other hosts reach this one's percpud (repeatable)")
      ->allow_extra_args(false);
  app.add_option("--server-name", out.server_name,
                 "The name in the certificate there, if it is not the address's");
  app.add_option("--metrics-address", out.metrics_address,
                 "HOST:PORT of this host's percpud-exporter, as Prometheus reaches it");
  app.add_option("--label", raw.labels, "NAME=VALUE of this host, for targets (repeatable)")
      ->allow_extra_args(false);
  app.add_option("--weight", out.weight, "Share of the keys beside other hosts'; 0: none")
      ->capture_default_str();
  app.add_option("--ttl", raw.ttl, "After how long in silence the record goes: 3s to 60s")
      ->capture_default_str();
  app.add_option("--lost-grace", raw.lost_grace,
                 "How long a host without a record is kept: the ttl to 24h")
      ->capture_default_str();
  app.add_flag("--keep-record", out.keep_record,
               "Leave the host's record at the end, whatever signal ends it");
}

void AddEtcd(CLI::App& app, Flags& out) {
  app.add_option("--etcd", out.etcd, "https://HOST:PORT of a member of etcd (repeatable)")
      ->allow_extra_args(false);
  app.add_option("--trusted-ca-file", out.files.ca, "Who signs etcd's certificates");
  app.add_option("--cert-file", out.files.certificate, "This host's certificate, for etcd");
  app.add_option("--key-file", out.files.key, "The key of --cert-file");
  app.add_option("--etcd-server-name", out.etcd_server_name,
                 "The name in etcd's certificates, if it is not the URL's");
}

void AddPeers(CLI::App& app, CertificateFiles& files) {
  app.add_option("--peer-trusted-ca-file", files.ca,
                 "Who signs other hosts' percpud; --trusted-ca-file without it");
  app.add_option("--peer-cert-file", files.certificate,
                 "This host's certificate, for their percpud; --cert-file without it");
  app.add_option("--peer-key-file", files.key, "The key of --peer-cert-file");
}

void AddPlaces(CLI::App& app, Flags& out, Raw& raw) {
  app.add_option("--percpud", out.percpud, "The host's percpud, unix:PATH")
      ->envname("PERCPUD_ADDRESS")
      ->capture_default_str();
  app.add_option("--listen", raw.listen,
                 "Where to serve, unix:PATH; PATH.admin takes drain and undrain")
      ->capture_default_str();
  app.add_option("--state-dir", out.state_dir, "Where the view is kept")->capture_default_str();
  app.add_option("--file-sd", out.file_sd, "Write Prometheus's targets there");
  app.add_option("--boot-id-file", out.boot_id_file)->group("");
}

absl::Status ParseDuration(const char* flag, const std::string& text, absl::Duration least,
                           absl::Duration most, absl::Duration& out) {
  if (absl::ParseDuration(text, &out) && out >= least && out <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(flag, ": \"", text, "\" is not a time from ",
                                                 absl::FormatDuration(least), " to ",
                                                 absl::FormatDuration(most)));
}

absl::Status ParsePath(const char* flag, absl::string_view address, std::string& out) {
  const bool is_unix = absl::ConsumePrefix(&address, "unix:");
  if (!is_unix || address.empty() || address.front() != '/') {
    return absl::InvalidArgumentError(absl::StrCat(flag, ": \"", address, "\" is not unix:PATH"));
  }
  out = std::string(address);
  return absl::OkStatus();
}

absl::Status ParseLabels(const std::vector<std::string>& labels, Flags& out) {
  for (const std::string& label : labels) {
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(label, absl::MaxSplits('=', 1));
    if (parts.first.empty() || parts.first.size() == label.size()) {
      return absl::InvalidArgumentError(absl::StrCat("label: \"", label, "\" is not NAME=VALUE"));
    }
    out.labels[parts.first] = parts.second;
  }
  return absl::OkStatus();
}

// Kubernetes puts an address and a port together as "fd00::1:7331", where nobody can tell them
// apart.
std::string WithBrackets(const std::string& address) {
  constexpr absl::string_view kTls = "tls:";
  absl::string_view place = address;
  const bool is_tls = absl::ConsumePrefix(&place, kTls);
  const std::size_t colon = place.rfind(':');
  if (colon == absl::string_view::npos) return address;
  const std::string host(place.substr(0, colon));
  in6_addr number{};
  if (inet_pton(AF_INET6, host.c_str(), &number) != 1) return address;
  return absl::StrCat(is_tls ? kTls : "", "[", host, "]", place.substr(colon));
}

absl::Status CheckFiles(absl::string_view prefix, const CertificateFiles& files) {
  if (files.certificate.empty() == files.key.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(prefix, "cert-file and ", prefix, "key-file: there is one without the other"));
}

absl::Status NameHost(Flags& out) {
  if (out.host.empty()) {
    std::array<char, kMaxHostName + 1> name{};
    gethostname(name.data(), name.size() - 1);
    out.host = name.data();
  }
  RETURN_IF_ERROR(CheckName("fleet", out.fleet));
  return CheckName("host", out.host);
}

absl::Status Check(const Raw& raw, Flags& out) {
  RETURN_IF_ERROR(NameHost(out));
  RETURN_IF_ERROR(ParseDuration("ttl", raw.ttl, kLeastTtl, kMostTtl, out.ttl));
  RETURN_IF_ERROR(ParseDuration("lost-grace", raw.lost_grace, out.ttl, kMostGrace, out.lost_grace));
  RETURN_IF_ERROR(ParseLabels(raw.labels, out));
  for (std::string& address : out.addresses) address = WithBrackets(address);
  out.metrics_address = WithBrackets(out.metrics_address);
  RETURN_IF_ERROR(ParsePath("listen", raw.listen, out.listen_path));
  std::string percpud_path;
  RETURN_IF_ERROR(ParsePath("percpud", out.percpud, percpud_path));
  RETURN_IF_ERROR(CheckFiles("", out.files));
  RETURN_IF_ERROR(CheckFiles("peer-", out.peer_files));
  if (out.etcd.empty()) {
    return absl::InvalidArgumentError("etcd: say where a member of etcd is");
  }
  if (!(out.weight >= 0 && out.weight <= kMostWeight)) {
    return absl::InvalidArgumentError(
        absl::StrCat("weight: ", out.weight, " is not from 0 to ", kMostWeight));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Flags> ParseFlags(int argc, const char* const* argv) {
  CLI::App app{"percpud-fleet: makes this host's percpud known to others, and them to it"};
  Flags out;
  out.percpud = abi::v1::kDefaultAddress;
  Raw raw;
  app.set_version_flag("--version", "percpud-fleet " PERCPUD_VERSION);
  app.set_config("--config", "", "A file with these options, NAME=VALUE in each line");
  AddEtcd(app, out);
  AddPeers(app, out.peer_files);
  AddMembership(app, out, raw);
  AddPlaces(app, out, raw);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    constexpr int kUsage = 2;
    out.exit_code = app.exit(error) == 0 ? 0 : kUsage;
    return out;
  }
  RETURN_IF_ERROR(Check(raw, out));
  return out;
}

}  // namespace percpud::fleet
