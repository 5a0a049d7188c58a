// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SESSION_VARIABLES_H_
#define PERCPUD_SERVER_SESSION_VARIABLES_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/base/units.h"
#include "server/percpu/layout/static_layout.h"
#include "server/session/access/caller.h"

namespace percpud {

// An area with a name: nobody's, so that it outlives every session.
struct Variable {
  std::string name;
  VariableType type = VariableType::kBytes;
  PercpuPtr pointer;
  // Rounded up to granules.
  Bytes size;
  // Who made it, and so may remove it.
  UserId maker;
};

// What one user may hold in variables.
struct VariableQuota {
  std::uint64_t count = std::numeric_limits<std::uint64_t>::max();
  // Of one unit.
  Bytes bytes = Bytes::Max();
};

// Variables by name and by pointer, and what each user holds in them; makers
// without a uid are one user. Not thread safe.
class Variables {
 public:
  explicit Variables(const VariableQuota& per_user) : per_user_(per_user) {}

  void set_per_user(const VariableQuota& per_user) { per_user_ = per_user; }

  // Whether `maker` may have one more, of `size`. Errors: QuotaExceeded, which
  // is counted; TooManyVariables.
  absl::Status CheckRoom(UserId maker, Bytes size);
  // Errors: VariableExists, and as CheckRoom.
  absl::Status Insert(const Variable& variable);
  // The same, whatever the quotas: of one that was there before them.
  absl::Status Restore(const Variable& variable);
  // REQUIRES: there is one.
  void Remove(absl::string_view name);

  [[nodiscard]] const Variable* Find(absl::string_view name) const;
  [[nodiscard]] const Variable* At(PercpuPtr area) const;
  // By name, after `after`, `limit` at most.
  [[nodiscard]] std::vector<Variable> List(absl::string_view after, std::size_t limit) const;
  [[nodiscard]] std::uint64_t quota_refusals() const { return quota_refusals_; }

 private:
  struct Held {
    std::uint64_t count = 0;
    Bytes bytes;
  };

  VariableQuota per_user_;
  std::map<std::string, Variable> by_name_;
  absl::flat_hash_map<PercpuPtr, const Variable*> by_pointer_;
  absl::flat_hash_map<UserId, Held> held_;
  std::uint64_t quota_refusals_ = 0;
};

// A name of letters, digits and "._-/:", up to kMaxNameLength.
// Errors: BadName.
absl::Status CheckVariableName(absl::string_view name);

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_VARIABLES_H_
