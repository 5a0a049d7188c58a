// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_HANDOFF_ADMISSION_H_
#define PERCPUD_SERVER_HANDOFF_ADMISSION_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/percpud/abi/v1/handoff.h"
#include "server/base/ranked_mutex.h"
#include "server/base/unique_fd.h"
#include "server/session/access/policy.h"
#include "server/session/sessions.h"

namespace percpud {

// Decides who is let in at the side door, with which map and role, and sends the Welcome.
// Thread safe.
class Admission {
 public:
  struct Options {
    AccessRules rules;
    // Abilities of which a client must have one to map the arena read-write.
    std::uint32_t needed_abilities = 0;
    // The highest version of the door's protocol that is spoken.
    std::uint32_t version = abi::v1::kHandoffVersion;
    // Outlive the admission.
    int arena_fd = -1;
    int layout_fd = -1;
  };
  // Opens what is sent to viewers. `sessions` outlives the admission. Errors: OsRefused.
  static absl::StatusOr<std::unique_ptr<Admission>> Create(Sessions& sessions, Options options);
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;

  // Sets the rules for peers admitted from now on; a session keeps its role.
  void SetRules(AccessRules rules);

  struct Admitted {
    SessionId session = kNoSession;
    Token token{};
    // The version of the protocol that is spoken from now on.
    std::uint32_t version = abi::v1::kHandoffVersion;
  };
  // Opens a session for the peer at `fd`, or goes on with the one it had, and welcomes it.
  // A session that was resumed and could not be told so waits for the next connection.
  // Errors: HandoffVersion, UnknownEnum, RoleTooLow, ResumeRefused, Sessions::Open's;
  // OsRefused if the Welcome cannot be sent.
  absl::StatusOr<Admitted> Admit(int fd, const Peer& peer, const abi::v1::Hello& hello);

 private:
  // What the rules in force give a peer. It is looked up once for an admission, so that a
  // reload in between cannot give the map of one rule and the role of another.
  struct Grant {
    abi::v1::MapMode mode = abi::v1::MapMode::kNone;
    Role role = Role::kAnonymous;
  };

  Admission(Sessions& sessions, Options options, UniqueFd arena_to_read, UniqueFd layout_to_read);

  [[nodiscard]] absl::StatusOr<Grant> Decide(const Peer& peer, const abi::v1::Hello& hello) const;
  absl::StatusOr<OpenedSession> Open(const Peer& peer, const Grant& grant);
  [[nodiscard]] absl::Status Greet(int fd, const Admitted& admitted,
                                   abi::v1::MapMode granted) const;
  [[nodiscard]] Role RoleOf(const Peer& peer) const;

  Sessions& sessions_;
  const Options options_;
  // The same memory through descriptors that cannot write it, whatever the receiver tries.
  const UniqueFd arena_to_read_;
  const UniqueFd layout_to_read_;

  mutable RankedMutex mu_{LockRank::kLeaf};
  AccessRules rules_ ABSL_GUARDED_BY(mu_);
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_HANDOFF_ADMISSION_H_
