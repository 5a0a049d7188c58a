// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/wire/convert_metrics.h"

namespace percpu::wire {

namespace v1 = ::percpud::v1;

// The enumerators of both sides are in one order, and begin with one that says nothing.
static_assert(static_cast<int>(FamilyType::kSummary) == v1::FAMILY_TYPE_SUMMARY);
static_assert(static_cast<int>(CellKind::kShared) == v1::CELL_KIND_SHARED);
static_assert(static_cast<int>(GaugeFold::kMostRecent) == v1::GAUGE_FOLD_MOST_RECENT);

FamilyShape FromProto(const v1::FamilyShape& shape) {
  return {.name = shape.name(),
          .help = shape.help(),
          .unit = shape.unit(),
          .type = FromProtoEnum(shape.type(), FamilyType::kSummary),
          .cells = FromProtoEnum(shape.cells(), CellKind::kShared),
          .label_names = {shape.label_names().begin(), shape.label_names().end()},
          .bounds = {shape.bounds().begin(), shape.bounds().end()},
          .fold = FromProtoEnum(shape.fold(), GaugeFold::kMostRecent),
          .live_only = shape.live_only()};
}

std::vector<CellSum> FromProto(const google::protobuf::RepeatedPtrField<v1::CellSum>& cells) {
  std::vector<CellSum> out;
  for (const v1::CellSum& cell : cells) out.push_back({.count = cell.count(), .sum = cell.sum()});
  return out;
}

}  // namespace percpu::wire
