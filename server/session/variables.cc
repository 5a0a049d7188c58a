// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/variables.h"

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/base/limits.h"

namespace percpud {

namespace {

std::string NameOf(UserId maker) {
  return maker == kNobody ? "whoever has no uid" : absl::StrCat("uid ", maker.value());
}

}  // namespace

absl::Status Variables::CheckRoom(UserId maker, Bytes size) {
  if (by_name_.size() >= kMaxVariables) return errors::TooManyVariables(kMaxVariables);
  const auto entry = held_.find(maker);
  const Held held = entry == held_.end() ? Held{} : entry->second;
  absl::Status status;
  // What is held may be over a quota that was lowered since.
  if (held.count >= per_user_.count) {
    status = errors::QuotaExceeded(NameOf(maker), "variables", held.count, 1, per_user_.count);
  } else if (held.bytes > per_user_.bytes || size > per_user_.bytes - held.bytes) {
    status = errors::QuotaExceeded(NameOf(maker), "bytes in variables", held.bytes.value(),
                                   size.value(), per_user_.bytes.value());
  }
  if (!status.ok()) ++quota_refusals_;
  return status;
}

absl::Status Variables::Insert(const Variable& variable) {
  if (by_name_.contains(variable.name)) return errors::VariableExists(variable.name);
  if (absl::Status status = CheckRoom(variable.maker, variable.size); !status.ok()) return status;
  return Restore(variable);
}

absl::Status Variables::Restore(const Variable& variable) {
  if (by_name_.contains(variable.name)) return errors::VariableExists(variable.name);
  const auto entry = by_name_.emplace(variable.name, variable).first;
  Held& held = held_[variable.maker];
  ++held.count;
  held.bytes += variable.size;
  by_pointer_.emplace(entry->second.pointer, &entry->second);
  return absl::OkStatus();
}

void Variables::Remove(absl::string_view name) {
  const auto entry = by_name_.find(std::string(name));
  const auto held = held_.find(entry->second.maker);
  held->second.bytes -= entry->second.size;
  if (--held->second.count == 0) held_.erase(held);
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
