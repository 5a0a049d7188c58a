// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/file_sd.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "server/base/status_macros.h"
#include "server/fleet/atomic_file.h"

namespace percpud::fleet {
namespace {

constexpr unsigned kMode = 0644;

bool IsLabelName(absl::string_view name) {
  const auto may_be_in = [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_';
  };
  return !name.empty() && !absl::ascii_isdigit(static_cast<unsigned char>(name.front())) &&
         !absl::StartsWith(name, "__") && std::all_of(name.begin(), name.end(), may_be_in);
}

}  // namespace

std::string ToFileSd(const v1::View& view) {
  // The keys of these objects are in order: alike views have alike files.
  nlohmann::json groups = nlohmann::json::array();
  for (const v1::Host& host : view.hosts()) {
    if (host.record().metrics_address().empty()) continue;
    nlohmann::json labels = nlohmann::json::object();
    for (const auto& [name, value] : host.record().labels()) {
      if (IsLabelName(name)) labels[name] = value;
    }
    labels["percpud_fleet"] = view.fleet();
    labels["percpud_host"] = host.name();
    groups.push_back({{"targets", {host.record().metrics_address()}}, {"labels", labels}});
  }
  constexpr int kIndent = 2;
  return groups.dump(kIndent, ' ', /*ensure_ascii=*/true,
                     nlohmann::json::error_handler_t::replace) +
         "\n";
}

absl::Status FileSd::Show(const v1::View& view) {
  std::string text = ToFileSd(view);
  if (text == written_) return absl::OkStatus();
  RETURN_IF_ERROR(WriteAtomically(path_, text, kMode));
  written_ = std::move(text);
  return absl::OkStatus();
}

}  // namespace percpud::fleet
