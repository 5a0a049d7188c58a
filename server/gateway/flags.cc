// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/gateway/flags.h"

#include <CLI/CLI.hpp>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/base/errors.h"
#include "server/base/parse.h"
#include "server/base/status_macros.h"
#include "server/base/tcp_socket.h"

namespace percpud::gateway {
namespace {

absl::Status CheckAddresses(const std::string& percpud, Flags& flags) {
  for (const std::string& address : flags.listen) {
    if (IsLoopback(address.substr(0, address.rfind(':')))) continue;
    return errors::BadConfig("listen",
                             absl::StrCat(address,
                                          ": TCP is plain text, and is served on "
                                          "loopback only: 127.0.0.1, [::1] or localhost"));
  }
  absl::string_view path = percpud;
  if (!path.empty() && (!absl::ConsumePrefix(&path, "unix:") || path.empty() || path[0] != '/')) {
    return errors::BadConfig("percpud", absl::StrCat("\"", percpud, "\" is not unix:PATH"));
  }
  flags.daemon_path = std::string(path);
  if (flags.listen.empty() && flags.listen_fds.empty()) {
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
  app.set_version_flag("--version", "percpud-gateway " PERCPUD_VERSION);
  app.add_option("--listen", out.listen, "Serve on HOST:PORT of loopback (repeatable)")
      ->allow_extra_args(false);
  app.add_option("--percpud", percpud, "The gateway's socket of percpud, unix:PATH");
  app.add_option("--limits-message", message_limit, "Bytes of one message (4MiB), as percpud's");
  // How percpud starts it.
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
  RETURN_IF_ERROR(CheckAddresses(percpud, out));
  return out;
}

}  // namespace percpud::gateway
