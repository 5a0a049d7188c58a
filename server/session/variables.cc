// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/variables.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "server/base/errors.h"
#include "server/base/limits.h"

namespace percpud {

absl::Status Variables::Insert(const Variable& variable) {
  if (by_name_.size() >= kMaxVariables) return errors::TooManyVariables(kMaxVariables);
  const auto [entry, inserted] = by_name_.try_emplace(variable.name, variable);
  if (!inserted) return errors::VariableExists(entry->first);
  by_pointer_.emplace(entry->second.pointer, &entry->second);
  return absl::OkStatus();
}

void Variables::Remove(absl::string_view name) {
  const auto entry = by_name_.find(std::string(name));
  by_pointer_.erase(entry->second.pointer);
  by_name_.erase(entry);
}

const Variable* Variables::Find(absl::string_view name) const {
  const auto entry = by_name_.find(std::string(name));
  return entry == by_name_.end() ? nullptr : &entry->second;
}

const Variable* Variables::At(PercpuPtr area) const {
  const auto entry = by_pointer_.find(area);
  return entry == by_pointer_.end() ? nullptr : entry->second;
}

std::vector<Variable> Variables::List(absl::string_view after, std::size_t limit) const {
  std::vector<Variable> out;
  for (auto entry = by_name_.upper_bound(std::string(after));
       entry != by_name_.end() && out.size() < limit; ++entry) {
    out.push_back(entry->second);
  }
  return out;
}

absl::Status CheckVariableName(absl::string_view name) {
  const bool spelt = std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           absl::string_view("._-/:").find(c) != absl::string_view::npos;
  });
  if (!name.empty() && name.size() <= kMaxNameLength && spelt) return absl::OkStatus();
  return errors::BadName(name, kMaxNameLength);
}

}  // namespace percpud
