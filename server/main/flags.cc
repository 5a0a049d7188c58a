// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/main/flags.h"

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace percpud {
namespace {

using config::v1::Config;

// How a flag is written. A flag is named as its field: `km.return_tail` is
// --km-return-tail. `old` is a name that it had before; help does not show it.
struct FlagName {
  const char* now;
  const char* old = nullptr;
};

template <typename Value, typename Take>
void AddFlag(CLI::App& app, const FlagName& name, const char* help, Take take) {
  app.add_option_function<Value>(name.now, take, help);
  if (name.old == nullptr) return;
  // CLI11 does not show what is in no group.
  app.add_option_function<Value>(name.old, take, help)->group("");
}

void AddText(CLI::App& app, const FlagName& name, const char* help, std::string& field) {
  AddFlag<std::string>(app, name, help, [&field](const std::string& value) { field = value; });
}

// A flag for a number; `set` is the generated setter of its field.
template <typename Message>
void AddNumber(CLI::App& app, const FlagName& name, const char* help, Message& message,
               void (Message::*set)(std::uint32_t)) {
  AddFlag<std::uint32_t>(app, name, help,
                         [&message, set](const std::uint32_t& value) { (message.*set)(value); });
}

void AddAddressFlags(CLI::App& app, Config& flags) {
  app.add_option_function<std::vector<std::string>>(
         "--listen",
         [&flags](const std::vector<std::string>& addresses) {
           for (const std::string& address : addresses) flags.add_listen(address);
         },
         "Serve on unix:PATH, tls:HOST:PORT or HOST:PORT of loopback (repeatable; default "
         "unix:/run/percpud/percpud.sock)")
      ->take_all()
      ->allow_extra_args(false);
  AddText(app, {"--socket-mode"}, "Mode of Unix sockets, octal (0660)",
          *flags.mutable_socket_mode());
  AddText(app, {"--door"}, "The side door, unix:PATH or none (the first Unix address + .door)",
          *flags.mutable_door());
  AddText(app, {"--gateway"},
          "The socket of a percpud-gateway that is a service of its own, unix:PATH",
          *flags.mutable_gateway());
  AddText(app, {"--access-remote", "--remote"}, "Role of TCP peers: anonymous or viewer",
          *flags.mutable_access()->mutable_remote());
}

void AddTlsFlags(CLI::App& app, config::v1::Tls& tls) {
  using Tls = config::v1::Tls;
  AddText(app, {"--tls-cert-file"}, "The own certificate for tls: addresses, PEM",
          *tls.mutable_cert_file());
  AddText(app, {"--tls-key-file"}, "Its key, PEM", *tls.mutable_key_file());
  AddText(app, {"--tls-trusted-ca-file"}, "Who may vouch for peers, PEM",
          *tls.mutable_trusted_ca_file());
  AddFlag<bool>(app, {"--tls-client-cert-auth"}, "Refuse peers without a certificate (true)",
                [&tls](const bool& value) { tls.set_client_cert_auth(value); });
  AddText(app, {"--tls-crl-dir"}, "A directory of revocation lists, PEM", *tls.mutable_crl_dir());
  AddText(app, {"--tls-check-interval"}, "How often these files are read (10s)",
          *tls.mutable_check_interval());
  AddNumber(app, {"--tls-handshakes-per-second"}, "New connections of TLS (50)", tls,
            &Tls::set_handshakes_per_second);
}

void AddLayoutFlags(CLI::App& app, Config& flags) {
  AddText(app, {"--arena-size"}, "Size of the arena (256MiB)", *flags.mutable_arena_size());
  AddText(app, {"--page-size"}, "4KiB, or 2MiB for huge pages", *flags.mutable_page_size());
  app.add_flag_callback(
      "--transparent-huge-pages", [&flags] { flags.set_transparent_huge_pages(true); },
      "Ask the system for huge pages where it has some (km)");
  AddText(app, {"--backend"}, "What backs chunks: km or vm (km)", *flags.mutable_backend());
  app.add_flag_callback(
      "--km-return-tail", [&flags] { flags.mutable_km()->set_return_tail(true); },
      "Give the rest of a chunk's block back to the page allocator");
  AddText(app, {"--first-chunk"}, "How the first chunk is backed: embed, or page with vm (embed)",
          *flags.mutable_first_chunk());
  AddText(app, {"--unit-size"}, "Least size of a unit (64KiB)", *flags.mutable_unit_size());
  AddText(app, {"--static-size"}, "Static part of the unit (what the variables need)",
          *flags.mutable_static_size());
  AddText(app, {"--reserved-size"}, "Reserved part of the unit (0)",
          *flags.mutable_reserved_size());
  AddText(app, {"--atom-size"}, "Grain of a group's memory (the page size)",
          *flags.mutable_atom_size());
  AddText(app, {"--unit-skew"}, "Bytes by which units are out of step with pages: 64, or 0 (0)",
          *flags.mutable_unit_skew());
  AddText(app, {"--update-mode"}, "rseq, atomic or auto (auto)", *flags.mutable_update_mode());
}

void AddRestartFlags(CLI::App& app, Config& flags) {
  AddText(app, {"--arena"}, "memfd, or file:PATH on tmpfs or hugetlbfs (memfd)",
          *flags.mutable_arena());
  AddText(app, {"--catalog"},
          "Directory that tells the next daemon what was granted (PATH.catalog)",
          *flags.mutable_catalog());
  AddText(app, {"--resume-window"}, "How long restored sessions wait for their processes (30s)",
          *flags.mutable_resume_window());
  AddText(app, {"--log-level"}, "trace, debug, info, warning or error (info)",
          *flags.mutable_log_level());
}

void AddCpuFlags(CLI::App& app, config::v1::Cpus& cpus) {
  auto* source =
      app.add_option_group("CPUs", "The CPUs that units are made for (default: this host)");
  source->require_option(0, 1);
  AddNumber(*source, {"--cpus-count", "--cpus"}, "That many CPUs in one group", cpus,
            &config::v1::Cpus::set_count);
  AddFlag<std::string>(*source, {"--cpus-synthetic", "--topology"},
                       "An hwloc description: \"numa:2 core:4 pu:1\"",
                       [&cpus](const std::string& value) { cpus.set_synthetic(value); });
  AddFlag<std::string>(*source, {"--cpus-xml-file", "--topology-xml"},
                       "A file written by lstopo --of xml",
                       [&cpus](const std::string& value) { cpus.set_xml_file(value); });
  AddText(app, {"--cpus-select", "--cpu-select"}, "possible, online or a list such as 0-3,8",
          *cpus.mutable_select());
}

void AddBalancerFlags(CLI::App& app, config::v1::Balancer& balancer) {
  using Balancer = config::v1::Balancer;
  AddNumber(app, {"--balancer-empty-pages-low", "--empty-pages-low"},
            "Make up the reserve when fewer pages are empty (2)", balancer,
            &Balancer::set_empty_pages_low);
  AddNumber(app, {"--balancer-empty-pages-high", "--empty-pages-high"},
            "... up to this many (4; 0 and 0: no reserve)", balancer,
            &Balancer::set_empty_pages_high);
  AddNumber(app, {"--balancer-free-chunks-min", "--free-chunks-min"},
            "Free chunks kept whatever their age (1)", balancer, &Balancer::set_free_chunks_min);
  AddNumber(app, {"--balancer-free-chunks-max-percent", "--free-chunks-max-percent"},
            "Free chunks kept at most, of all chunks (16)", balancer,
            &Balancer::set_free_chunks_max_percent);
  AddText(app, {"--balancer-free-chunk-age", "--free-chunk-age"},
          "Older free chunks are released (10s)", *balancer.mutable_free_chunk_age());
}

void AddLimitFlags(CLI::App& app, config::v1::Limits& limits) {
  using Limits = config::v1::Limits;
  AddNumber(app, {"--limits-batch"}, "Entries in one Alloc or Free (4096)", limits,
            &Limits::set_batch);
  AddText(app, {"--limits-transfer"}, "Bytes in one Read or Write (1MiB)",
          *limits.mutable_transfer());
  AddText(app, {"--limits-message"}, "Bytes of one message (4MiB)", *limits.mutable_message());
  AddNumber(app, {"--limits-watchers"}, "Open Watch streams (64)", limits, &Limits::set_watchers);
}

// Repeated and oneof fields of `flags` replace the file's; the rest overrides
// field by field.
void Overlay(const Config& flags, Config& config) {
  if (flags.listen_size() > 0) config.clear_listen();
  config.MergeFrom(flags);
}

}  // namespace

absl::StatusOr<CommandLine> ParseCommandLine(int argc, const char* const* argv) {
  CLI::App app{"percpud: percpu memory for the processes of a host"};
  CommandLine out;
  Config flags;
  app.set_version_flag("--version", "percpud " PERCPUD_VERSION);
  app.add_option("--config", out.config_file, "Configuration file, text format");
  app.add_flag("--check-config", out.check_only, "Check the configuration and exit");
  app.add_flag("--discard", out.discard,
               "Wipe what an earlier daemon left and cannot be used, instead of keeping it aside");
  AddAddressFlags(app, flags);
  AddTlsFlags(app, *flags.mutable_tls());
  AddLayoutFlags(app, flags);
  AddRestartFlags(app, flags);
  AddCpuFlags(app, *flags.mutable_cpus());
  AddBalancerFlags(app, *flags.mutable_balancer());
  AddLimitFlags(app, *flags.mutable_limits());
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    out.exit_code = app.exit(error) == 0 ? 0 : 2;
    return out;
  }
  if (!out.config_file.empty()) {
    absl::StatusOr<Config> file = ReadConfig(out.config_file);
    if (!file.ok()) return file.status();
    out.config = *std::move(file);
  }
  Overlay(flags, out.config);
  return out;
}

}  // namespace percpud
