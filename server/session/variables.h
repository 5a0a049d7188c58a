// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SESSION_VARIABLES_H_
#define PERCPUD_SERVER_SESSION_VARIABLES_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/base/units.h"
#include "server/percpu/allocator/allocator.h"
#include "server/session/access/caller.h"
#include "server/session/books.h"
#include "server/session/transaction.h"

namespace percpud {

// A variable wanted.
struct VariableSpec {
  std::string name;
  VariableType type = VariableType::kBytes;
  Bytes size;
  Bytes alignment = kDefaultAlign;
  // Make it if there is none.
  bool create = false;
};

struct OpenedVariable {
  Variable variable;
  // This call made it.
  bool created = false;
};

// Areas with names, made, found and removed on a caller's behalf. Thread safe.
class Variables {
 public:
  // Both outlive the object.
  Variables(Allocator& allocator, Books& books) : allocator_(allocator), books_(books) {}
  Variables(const Variables&) = delete;
  Variables& operator=(const Variables&) = delete;

  // Finds the variable of that name, or makes it: of several callers one does. The
  // caller's session has it open from then on, until it ends. May sleep.
  // Errors: BadName; VariableNotFound; VariableDiffers, if it has another type or size;
  // QuotaExceeded; the allocator's.
  absl::StatusOr<OpenedVariable> Open(const Caller& caller, const VariableSpec& spec);
  // Names an area of the caller's, which becomes nobody's; its session has it open.
  // Errors: BadName, NotOwner, VariableExists, QuotaExceeded.
  absl::StatusOr<Variable> Publish(const Caller& caller, PercpuPtr pointer, std::string name,
                                   VariableType type);
  // Removes it; the caller's own session has it open no more. Its memory is granted again
  // when every other session that opened it has ended. Errors: VariableNotFound; NotMaker, unless
  // the caller's user made it or the caller is an operator; VariableIsOpen in another session,
  // unless `force`.
  absl::Status Remove(const Caller& caller, absl::string_view name, bool force = false);

  // nullopt if there is none.
  [[nodiscard]] std::optional<Variable> Find(absl::string_view name) const;
  // Variables whose names begin with `prefix`, by name, after `after`, `limit` at most: O(limit).
  [[nodiscard]] std::vector<Variable> List(absl::string_view after, std::size_t limit,
                                           absl::string_view prefix = {}) const;
  // The name of the area that starts there; empty if it has none.
  [[nodiscard]] std::string NameAt(PercpuPtr area) const;
  // Whether a variable was removed there that sessions still have open.
  [[nodiscard]] bool IsQuarantined(PercpuPtr area) const;
  [[nodiscard]] std::size_t CountOpeners(PercpuPtr area) const;

 private:
  absl::StatusOr<OpenedVariable> OpenFound(Transaction& tx, const Caller& caller,
                                           const VariableSpec& spec, const Variable& found);
  absl::StatusOr<OpenedVariable> Make(Transaction& tx, const Caller& caller,
                                      const VariableSpec& spec);
  absl::StatusOr<OpenedVariable> Enter(Transaction& tx, const Caller& caller,
                                       const VariableSpec& spec, PercpuPtr area);
  absl::StatusOr<Variable> PublishArea(Transaction& tx, const Variable& variable);
  absl::Status Withdraw(Transaction& tx, const Caller& caller, const Variable& variable);

  Allocator& allocator_;
  Books& books_;
};

// What a session is charged for having a variable open.
Usage UsageOfOpening();
// Takes what a session has open from it; returns what leaves the quarantine and is to be
// freed. The records are deleted with `changes`, if it is not null.
std::vector<PercpuPtr> CloseAll(Tables& tables, SessionId session, catalog::Changes* changes);

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_VARIABLES_H_
