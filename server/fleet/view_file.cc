// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/view_file.h"

#include <cstdio>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/fleet/atomic_file.h"
#include "server/fleet/records.h"

namespace percpud::fleet {
namespace {

constexpr unsigned kMode = 0644;

absl::StatusOr<v1::View> Read(const std::string& text, const std::string& fleet) {
  ASSIGN_OR_RETURN(v1::View view, ParseView(text));
  if (view.fleet() == fleet) return view;
  return absl::InvalidArgumentError(
      absl::StrCat("the view is of the fleet \"", view.fleet(), "\", not of \"", fleet, "\""));
}

}  // namespace

absl::StatusOr<v1::View> LoadView(const std::string& path, const std::string& fleet) {
  ASSIGN_OR_RETURN(const std::string text, ReadWhole(path));
  absl::StatusOr<v1::View> view = Read(text, fleet);
  if (view.ok()) return view;
  const std::string aside = absl::StrCat(path, ".bad");
  // If it cannot be kept aside, the next view replaces it.
  static_cast<void>(std::rename(path.c_str(), aside.c_str()));
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": ", view.status().message(), "; kept as ", aside));
}

absl::Status StoreView(const std::string& path, const v1::View& view) {
  return WriteAtomically(path, ToPrettyJson(view), kMode);
}

}  // namespace percpud::fleet
