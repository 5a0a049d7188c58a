// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What the headers have for taking away: series, writers, a namespace's generation.

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "client/c/waiting.h"

namespace {

using percpud::abi::v1::LaneRemoval;
using percpud::c::Command;
using percpud::c::Growing;
using percpud::c::Locked;

std::string_view TextOrNone(const char* text) {
  return text == nullptr ? std::string_view() : std::string_view(text);
}

// What is local of the series goes first: what is added meanwhile is of what comes then.
std::int64_t Remove(percpud_family& family, std::span<const std::string_view> values, bool all,
                    LaneRemoval removal, int milliseconds) {
  percpud_client& p = *family.client;
  const std::int64_t end_ns = percpud::c::DeadlineNs(milliseconds);
  const std::string_view name = family.shape.name;
  Command command({.name_space = TextOrNone(p.name_space),
                   .family = name,
                   .values = values,
                   .removal = removal,
                   .all = all});
  const Locked one_at_a_time(p.reading);
  {
    const Locked locked(p.mutex);
    p.series.ForSeries(name, values, all, [](percpud_series& series) { series.Zero(); });
  }
  percpud::c::Run(p, command, end_ns);
  const Locked locked(p.mutex);
  p.series.ForSeries(name, values, all, [&](percpud_series& series) {
    if (removal == LaneRemoval::kRemove) {
      p.series.TakeRemoval(series);
    } else if (command.series() > 0) {
      p.series.TakeReset(series);
    }
  });
  return command.series();
}

std::int64_t RemoveOne(percpud_family* family, const char* const* label_values, LaneRemoval removal,
                       int milliseconds) {
  if (family == nullptr) return -1;
  Growing<std::string_view> values;
  for (std::size_t i = 0; i < family->shape.labels.size(); ++i) {
    if (label_values == nullptr || label_values[i] == nullptr ||
        !values.Append(std::string_view(label_values[i]))) {
      const Locked locked(family->client->mutex);
      family->client->SetReason("a label's value is missing, or memory is short");
      return -1;
    }
  }
  return Remove(*family, values.all(), false, removal, milliseconds);
}

}  // namespace

int64_t percpud_remove(percpud_family* family, const char* const* label_values, int milliseconds) {
  return RemoveOne(family, label_values, LaneRemoval::kRemove, milliseconds);
}

int64_t percpud_reset(percpud_family* family, const char* const* label_values, int milliseconds) {
  return RemoveOne(family, label_values, LaneRemoval::kReset, milliseconds);
}

int64_t percpud_remove_all(percpud_family* family, int milliseconds) {
  if (family == nullptr) return -1;
  return Remove(*family, {}, true, LaneRemoval::kRemove, milliseconds);
}

int64_t percpud_reset_all(percpud_family* family, int milliseconds) {
  if (family == nullptr) return -1;
  return Remove(*family, {}, true, LaneRemoval::kReset, milliseconds);
}

int64_t percpud_reset_namespace(percpud_client* p, uint64_t if_generation, uint64_t* generation,
                                int milliseconds) {
  if (p == nullptr) return -1;
  const std::int64_t end_ns = percpud::c::DeadlineNs(milliseconds);
  Command command = Command::ResetNamespace(if_generation, TextOrNone(p->name_space));
  const Locked one_at_a_time(p->reading);
  percpud::c::Run(*p, command, end_ns);
  if (generation != nullptr) *generation = command.generation();
  const Locked locked(p->mutex);
  const bool is_another = if_generation != 0 && command.generation() != if_generation + 1;
  if (command.series() >= 0 && !is_another) p->series.TakeGeneration();
  return command.series();
}

int64_t percpud_writer_close(percpud_client* p, const char* writer, int milliseconds) {
  if (p == nullptr) return 0;
  const std::int64_t end_ns = percpud::c::DeadlineNs(milliseconds);
  const Locked one_at_a_time(p->reading);
  percpud::c::Settle(*p, end_ns);
  std::uint64_t number = 0;
  {
    const Locked locked(p->mutex);
    percpud::c::Writer* const found = p->series.FindWriter(writer, false);
    if (found == nullptr) return 0;
    number = found->number;
    p->series.CloseWriter(*found);
  }
  if (number == 0) return 0;
  Command command = Command::CloseWriter(number);
  percpud::c::Run(*p, command, end_ns);
  return command.series();
}
