// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SESSION_ACCESS_CERTIFICATE_RULES_H_
#define PERCPUD_SERVER_SESSION_ACCESS_CERTIFICATE_RULES_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/session/access/caller.h"

namespace percpud {

// Which role the owner of a certificate has, who came by TLS: the highest of those that
// name it; kAnonymous if none does. Entries are identities ("spiffe:spiffe://td/app",
// "dns:db7.example", "cn:loader"); a "*" at the end stands for any rest. "*" alone, and users
// and groups, speak of peers of Unix sockets only (AccessRules). Plain data.
struct CertificateRules {
  std::vector<std::string> operators;
  std::vector<std::string> clients;
  std::vector<std::string> viewers;

  [[nodiscard]] Role RoleOf(absl::string_view identity) const;

  // Whether an entry of the configuration speaks of certificates.
  static bool Speaks(absl::string_view entry);
  // What is wrong with such an entry; empty if nothing.
  static std::string ObjectionTo(absl::string_view entry);
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_ACCESS_CERTIFICATE_RULES_H_
