// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <grp.h>
#include <pwd.h>

#include <array>
#include <optional>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/base/errors.h"
#include "server/main/config.h"

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

absl::Status TakePrincipals(absl::string_view field,
                            const google::protobuf::RepeatedPtrField<std::string>& entries,
                            Principals& out) {
  if (entries.empty()) return absl::OkStatus();
  out = {};
  for (const std::string& entry : entries) {
    absl::string_view name = entry;
    if (entry == "*") {
      out.everybody = true;
    } else if (absl::ConsumePrefix(&name, "user:")) {
      const std::optional<UserId> user = FindUser(std::string(name));
      if (!user) return errors::BadConfig(field, absl::StrCat("there is no ", entry));
      out.users.push_back(*user);
    } else if (absl::ConsumePrefix(&name, "group:")) {
      const std::optional<UserGroupId> group = FindGroup(std::string(name));
      if (!group) return errors::BadConfig(field, absl::StrCat("there is no ", entry));
      out.groups.push_back(*group);
    } else {
      return errors::BadConfig(field,
                               absl::StrCat("\"", entry, "\" is none of user:NAME, group:NAME, *"));
    }
  }
  return absl::OkStatus();
}

absl::Status TakeRole(absl::string_view field, const std::string& text, Role& out) {
  if (text.empty()) return absl::OkStatus();
  for (const Role role : {Role::kAnonymous, Role::kViewer, Role::kClient, Role::kOperator}) {
    if (text != Name(role)) continue;
    out = role;
    return absl::OkStatus();
  }
  return errors::BadConfig(
      field, absl::StrCat("\"", text, "\" is none of anonymous, viewer, client, operator"));
}

absl::Status TakeQuota(absl::string_view field, const config::v1::Quota& wire, Quota& out) {
  if (wire.has_areas()) out.areas = wire.areas();
  if (wire.has_leases()) out.leases = wire.leases();
  return TakeSize(absl::StrCat(field, ".bytes"), wire.bytes(), out.bytes);
}

}  // namespace

absl::Status TakeAccess(const config::v1::Config& config, DaemonConfig& out) {
  const config::v1::Access& access = config.access();
  absl::Status status =
      TakePrincipals("access.operators", access.operators(), out.access.operators);
  status.Update(TakePrincipals("access.clients", access.clients(), out.access.clients));
  status.Update(TakePrincipals("access.viewers", access.viewers(), out.access.viewers));
  status.Update(TakeRole("access.remote", access.remote(), out.access.remote));
  const config::v1::Quotas& quotas = config.quotas();
  status.Update(
      TakeQuota("quotas.per_session", quotas.per_session(), out.sessions.limits.per_session));
  status.Update(TakeQuota("quotas.per_user", quotas.per_user(), out.sessions.limits.per_user));
  if (quotas.remote_sessions_per_opener() != 0) {
    out.sessions.limits.remote_sessions_per_opener = quotas.remote_sessions_per_opener();
  }
  const config::v1::VariableQuota& variables = quotas.variables_per_user();
  if (variables.has_count()) out.sessions.limits.variables_per_user.count = variables.count();
  status.Update(TakeSize("quotas.variables_per_user.bytes", variables.bytes(),
                         out.sessions.limits.variables_per_user.bytes));
  if (quotas.sessions() != 0) out.sessions.limits.sessions = quotas.sessions();
  if (quotas.sessions_per_user() != 0) {
    out.sessions.limits.sessions_per_user = quotas.sessions_per_user();
  }
  return status;
}

}  // namespace percpud
