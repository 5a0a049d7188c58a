// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/main/config_parts.h"

namespace percpud {
namespace {

// A user or group by number or by name.
std::optional<UserId> FindUser(const std::string& user) {
  std::uint32_t number = 0;
  if (absl::SimpleAtoi(user, &number)) return UserId(number);
  const passwd* entry = getpwnam(user.c_str());
  return entry == nullptr ? std::nullopt : std::optional(UserId(entry->pw_uid));
}

std::optional<UserGroupId> FindGroup(const std::string& group) {
  std::uint32_t number = 0;
  if (absl::SimpleAtoi(group, &number)) return UserGroupId(number);
  const ::group* entry = getgrnam(group.c_str());
  return entry == nullptr ? std::nullopt : std::optional(UserGroupId(entry->gr_gid));
}

// Entries that speak of certificates leave what is said of users as it is.
void TakePrincipals(absl::string_view field,
                    const google::protobuf::RepeatedPtrField<std::string>& entries, Principals& out,
                    std::vector<std::string>& certificates, ConfigErrors& errors) {
  if (!std::all_of(entries.begin(), entries.end(), &CertificateRules::Speaks)) out = {};
  for (const std::string& entry : entries) {
    absl::string_view name = entry;
    if (CertificateRules::Speaks(entry)) {
      const std::string objection = CertificateRules::ObjectionTo(entry);
      if (!objection.empty()) errors.Add(field, absl::StrCat("\"", entry, "\" ", objection));
      // Names of hosts are the same in capitals.
      certificates.push_back(absl::StartsWith(entry, "dns:") ? absl::AsciiStrToLower(entry)
                                                             : entry);
    } else if (entry == "*") {
      out.everybody = true;
    } else if (absl::ConsumePrefix(&name, "user:")) {
      const std::optional<UserId> user = FindUser(std::string(name));
      if (user) {
        out.users.push_back(*user);
      } else {
        errors.Add(field, absl::StrCat("there is no ", entry));
      }
    } else if (absl::ConsumePrefix(&name, "group:")) {
      const std::optional<UserGroupId> group = FindGroup(std::string(name));
      if (group) {
        out.groups.push_back(*group);
      } else {
        errors.Add(field, absl::StrCat("there is no ", entry));
      }
    } else {
      errors.Add(
          field,
          absl::StrCat("\"", entry,
                       "\" is none of user:NAME, group:NAME, *, spiffe:ID, dns:NAME, cn:NAME"));
    }
  }
}

void TakeRole(absl::string_view field, const std::string& text, Role& out, ConfigErrors& errors) {
  if (text.empty()) return;
  for (const Role role : {Role::kAnonymous, Role::kViewer, Role::kClient, Role::kOperator}) {
    if (text != Name(role)) continue;
    out = role;
    return;
  }
  errors.Add(field, absl::StrCat("\"", text, "\" is none of anonymous, viewer, client, operator"));
}

// TCP is plain text and its peers prove nothing: looking is the most they may do.
void CheckRemoteRole(const DaemonConfig& config, ConfigErrors& errors) {
  const bool serves_tcp = std::any_of(
      config.listen.begin(), config.listen.end(),
      [](const std::string& address) { return !IsUnixAddress(address) && !TlsAddress(address); });
  if (!serves_tcp || config.access.remote <= Role::kViewer) return;
  errors.Add("access.remote", absl::StrCat(Name(config.access.remote),
                                           " is too much for peers that come by TCP and "
                                           "prove nothing: viewer or anonymous"));
}

void TakeEntries(absl::string_view field,
                 const google::protobuf::RepeatedPtrField<std::string>& entries,
                 std::string (*objection_to)(absl::string_view), std::vector<std::string>& out,
                 ConfigErrors& errors) {
  for (const std::string& entry : entries) {
    const std::string objection = objection_to(entry);
    if (!objection.empty()) errors.Add(field, absl::StrCat("\"", entry, "\" ", objection));
    out.push_back(entry);
  }
}

void TakeExport(const config::v1::Export& wire, ExportRules& out, ConfigErrors& errors) {
  TakeEntries("export.families", wire.families(), &ExportRules::ObjectionToFamily, out.families,
              errors);
  TakeEntries("export.variables", wire.variables(), &ExportRules::ObjectionToVariable,
              out.variables, errors);
}

void TakeQuota(absl::string_view field, const config::v1::Quota& wire, Quota& out,
               ConfigErrors& errors) {
  if (wire.has_areas()) out.areas = wire.areas();
  if (wire.has_leases()) out.leases = wire.leases();
  TakeSize(absl::StrCat(field, ".bytes"), wire.bytes(), out.bytes, errors);
  TakeSize(absl::StrCat(field, ".catalog_bytes"), wire.catalog_bytes(), out.records, errors);
}

void TakeQuotas(const config::v1::Quotas& quotas, SessionLimits& limits, ConfigErrors& errors) {
  TakeQuota("quotas.per_session", quotas.per_session(), limits.per_session, errors);
  TakeQuota("quotas.per_user", quotas.per_user(), limits.per_user, errors);
  const config::v1::VariableQuota& variables = quotas.variables_per_user();
  if (variables.has_count()) limits.variables_per_user.count = variables.count();
  TakeSize("quotas.variables_per_user.bytes", variables.bytes(), limits.variables_per_user.bytes,
           errors);
  if (quotas.sessions() != 0) limits.sessions = quotas.sessions();
  if (quotas.sessions_per_user() != 0) limits.sessions_per_user = quotas.sessions_per_user();
  if (quotas.remote_sessions_per_opener() != 0) {
    limits.remote_sessions_per_opener = quotas.remote_sessions_per_opener();
  }
}

}  // namespace

void TakeAccess(const config::v1::Config& config, DaemonConfig& out, ConfigErrors& errors) {
  const config::v1::Access& access = config.access();
  TakePrincipals("access.operators", access.operators(), out.access.operators,
                 out.certificates.operators, errors);
  TakePrincipals("access.clients", access.clients(), out.access.clients, out.certificates.clients,
                 errors);
  TakePrincipals("access.viewers", access.viewers(), out.access.viewers, out.certificates.viewers,
                 errors);
  TakeRole("access.remote", access.remote(), out.access.remote, errors);
  CheckRemoteRole(out, errors);
  TakeExport(config.export_(), out.exports, errors);
  TakeQuotas(config.quotas(), out.sessions.limits, errors);
}

}  // namespace percpud
