// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/convert_metrics.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "absl/time/time.h"
#include "server/base/error_reason.h"
#include "server/base/errors.h"
#include "server/base/limits.h"
#include "server/base/status_macros.h"
#include "server/metrics/rules.h"
#include "server/service/convert.h"

namespace percpud {
namespace {

// The numbers are those of server/metrics.
static_assert(static_cast<int>(metrics::FamilyType::kSummary) == v1::FAMILY_TYPE_SUMMARY);
static_assert(static_cast<int>(metrics::Cells::kShared) == v1::CELL_KIND_SHARED);
static_assert(static_cast<int>(cells::GaugeFold::kMostRecent) + 1 == v1::GAUGE_FOLD_MOST_RECENT);

constexpr absl::Duration kLeastTtl = absl::Seconds(1);
constexpr absl::Duration kMostTtl = absl::Hours(24 * 366);

metrics::Cells CellsOf(v1::FamilyType type, v1::CellKind cells) {
  if (cells != v1::CELL_KIND_UNSPECIFIED) return static_cast<metrics::Cells>(cells);
  if (type == v1::FAMILY_TYPE_HISTOGRAM) return metrics::Cells::kHistogram;
  return type == v1::FAMILY_TYPE_SUMMARY ? metrics::Cells::kSummary : metrics::Cells::kDouble;
}

// Errors: UnknownEnum. What the numbers may be together is the rules' to say.
absl::StatusOr<metrics::Shape> FromProto(const v1::FamilyShape& shape) {
  if (!v1::FamilyType_IsValid(shape.type())) return errors::UnknownEnum("type", shape.type());
  if (!v1::CellKind_IsValid(shape.cells())) return errors::UnknownEnum("cells", shape.cells());
  if (!v1::GaugeFold_IsValid(shape.fold())) return errors::UnknownEnum("fold", shape.fold());
  metrics::Shape out{.name = shape.name(),
                     .help = shape.help(),
                     .unit = shape.unit(),
                     .labels = {shape.label_names().begin(), shape.label_names().end()},
                     .bounds = {shape.bounds().begin(), shape.bounds().end()},
                     .type = static_cast<metrics::FamilyType>(shape.type()),
                     .cells = CellsOf(shape.type(), shape.cells()),
                     .mode = {}};
  if (shape.fold() != v1::GAUGE_FOLD_UNSPECIFIED) {
    out.mode = {.fold = static_cast<cells::GaugeFold>(shape.fold() - 1),
                .live_only = shape.live_only()};
  }
  return out;
}

}  // namespace

absl::StatusOr<OpeningWanted> FromProto(const v1::OpenSeriesRequest& request,
                                        std::vector<std::string>& values) {
  std::size_t series = 0;
  for (const v1::FamilySeries& family : request.families()) {
    series += static_cast<std::size_t>(family.series_size());
  }
  if (series > kMaxOpening) return errors::BatchOverLimit("series", series, kMaxOpening);
  // Views of its strings are taken as it grows.
  values.clear();
  values.reserve(series);
  OpeningWanted out{.name_space = request.namespace_(),
                    .families = {},
                    .writer = request.writer(),
                    .slot = request.slot()};
  if (request.has_group_id()) out.group = UserGroupId(request.group_id());
  for (const v1::FamilySeries& family : request.families()) {
    FamilyWanted& wanted = out.families.emplace_back();
    ASSIGN_OR_RETURN(wanted.shape, FromProto(family.shape()));
    wanted.max_series = family.max_series();
    if (family.has_ttl()) {
      ASSIGN_OR_RETURN(const absl::Duration ttl,
                       FromProto("ttl", family.ttl(), kLeastTtl, kMostTtl));
      wanted.ttl_seconds = static_cast<std::uint32_t>(absl::ToInt64Seconds(ttl));
    }
    for (const v1::LabelValues& one : family.series()) {
      ASSIGN_OR_RETURN(std::string encoded, Encode(family.shape().name(), one));
      wanted.series.push_back(values.emplace_back(std::move(encoded)));
    }
  }
  return out;
}

absl::StatusOr<std::string> Encode(const std::string& family, const v1::LabelValues& series) {
  std::string out;
  for (const std::string& value : series.values()) {
    if (value.size() > kMaxLabelValue) {
      return errors::TextOverLimit(family, "values", value.size(), kMaxLabelValue);
    }
    metrics::AppendValue(value, out);
  }
  return out;
}

absl::StatusOr<Removal> FromProto(v1::SeriesRemoval removal) {
  switch (removal) {
    case v1::SERIES_REMOVAL_UNSPECIFIED:
    case v1::SERIES_REMOVAL_REMOVE:
      return Removal::kRemove;
    case v1::SERIES_REMOVAL_RESET:
      return Removal::kReset;
    default:
      return errors::UnknownEnum("removal", removal);
  }
}

v1::OpenedSeries ToProto(const OpenedSeries& series) {
  v1::OpenedSeries out;
  if (!series.status.ok()) {
    v1::SeriesRefusal& refusal = *out.mutable_refusal();
    refusal.set_code(static_cast<int>(series.status.code()));
    refusal.set_reason(std::string(errors::ReasonOf(series.status)));
    refusal.set_message(std::string(series.status.message()));
    return out;
  }
  out.set_family_id(series.family.value());
  out.set_series_id(series.series.value());
  out.set_pointer(series.cells.value());
  *out.mutable_create_time() = TimestampOf(series.created_ns);
  out.set_created(series.made);
  out.set_overflow(series.overflow);
  return out;
}

v1::Family ToProto(const metrics::Namespace& name_space, const metrics::Family& family) {
  v1::Family out;
  const metrics::Shape& shape = family.shape;
  out.set_family_id(family.id.value());
  out.set_namespace_(name_space.name);
  v1::FamilyShape& wire = *out.mutable_shape();
  wire.set_name(shape.name);
  wire.set_help(shape.help);
  wire.set_unit(shape.unit);
  wire.set_type(static_cast<v1::FamilyType>(shape.type));
  wire.set_cells(static_cast<v1::CellKind>(shape.cells));
  wire.mutable_label_names()->Add(shape.labels.begin(), shape.labels.end());
  wire.mutable_bounds()->Add(shape.bounds.begin(), shape.bounds.end());
  if (shape.cells == metrics::Cells::kWriter) {
    wire.set_fold(static_cast<v1::GaugeFold>(static_cast<int>(shape.mode.fold) + 1));
    wire.set_live_only(shape.mode.live_only);
  }
  out.set_series(family.series.size());
  out.set_max_series(family.max_series);
  if (family.ttl_seconds != 0) *out.mutable_ttl() = ToProto(absl::Seconds(family.ttl_seconds));
  *out.mutable_create_time() = TimestampOf(family.created_ns);
  out.set_refused(family.refused);
  out.set_overflowed(family.overflowed);
  return out;
}

google::protobuf::Timestamp TimestampOf(std::uint64_t unix_ns) {
  return ToProto(absl::FromUnixNanos(static_cast<std::int64_t>(unix_ns)));
}

google::protobuf::Timestamp TimestampOfSeconds(double unix_seconds) {
  // A Timestamp may be of the years 1 to 9999.
  constexpr double kFirst = -62135596800;
  constexpr double kLast = 253402300799;
  const double seconds = std::isnan(unix_seconds) ? 0 : std::clamp(unix_seconds, kFirst, kLast);
  return ToProto(absl::UnixEpoch() + absl::Seconds(seconds));
}

}  // namespace percpud
