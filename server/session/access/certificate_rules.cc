// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/access/certificate_rules.h"

#include <algorithm>
#include <array>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace percpud {
namespace {

constexpr std::array<absl::string_view, 3> kKinds{"spiffe:", "dns:", "cn:"};

bool IsNamed(const std::vector<std::string>& entries, absl::string_view identity) {
  return std::any_of(entries.begin(), entries.end(), [identity](absl::string_view entry) {
    return absl::ConsumeSuffix(&entry, "*") ? absl::StartsWith(identity, entry) : identity == entry;
  });
}

}  // namespace

Role CertificateRules::RoleOf(absl::string_view identity) const {
  if (IsNamed(operators, identity)) return Role::kOperator;
  if (IsNamed(clients, identity)) return Role::kClient;
  return IsNamed(viewers, identity) ? Role::kViewer : Role::kAnonymous;
}

bool CertificateRules::Speaks(absl::string_view entry) {
  return std::any_of(kKinds.begin(), kKinds.end(),
                     [entry](absl::string_view kind) { return absl::StartsWith(entry, kind); });
}

std::string CertificateRules::ObjectionTo(absl::string_view entry) {
  absl::string_view name = entry.substr(entry.find(':') + 1);
  if (name.empty()) return "names nobody";
  if (absl::StartsWith(entry, "spiffe:") && !absl::StartsWith(name, "spiffe://")) {
    return "is no SPIFFE id: spiffe:spiffe://DOMAIN/PATH";
  }
  absl::ConsumeSuffix(&name, "*");
  return absl::StrContains(name, '*') ? "has a * that is not at its end" : "";
}

}  // namespace percpud
