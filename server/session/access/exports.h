// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What leaves this host. A role says what a caller may do; these rules say, besides, which
// families and variables a caller may read that comes by TLS, whatever its role.

#ifndef PERCPUD_SERVER_SESSION_ACCESS_EXPORTS_H_
#define PERCPUD_SERVER_SESSION_ACCESS_EXPORTS_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/base/ranked_mutex.h"
#include "server/session/access/caller.h"

namespace percpud {

// A name, or all names that begin so. Plain data.
struct NamePattern {
  std::string name;
  bool is_open = false;

  friend bool operator==(const NamePattern&, const NamePattern&) = default;
};

// Which families and variables leave the host; by default none. Plain data.
struct ExportRules {
  // "NAMESPACE/FAMILY"; a "*" at its end stands for any rest of the family's name, and "*"
  // alone for all families of all namespaces.
  std::vector<std::string> families;
  // "NAME"; a "*" at its end stands for any rest.
  std::vector<std::string> variables;

  [[nodiscard]] bool NamesFamily(absl::string_view name_space, absl::string_view family) const;
  // Whether any family of the namespace can be meant whose name begins with `prefix`.
  [[nodiscard]] bool MayNameFamily(absl::string_view name_space, absl::string_view prefix) const;
  // Whether all families of the namespace are meant; of all namespaces, if none is named.
  [[nodiscard]] bool NamesAllOf(std::optional<absl::string_view> name_space) const;
  [[nodiscard]] bool NamesVariable(absl::string_view name) const;
  // Whether any variable can be meant whose name begins with `prefix`.
  [[nodiscard]] bool MayNameVariable(absl::string_view prefix) const;
  // Which variables are meant that begin with `prefix`, in the order of their names; no name is
  // meant by two.
  [[nodiscard]] std::vector<NamePattern> VariablesOf(absl::string_view prefix) const;

  // What is wrong with an entry; empty if nothing.
  static std::string ObjectionToFamily(absl::string_view entry);
  static std::string ObjectionToVariable(absl::string_view entry);
};

// What one caller may read: everything there is, unless it came by TLS.
class ExportView {
 public:
  // Null: everything.
  explicit ExportView(std::shared_ptr<const ExportRules> rules) : rules_(std::move(rules)) {}

  // Whether the rules bind the caller.
  [[nodiscard]] bool is_bound() const { return rules_ != nullptr; }
  [[nodiscard]] bool ShowsFamily(absl::string_view name_space, absl::string_view family) const;
  [[nodiscard]] bool ShowsVariable(absl::string_view name) const;
  // Whether anything of the namespace is shown, and so its name.
  [[nodiscard]] bool ShowsNamespace(absl::string_view name_space) const;
  // Which of the variables that begin with `prefix` are shown, as ExportRules::VariablesOf.
  [[nodiscard]] std::vector<NamePattern> VariablesOf(absl::string_view prefix) const;
  // Whether nothing of the namespace is kept back; of all namespaces, if none is named.
  [[nodiscard]] bool ShowsAllOf(std::optional<absl::string_view> name_space) const;

  // Errors: NotExported, if no rule names it.
  [[nodiscard]] absl::Status CheckFamily(absl::string_view name_space,
                                         absl::string_view family) const;
  [[nodiscard]] absl::Status CheckVariable(absl::string_view name) const;
  // Errors: NotExported, if no rule can name any variable of that prefix.
  [[nodiscard]] absl::Status CheckVariables(absl::string_view prefix) const;
  // Errors: NotExported, if no rule can name any family of that prefix; or any family at all, if
  // no namespace is named.
  [[nodiscard]] absl::Status CheckFamilies(std::optional<absl::string_view> name_space,
                                           absl::string_view prefix) const;

 private:
  std::shared_ptr<const ExportRules> rules_;
};

// The rules in force. Thread safe.
class Exports {
 public:
  explicit Exports(ExportRules rules = {}) { SetRules(std::move(rules)); }
  Exports(const Exports&) = delete;
  Exports& operator=(const Exports&) = delete;

  void SetRules(ExportRules rules);
  [[nodiscard]] ExportView ViewOf(const Caller& caller) const;

  // For a daemon that exports nothing.
  static const Exports& None();

 private:
  mutable RankedMutex mu_{LockRank::kLeaf};
  std::shared_ptr<const ExportRules> rules_ ABSL_GUARDED_BY(mu_);
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_ACCESS_EXPORTS_H_
