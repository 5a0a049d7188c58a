// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SESSION_VARIABLE_TABLE_H_
#define PERCPUD_SERVER_SESSION_VARIABLE_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/base/row_state.h"
#include "server/base/units.h"
#include "server/percpu/layout/static_layout.h"
#include "server/session/access/caller.h"
#include "server/session/session_limits.h"

namespace percpud {

// An area with a name. It belongs to nobody, so it outlives every session.
struct Variable {
  std::string name;
  VariableType type = VariableType::kBytes;
  PercpuPtr pointer;
  // Rounded up to granules.
  Bytes size;
  // Who made it, and so may remove it.
  Identity maker;
};

// Variables by name and by pointer, and what each maker is charged for them;
// makers that nothing is known of share one account.
// Not thread safe: the books' lock guards it.
class VariableTable {
 public:
  explicit VariableTable(const VariableQuota& per_user) : per_user_(per_user) {}
  VariableTable(const VariableTable&) = delete;
  VariableTable& operator=(const VariableTable&) = delete;

  void set_per_user(const VariableQuota& per_user) { per_user_ = per_user; }

  // Whether `maker` may have one more, of `size`. Errors: QuotaExceeded, which
  // is counted; TooManyVariables.
  absl::Status CheckRoom(const Identity& maker, Bytes size);
  // Enters one that nobody else finds before it is settled, and charges its maker.
  // REQUIRES: the name is settled. Errors: VariableExists, and as CheckRoom.
  absl::Status Enter(const Variable& variable);
  // Enters a settled one, whatever the quotas. Errors: VariableExists.
  absl::Status Restore(const Variable& variable);
  // Takes it out. Its maker stays charged. REQUIRES: there is one.
  Variable Withdraw(absl::string_view name);
  // Charges a maker for memory that was a variable's, whatever the quotas, and the reverse.
  void RestoreCharge(const Identity& maker, Bytes size);
  void Refund(const Identity& maker, Bytes size);
  // REQUIRES: there is one.
  void SetState(absl::string_view name, RowState state);

  // Null if there is none that is committed.
  [[nodiscard]] const Variable* Find(absl::string_view name) const;
  // The one whose area starts there; null if there is none, entered or committed.
  [[nodiscard]] const Variable* At(PercpuPtr area) const;
  // Whether no transaction is changing what has this name.
  [[nodiscard]] bool IsSettled(absl::string_view name) const;
  // Committed ones whose names begin with `prefix`, by name, after `after`, `limit` at most:
  // O(limit).
  [[nodiscard]] std::vector<Variable> List(absl::string_view after, std::size_t limit,
                                           absl::string_view prefix = {}) const;
  [[nodiscard]] std::uint64_t quota_refusals() const { return quota_refusals_; }

 private:
  struct Row {
    Variable variable;
    RowState state = RowState::kSettled;
  };
  struct Held {
    std::uint64_t count = 0;
    Bytes bytes;
  };
  absl::Status Add(const Variable& variable, RowState state);

  VariableQuota per_user_;
  std::map<std::string, Row, std::less<>> by_name_;
  absl::flat_hash_map<PercpuPtr, const Variable*> by_pointer_;
  absl::flat_hash_map<Identity, Held> held_;
  std::uint64_t quota_refusals_ = 0;
};

// A name of letters, digits and "._-/:", up to kMaxNameLength. Errors: BadName.
absl::Status CheckVariableName(absl::string_view name);

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_VARIABLE_TABLE_H_
