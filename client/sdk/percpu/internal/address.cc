// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/address.h"

#include <sys/un.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "server/base/host_port.h"

namespace percpu {
namespace {

constexpr std::size_t kLongestPath = sizeof(sockaddr_un::sun_path) - 1;

}  // namespace

absl::StatusOr<Address> Address::Parse(std::string_view text) {
  const absl::string_view whole(text.data(), text.size());
  absl::string_view path = whole;
  if (absl::ConsumePrefix(&path, "tls:")) {
    if (percpud::IsHostAndPort(path)) {
      return Address{.target = std::string(path), .path = {}, .tls = true};
    }
    return absl::InvalidArgumentError(
        absl::StrCat("address: \"", whole, "\" is not tls:HOST:PORT"));
  }
  const bool has_scheme = absl::ConsumePrefix(&path, "unix:");
  if (has_scheme) absl::ConsumePrefix(&path, "//");
  if (has_scheme ? !path.empty() : absl::StrContains(path, '/')) {
    if (path.size() > kLongestPath) {
      return absl::InvalidArgumentError(absl::StrCat("address: ", path, " is ", path.size(),
                                                     " bytes long; a socket's path has at most ",
                                                     kLongestPath));
    }
    return Address{.target = absl::StrCat("unix:", path), .path = std::string(path)};
  }
  if (!has_scheme && percpud::IsHostAndPort(whole))
    return Address{.target = std::string(text), .path = {}};
  return absl::InvalidArgumentError(
      absl::StrCat("address: \"", whole, "\" is neither unix:PATH nor HOST:PORT"));
}

}  // namespace percpu
