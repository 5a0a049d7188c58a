// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/variable_table.h"

#include <algorithm>
#include <cassert>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "server/base/errors.h"
#include "server/base/limits.h"
#include "server/base/status_macros.h"

namespace percpud {

absl::Status VariableTable::CheckRoom(const Identity& maker, Bytes size) {
  if (by_name_.size() >= kMaxVariables) return errors::TooManyVariables(kMaxVariables);
  const auto entry = held_.find(maker);
  const Held held = entry == held_.end() ? Held{} : entry->second;
  absl::Status status;
  // What is held may be over a quota that was lowered since.
  if (held.count >= per_user_.count) {
    status = errors::QuotaExceeded(Name(maker), "variables", held.count, 1, per_user_.count);
  } else if (held.bytes > per_user_.bytes || size > per_user_.bytes - held.bytes) {
    status = errors::QuotaExceeded(Name(maker), "bytes in variables", held.bytes.value(),
                                   size.value(), per_user_.bytes.value());
  }
  if (!status.ok()) ++quota_refusals_;
  return status;
}

absl::Status VariableTable::Enter(const Variable& variable) {
  assert(IsSettled(variable.name));
  if (by_name_.contains(variable.name)) return errors::VariableExists(variable.name);
  RETURN_IF_ERROR(CheckRoom(variable.maker, variable.size));
  return Add(variable, RowState::kEntered);
}

absl::Status VariableTable::Restore(const Variable& variable) {
  return Add(variable, RowState::kSettled);
}

absl::Status VariableTable::Add(const Variable& variable, RowState state) {
  const auto [entry, is_new] =
      by_name_.emplace(variable.name, Row{.variable = variable, .state = state});
  if (!is_new) return errors::VariableExists(variable.name);
  by_pointer_.emplace(variable.pointer, &entry->second.variable);
  RestoreCharge(variable.maker, variable.size);
  return absl::OkStatus();
}

Variable VariableTable::Withdraw(absl::string_view name) {
  const auto entry = by_name_.find(name);
  assert(entry != by_name_.end());
  Variable out = std::move(entry->second.variable);
  by_pointer_.erase(out.pointer);
  by_name_.erase(entry);
  return out;
}

void VariableTable::RestoreCharge(const Identity& maker, Bytes size) {
  Held& held = held_[maker];
  ++held.count;
  held.bytes += size;
}

void VariableTable::Refund(const Identity& maker, Bytes size) {
  const auto held = held_.find(maker);
  assert(held != held_.end() && held->second.bytes >= size);
  held->second.bytes -= size;
  if (--held->second.count == 0) held_.erase(held);
}

void VariableTable::SetState(absl::string_view name, RowState state) {
  const auto entry = by_name_.find(name);
  assert(entry != by_name_.end());
  entry->second.state = state;
}

const Variable* VariableTable::Find(absl::string_view name) const {
  const auto entry = by_name_.find(name);
  if (entry == by_name_.end() || entry->second.state == RowState::kEntered) return nullptr;
  return &entry->second.variable;
}

const Variable* VariableTable::At(PercpuPtr area) const {
  const auto entry = by_pointer_.find(area);
  return entry == by_pointer_.end() ? nullptr : entry->second;
}

bool VariableTable::IsSettled(absl::string_view name) const {
  const auto entry = by_name_.find(name);
  return entry == by_name_.end() || entry->second.state == RowState::kSettled;
}

std::vector<Variable> VariableTable::List(absl::string_view after, std::size_t limit,
                                          absl::string_view prefix) const {
  std::vector<Variable> out;
  auto entry = prefix > after ? by_name_.lower_bound(prefix) : by_name_.upper_bound(after);
  for (; entry != by_name_.end() && out.size() < limit; ++entry) {
    if (!absl::StartsWith(entry->first, prefix)) break;
    if (entry->second.state != RowState::kEntered) out.push_back(entry->second.variable);
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
