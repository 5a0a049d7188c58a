// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/names.h"

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace percpud::fleet {
namespace {

constexpr absl::string_view kHosts = "hosts/";
constexpr absl::string_view kDrains = "drain/";

bool MayBeInName(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == '_';
}

}  // namespace

absl::Status CheckName(absl::string_view field, absl::string_view name) {
  if (name.empty()) return absl::InvalidArgumentError(absl::StrCat(field, " is empty"));
  if (name.size() > kMaxHostName) {
    return absl::InvalidArgumentError(absl::StrCat(
        field, " has ", name.size(), " bytes, and at most ", kMaxHostName, " are allowed"));
  }
  if (!std::all_of(name.begin(), name.end(), MayBeInName)) {
    return absl::InvalidArgumentError(
        absl::StrCat(field, " \"", name, "\" has more than letters, digits and .-_"));
  }
  return absl::OkStatus();
}

Keys::Keys(absl::string_view fleet) : prefix_(absl::StrCat("/percpud/v1/", fleet, "/")) {}

std::string Keys::Host(absl::string_view name) const { return absl::StrCat(prefix_, kHosts, name); }

std::string Keys::Drain(absl::string_view name) const {
  return absl::StrCat(prefix_, kDrains, name);
}

std::optional<Keys::Place> Keys::Parse(absl::string_view key) const {
  if (!absl::ConsumePrefix(&key, prefix_)) return std::nullopt;
  Kind kind = Kind::kHost;
  if (absl::ConsumePrefix(&key, kDrains)) {
    kind = Kind::kDrain;
  } else if (!absl::ConsumePrefix(&key, kHosts)) {
    return std::nullopt;
  }
  if (!CheckName("name", key).ok()) return std::nullopt;
  return Place{.kind = kind, .name = std::string(key)};
}

}  // namespace percpud::fleet
