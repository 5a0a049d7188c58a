// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/host_port.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"

namespace percpud {
namespace {

constexpr std::uint32_t kMostPort = 65535;
// What gRPC would not take for a host in front of a colon: "unix:80" is a socket of this host.
constexpr std::array<absl::string_view, 10> kSchemes{
    "dns",           "fake",  "google-c2p", "google-c2p-experimental", "ipv4", "ipv6", "unix",
    "unix-abstract", "vsock", "xds"};

bool IsOf(absl::string_view text, absl::string_view others) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [others](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || others.find(c) != others.npos;
  });
}

bool IsScheme(absl::string_view text) {
  return std::any_of(kSchemes.begin(), kSchemes.end(), [text](absl::string_view scheme) {
    return absl::EqualsIgnoreCase(text, scheme);
  });
}

// An address may have a zone.
bool IsHost(absl::string_view text) {
  if (!absl::ConsumePrefix(&text, "[")) return IsOf(text, "-._") && !IsScheme(text);
  return absl::ConsumeSuffix(&text, "]") && IsOf(text, ":.%-_");
}

bool IsPort(absl::string_view text) {
  std::uint32_t number = 0;
  return std::all_of(text.begin(), text.end(), absl::ascii_isdigit) &&
         absl::SimpleAtoi(text, &number) && number <= kMostPort;
}

}  // namespace

bool IsHostAndPort(absl::string_view text) {
  const std::size_t colon = text.rfind(':');
  return colon != absl::string_view::npos && IsHost(text.substr(0, colon)) &&
         IsPort(text.substr(colon + 1));
}

}  // namespace percpud
