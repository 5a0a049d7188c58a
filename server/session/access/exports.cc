// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/access/exports.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/base/errors.h"
#include "server/session/access/certificate_rules.h"

namespace percpud {
namespace {

constexpr absl::string_view kFamilies = "export.families";
constexpr absl::string_view kVariables = "export.variables";
constexpr absl::string_view kAll = "*";

// A name, or the beginning of names.
struct Pattern {
  explicit Pattern(absl::string_view text)
      : is_open(absl::ConsumeSuffix(&text, kAll)), name(text) {}

  [[nodiscard]] bool Names(absl::string_view one) const {
    return is_open ? absl::StartsWith(one, name) : one == name;
  }
  // Whether a name that begins so can be meant.
  [[nodiscard]] bool MayName(absl::string_view prefix) const {
    return absl::StartsWith(name, prefix) || (is_open && absl::StartsWith(prefix, name));
  }

  bool is_open;
  absl::string_view name;
};

// Whether an entry for families is of that namespace and says yes of its part behind the
// namespace. No family's name has a slash, and a namespace's may.
template <typename Says>
bool IsSaid(absl::string_view entry, absl::string_view name_space, Says says) {
  if (entry == kAll) return true;
  const std::size_t slash = entry.rfind('/');
  return slash != absl::string_view::npos && entry.substr(0, slash) == name_space &&
         says(Pattern(entry.substr(slash + 1)));
}

template <typename Says>
bool AnySays(const std::vector<std::string>& entries, absl::string_view name_space, Says says) {
  return std::any_of(entries.begin(), entries.end(),
                     [&](absl::string_view entry) { return IsSaid(entry, name_space, says); });
}

std::string ObjectionToStar(absl::string_view name) {
  absl::ConsumeSuffix(&name, kAll);
  return absl::StrContains(name, kAll) ? "has a * that is not at its end" : "";
}

}  // namespace

// --- Rules -----------------------------------------------------------------------

bool ExportRules::NamesFamily(absl::string_view name_space, absl::string_view family) const {
  return AnySays(families, name_space,
                 [family](const Pattern& pattern) { return pattern.Names(family); });
}

bool ExportRules::MayNameFamily(absl::string_view name_space, absl::string_view prefix) const {
  return AnySays(families, name_space,
                 [prefix](const Pattern& pattern) { return pattern.MayName(prefix); });
}

bool ExportRules::NamesAllOf(std::optional<absl::string_view> name_space) const {
  if (!name_space) return std::find(families.begin(), families.end(), kAll) != families.end();
  return AnySays(families, *name_space,
                 [](const Pattern& pattern) { return pattern.is_open && pattern.name.empty(); });
}

bool ExportRules::NamesVariable(absl::string_view name) const {
  return std::any_of(variables.begin(), variables.end(),
                     [name](absl::string_view entry) { return Pattern(entry).Names(name); });
}

bool ExportRules::MayNameVariable(absl::string_view prefix) const {
  return std::any_of(variables.begin(), variables.end(),
                     [prefix](absl::string_view entry) { return Pattern(entry).MayName(prefix); });
}

std::vector<NamePattern> ExportRules::VariablesOf(absl::string_view prefix) const {
  std::vector<NamePattern> wanted;
  for (const std::string& entry : variables) {
    const Pattern pattern(entry);
    if (!pattern.MayName(prefix)) continue;
    // The narrower one of the two.
    const bool is_wider = pattern.name.size() < prefix.size();
    wanted.push_back(
        {.name = std::string(is_wider ? prefix : pattern.name), .is_open = pattern.is_open});
  }
  // The widest one of a name first: what it means already is meant once.
  std::sort(wanted.begin(), wanted.end(), [](const NamePattern& a, const NamePattern& b) {
    return a.name != b.name ? a.name < b.name : a.is_open && !b.is_open;
  });
  std::vector<NamePattern> out;
  for (NamePattern& pattern : wanted) {
    const bool is_meant =
        !out.empty() && (out.back().is_open ? absl::StartsWith(pattern.name, out.back().name)
                                            : pattern == out.back());
    if (!is_meant) out.push_back(std::move(pattern));
  }
  return out;
}

std::string ExportRules::ObjectionToFamily(absl::string_view entry) {
  if (entry == kAll) return "";
  const std::size_t slash = entry.rfind('/');
  if (slash == absl::string_view::npos || slash == 0 || slash + 1 == entry.size()) {
    return "is neither NAMESPACE/FAMILY nor *";
  }
  return ObjectionToStar(entry);
}

std::string ExportRules::ObjectionToVariable(absl::string_view entry) {
  return entry.empty() ? "names nothing" : ObjectionToStar(entry);
}

// --- Views -----------------------------------------------------------------------

bool ExportView::ShowsFamily(absl::string_view name_space, absl::string_view family) const {
  return !is_bound() || rules_->NamesFamily(name_space, family);
}

bool ExportView::ShowsVariable(absl::string_view name) const {
  return !is_bound() || rules_->NamesVariable(name);
}

bool ExportView::ShowsNamespace(absl::string_view name_space) const {
  return !is_bound() || rules_->MayNameFamily(name_space, "");
}

std::vector<NamePattern> ExportView::VariablesOf(absl::string_view prefix) const {
  if (is_bound()) return rules_->VariablesOf(prefix);
  return {{.name = std::string(prefix), .is_open = true}};
}

bool ExportView::ShowsAllOf(std::optional<absl::string_view> name_space) const {
  return !is_bound() || rules_->NamesAllOf(name_space);
}

absl::Status ExportView::CheckFamily(absl::string_view name_space, absl::string_view family) const {
  if (ShowsFamily(name_space, family)) return absl::OkStatus();
  return errors::NotExported(kFamilies, absl::StrCat(name_space, "/", family));
}

absl::Status ExportView::CheckVariable(absl::string_view name) const {
  return ShowsVariable(name) ? absl::OkStatus() : errors::NotExported(kVariables, name);
}

absl::Status ExportView::CheckVariables(absl::string_view prefix) const {
  if (!is_bound() || rules_->MayNameVariable(prefix)) return absl::OkStatus();
  return errors::NotExported(kVariables, absl::StrCat(prefix, "*"));
}

absl::Status ExportView::CheckFamilies(std::optional<absl::string_view> name_space,
                                       absl::string_view prefix) const {
  if (!is_bound()) return absl::OkStatus();
  if (!name_space) {
    return rules_->families.empty() ? errors::NotExported(kFamilies, "any family")
                                    : absl::OkStatus();
  }
  if (rules_->MayNameFamily(*name_space, prefix)) return absl::OkStatus();
  return errors::NotExported(kFamilies, absl::StrCat(*name_space, "/", prefix));
}

// --- What is in force --------------------------------------------------------------

void Exports::SetRules(ExportRules rules) {
  auto shared = std::make_shared<const ExportRules>(std::move(rules));
  RankedLock lock(&mu_);
  rules_ = std::move(shared);
}

ExportView Exports::ViewOf(const Caller& caller) const {
  if (!CertificateRules::Speaks(caller.host)) return ExportView(nullptr);
  RankedLock lock(&mu_);
  return ExportView(rules_);
}

const Exports& Exports::None() {
  static const Exports none;
  return none;
}

}  // namespace percpud
