// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/handoff/admission.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "server/base/clock.h"
#include "server/base/errors.h"
#include "server/base/refusal_log.h"
#include "server/base/status_macros.h"
#include "server/handoff/messages.h"
#include "server/session/access/peer.h"

namespace percpud {
namespace {

using abi::v1::Hello;
using abi::v1::MapMode;
using abi::v1::Welcome;

SessionKind KindOf(MapMode granted) {
  switch (granted) {
    case MapMode::kReadWrite:
      return SessionKind::kLocalReadWrite;
    case MapMode::kReadOnly:
      return SessionKind::kLocalReadOnly;
    case MapMode::kNone:
      break;
  }
  return SessionKind::kLocalUnmapped;
}

UniqueFd ReopenReadOnly(int fd) {
  return UniqueFd(open(absl::StrCat("/proc/self/fd/", fd).c_str(), O_RDONLY | O_CLOEXEC));
}

void WarnOfUnseen(SessionId session, UserId user) {
  static OnceAMinute gate;
  if (!gate.Pass(NowSinceBoot())) return;
  WriteWarning(absl::StrCat("session ", session.value(), " of uid ", user.value(),
                            ": its process cannot be seen from here, being in another PID "
                            "namespace; the session lasts as long as its connection"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Admission>> Admission::Create(Sessions& sessions, Options options) {
  UniqueFd arena = ReopenReadOnly(options.arena_fd);
  UniqueFd layout = ReopenReadOnly(options.layout_fd);
  if (!arena.ok() || !layout.ok()) return errors::OsRefused("open", "/proc/self/fd", errno);
  return std::unique_ptr<Admission>(
      new Admission(sessions, std::move(options), std::move(arena), std::move(layout)));
}

Admission::Admission(Sessions& sessions, Options options, UniqueFd arena_to_read,
                     UniqueFd layout_to_read)
    : sessions_(sessions),
      options_(std::move(options)),
      arena_to_read_(std::move(arena_to_read)),
      layout_to_read_(std::move(layout_to_read)),
      rules_(options_.rules) {}

void Admission::SetRules(AccessRules rules) {
  RankedLock lock(&mu_);
  rules_ = std::move(rules);
}

Role Admission::RoleOf(const Peer& peer) const {
  RankedLock lock(&mu_);
  return rules_.RoleOf(peer);
}

absl::StatusOr<Admission::Grant> Admission::Decide(const Peer& peer, const Hello& hello) const {
  if (hello.version < abi::v1::kHandoffVersion || hello.version > abi::v1::kHandoffLaneVersion) {
    return errors::HandoffVersion(hello.version, abi::v1::kHandoffLaneVersion);
  }
  if (hello.wanted > static_cast<std::uint32_t>(MapMode::kReadWrite)) {
    return errors::UnknownEnum("wanted", static_cast<int>(hello.wanted));
  }
  Role role = RoleOf(peer);
  if (role < Role::kViewer) return errors::RoleTooLow("door", Name(Role::kViewer), Name(role));
  if ((hello.abilities & abi::v1::kOnlyLooks) != 0) role = Role::kViewer;
  const auto wanted = static_cast<MapMode>(hello.wanted);
  const bool may_write =
      role >= Role::kClient && (hello.abilities & options_.needed_abilities) != 0;
  return Grant{.mode = wanted == MapMode::kReadWrite && !may_write ? MapMode::kReadOnly : wanted,
               .role = role};
}

absl::StatusOr<Admission::Admitted> Admission::Admit(int fd, const Peer& peer, const Hello& hello) {
  ASSIGN_OR_RETURN(const Grant grant, Decide(peer, hello));
  const bool resumes = hello.resume != Token{};
  ASSIGN_OR_RETURN(const OpenedSession opened,
                   resumes ? sessions_.Resume(hello.resume, peer) : Open(peer, grant));
  const Admitted out{.session = opened.id,
                     .token = opened.token,
                     .version = std::min(hello.version, options_.version)};
  const absl::Status status = Greet(fd, out, grant.mode);
  if (status.ok()) return out;
  if (resumes) {
    sessions_.Detach(opened.id);
  } else {
    sessions_.End(opened.id);
  }
  return status;
}

absl::StatusOr<OpenedSession> Admission::Open(const Peer& peer, const Grant& grant) {
  // A session never has an operator's power, not even an operator's: it is a program at
  // work, and its mistakes must not reach others.
  absl::StatusOr<OpenedSession> opened =
      sessions_.Open({.kind = KindOf(grant.mode),
                      .peer = peer,
                      .command = CommandOf(peer),
                      .role = std::min(grant.role, Role::kClient),
                      .started = StartOf(peer.pid).value_or(0)});
  if (opened.ok() && peer.pid == ProcessId(0)) WarnOfUnseen(opened->id, peer.uid);
  return opened;
}

absl::Status Admission::Greet(int fd, const Admitted& admitted, MapMode granted) const {
  Welcome welcome{};
  welcome.magic = abi::v1::kWelcomeMagic;
  welcome.version = admitted.version;
  welcome.session = admitted.session.value();
  welcome.token = admitted.token;
  welcome.granted = static_cast<std::uint32_t>(granted);
  // The layout last; before it the arena, if it is to be mapped.
  absl::InlinedVector<int, 2> fds;
  if (granted == MapMode::kReadOnly) fds.push_back(arena_to_read_.get());
  if (granted == MapMode::kReadWrite) fds.push_back(options_.arena_fd);
  fds.push_back(layout_to_read_.get());
  return SendWelcome(fd, welcome, fds);
}

}  // namespace percpud
