// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/count_here.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/c/percpud.h"
#include "client/cli/reach.h"
#include "server/base/status_macros.h"

namespace percpu::cli {
namespace {

using Handle = std::unique_ptr<percpud_client, decltype(&percpud_close)>;

std::vector<const char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<const char*> out;
  out.reserve(texts.size());
  for (const std::string& text : texts) out.push_back(text.c_str());
  return out;
}

// What libpercpud says of why it cannot. The first word stands.
void Keep(void* text, percpud_notice /*notice*/, const char* said) {
  auto& kept = *static_cast<std::string*>(text);
  if (kept.empty()) kept = said;
}

absl::StatusOr<std::string> DoorOf(const std::string& address) {
  const std::optional<std::string> path = SocketPath(address);
  if (!path) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--address: ", address, ", but this family is counted in the arena, on the daemon's host"));
  }
  return absl::StrCat("unix:", *path);
}

percpud_family_options OptionsOf(const FamilyShape& shape, const std::vector<const char*>& labels) {
  percpud_family_options out = {};
  out.size = sizeof(out);
  out.name = shape.name.c_str();
  out.help = shape.help.c_str();
  out.unit = shape.unit.c_str();
  out.type = static_cast<percpud_type>(shape.type);
  out.fold = shape.cells == CellKind::kShared ? PERCPUD_FOLD_SHARED
                                              : static_cast<percpud_fold>(shape.fold);
  if (shape.live_only) out.flags |= PERCPUD_LIVE_ONLY;
  if (shape.cells == CellKind::kInteger) out.flags |= PERCPUD_INTEGER;
  out.label_count = static_cast<std::uint32_t>(labels.size());
  out.label_names = labels.data();
  out.bound_count = static_cast<std::uint32_t>(shape.bounds.size());
  out.bounds = shape.bounds.data();
  return out;
}

// Whether libpercpud makes cells of that kind for the type.
bool IsKnown(const FamilyShape& shape) {
  switch (shape.type) {
    case FamilyType::kCounter:
      return shape.cells == CellKind::kInteger || shape.cells == CellKind::kDouble;
    case FamilyType::kGauge:
      return shape.cells == CellKind::kWriter || shape.cells == CellKind::kShared;
    case FamilyType::kHistogram:
      return shape.cells == CellKind::kHistogram;
    case FamilyType::kSummary:
      return shape.cells == CellKind::kSummary;
    case FamilyType::kUnknown:
      break;
  }
  return false;
}

void Apply(percpud_series* series, Update update, double value) {
  switch (update) {
    case Update::kAdd:
      return percpud_add(series, value);
    case Update::kSet:
      return percpud_set(series, value);
    case Update::kObserve:
      return percpud_observe(series, value);
  }
}

}  // namespace

absl::Status CountHere(const UpdatedSeries& series, Update update, double value,
                       absl::Duration timeout) {
  if (!IsKnown(series.shape)) {
    return absl::FailedPreconditionError(
        absl::StrCat(series.shape.name, " has cells that percpuctl does not update"));
  }
  ASSIGN_OR_RETURN(const std::string door, DoorOf(series.address));
  percpud_options options = {};
  options.size = sizeof(options);
  options.address = door.c_str();
  options.name_space = series.name_space.c_str();
  const Handle client(percpud_open_as(&options), &percpud_close);
  std::string said;
  percpud_on_notice(client.get(), &Keep, &said);

  const std::vector<const char*> labels = Pointers(series.shape.label_names);
  const std::vector<const char*> values = Pointers(series.label_values);
  const percpud_family_options what = OptionsOf(series.shape, labels);
  percpud_series* const opened =
      percpud_series_open(percpud_family_open(client.get(), &what), values.data());
  const int patience = static_cast<int>(absl::ToInt64Milliseconds(timeout));
  // A refused series is counted by its process alone: what is not shared is not counted.
  const bool is_shared = opened != nullptr && percpud_wait(client.get(), patience) == 1;
  if (!said.empty()) return absl::FailedPreconditionError(said);
  if (!is_shared) return absl::UnavailableError("the daemon admits nobody");
  Apply(opened, update, value);
  return absl::OkStatus();
}

}  // namespace percpu::cli
