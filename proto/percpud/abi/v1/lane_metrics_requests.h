// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The bodies of the lane's requests about metrics (lane_metrics.h), read and written.
// Everything read is a view into the message; nothing is believed before it was checked.

#ifndef PERCPUD_PROTO_ABI_V1_LANE_METRICS_REQUESTS_H_
#define PERCPUD_PROTO_ABI_V1_LANE_METRICS_REQUESTS_H_

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "proto/percpud/abi/v1/lane_body.h"
#include "proto/percpud/abi/v1/lane_metrics.h"
#include "proto/percpud/abi/v1/lane_metrics_pages.h"
#include "proto/percpud/abi/v1/lane_metrics_watch.h"

namespace percpud::abi::v1 {

// A family's shape, as it lies in a body. Its numbers may have no meaning.
class LaneFamilyView {
 public:
  // False if what is there is no family.
  bool Take(LaneScan& scan) {
    if (!scan.Take(head_) || !scan.TakeText(head_.name_bytes, name_) ||
        !scan.TakeText(head_.help_bytes, help_) || !scan.TakeText(head_.unit_bytes, unit_) ||
        !scan.TakeTexts(head_.labels, labels_) || !scan.TakePad() ||
        !scan.TakeArray<double>(head_.bounds, bounds_)) {
      return false;
    }
    return head_.live_only <= 1 && head_.reserved == 0 && head_.reserved_too == 0;
  }
  [[nodiscard]] const LaneFamily& head() const { return head_; }
  [[nodiscard]] std::string_view name() const { return name_; }
  [[nodiscard]] std::string_view help() const { return help_; }
  [[nodiscard]] std::string_view unit() const { return unit_; }
  [[nodiscard]] LaneTexts labels() const { return labels_; }
  // REQUIRES: index < head().bounds.
  [[nodiscard]] double bound(std::size_t index) const {
    assert(index < head_.bounds);
    return LaneLoad<double>(bounds_, index * sizeof(double));
  }

 private:
  LaneFamily head_{};
  std::string_view name_;
  std::string_view help_;
  std::string_view unit_;
  LaneTexts labels_;
  LaneBytes bounds_;
};

// OpenSeries. After Parse its families are taken one after the other, and after each
// one its series.
class LaneOpenSeriesView {
 public:
  // Returns false if the body is malformed.
  bool Parse(LaneBytes body) {
    LaneScan scan(body);
    if (!scan.Take(head_) || head_.slot > 1 || head_.has_group > 1 || head_.reserved != 0 ||
        (head_.has_group == 0 && head_.group != 0)) {
      return false;
    }
    if (!scan.TakeText(head_.namespace_bytes, namespace_) ||
        !scan.TakeText(head_.writer_bytes, writer_) || !scan.TakePad()) {
      return false;
    }
    scan_ = scan;
    series_ = 0;
    LaneFamilyView family;
    LaneTexts values;
    for (std::uint32_t i = 0; i < head_.families; ++i) {
      if (!family.Take(scan)) return false;
      for (std::uint32_t left = family.head().series; left > 0; --left) {
        if (!TakeSeries(scan, family, values)) return false;
        ++series_;
      }
    }
    return scan.done();
  }
  [[nodiscard]] std::string_view name_space() const { return namespace_; }
  [[nodiscard]] std::string_view writer() const { return writer_; }
  [[nodiscard]] bool slot() const { return head_.slot != 0; }
  // Nothing if no group was named.
  [[nodiscard]] std::optional<std::uint32_t> group() const {
    return head_.has_group != 0 ? std::optional(head_.group) : std::nullopt;
  }
  [[nodiscard]] std::uint32_t families() const { return head_.families; }
  // Counts those of all families together.
  [[nodiscard]] std::uint32_t series() const { return series_; }

  // The next family. REQUIRES: fewer than families() were taken, and all series of the
  // one before.
  LaneFamilyView NextFamily() {
    LaneFamilyView family;
    const bool taken = family.Take(scan_);
    assert(taken);
    static_cast<void>(taken);
    return family;
  }
  // The label values of the next series of `family`, which was taken last.
  // REQUIRES: fewer than family.head().series were taken.
  LaneTexts NextSeries(const LaneFamilyView& family) {
    LaneTexts values;
    const bool taken = TakeSeries(scan_, family, values);
    assert(taken);
    static_cast<void>(taken);
    return values;
  }

 private:
  // A family without labels has one series; were it sent more often it would cost no
  // bytes, so each takes kLaneAlign at least.
  static bool TakeSeries(LaneScan& scan, const LaneFamilyView& family, LaneTexts& values) {
    std::uint64_t none = 0;
    if (family.head().labels == 0) return scan.Take(none) && none == 0;
    return scan.TakeTexts(family.head().labels, values) && scan.TakePad();
  }

  LaneOpenSeries head_{};
  std::string_view namespace_;
  std::string_view writer_;
  std::uint32_t series_ = 0;
  LaneScan scan_;
};

class LaneRemoveSeriesView {
 public:
  bool Parse(LaneBytes body) {
    LaneScan scan(body);
    return scan.Take(head_) && head_.all <= 1 && (head_.all == 0 || head_.labels == 0) &&
           scan.TakeText(head_.namespace_bytes, namespace_) &&
           scan.TakeText(head_.family_bytes, family_) && scan.TakeTexts(head_.labels, values_) &&
           scan.TakePad() && scan.done();
  }
  [[nodiscard]] const LaneRemoveSeries& head() const { return head_; }
  [[nodiscard]] std::string_view name_space() const { return namespace_; }
  [[nodiscard]] std::string_view family() const { return family_; }
  [[nodiscard]] LaneTexts values() const { return values_; }

 private:
  LaneRemoveSeries head_{};
  std::string_view namespace_;
  std::string_view family_;
  LaneTexts values_;
};

// Requests that are a struct and a namespace: ResetNamespace, ListFamilies, ReadSeries,
// WatchSeries.
template <typename Head>
class LaneNamespaceView {
 public:
  bool Parse(LaneBytes body) {
    LaneScan scan(body);
    return scan.Take(head_) && HeadIsSound(head_) &&
           scan.TakeText(head_.namespace_bytes, namespace_) && scan.TakePad() && scan.done();
  }
  [[nodiscard]] const Head& head() const { return head_; }
  [[nodiscard]] std::string_view name_space() const { return namespace_; }

 private:
  // ListFamilies and WatchSeries, which may be about all namespaces.
  template <typename OfAll>
  static bool HeadIsSound(const OfAll& head) {
    for (const std::uint8_t byte : head.reserved) {
      if (byte != 0) return false;
    }
    return head.all <= 1 && (head.all == 0 || head.namespace_bytes == 0);
  }
  static bool HeadIsSound(const LaneResetNamespace& head) {
    return head.reserved == 0 && head.reserved_too == 0;
  }
  static bool HeadIsSound(const LaneReadSeries& head) {
    return head.reserved == 0 && head.reserved_too == 0;
  }

  Head head_{};
  std::string_view namespace_;
};
using LaneResetNamespaceView = LaneNamespaceView<LaneResetNamespace>;
using LaneListFamiliesView = LaneNamespaceView<LaneListFamilies>;
using LaneReadSeriesView = LaneNamespaceView<LaneReadSeries>;
using LaneWatchSeriesView = LaneNamespaceView<LaneWatchSeries>;

// --- Writing

// A family as it is sent. Views; they outlive the writing only.
struct LaneFamilyShape {
  std::string_view name;
  std::string_view help;
  std::string_view unit;
  std::span<const std::string_view> labels;
  std::span<const double> bounds;
  LaneFamilyType type = LaneFamilyType::kCounter;
  LaneCells cells = LaneCells::kDouble;
  LaneFold fold = LaneFold::kNone;
  bool live_only = false;
  std::uint32_t most_series = 0;
  std::uint32_t ttl_seconds = 0;
};

// Writes a family, with `series` that follow or that there are. False, with nothing
// written, if it does not fit.
inline bool LanePutFamily(LaneBody& body, const LaneFamilyShape& shape, std::uint32_t series) {
  constexpr std::size_t kLongest = UINT16_MAX;
  if (shape.name.size() > kLongest || shape.help.size() > kLongest ||
      shape.unit.size() > kLongest || shape.labels.size() > kLongest ||
      shape.bounds.size() > kLongest) {
    return false;
  }
  const std::size_t begin = body.size();
  body.Put(LaneFamily{.series = series,
                      .most_series = shape.most_series,
                      .ttl_seconds = shape.ttl_seconds,
                      .name_bytes = static_cast<std::uint16_t>(shape.name.size()),
                      .help_bytes = static_cast<std::uint16_t>(shape.help.size()),
                      .unit_bytes = static_cast<std::uint16_t>(shape.unit.size()),
                      .labels = static_cast<std::uint16_t>(shape.labels.size()),
                      .bounds = static_cast<std::uint16_t>(shape.bounds.size()),
                      .type = static_cast<std::uint8_t>(shape.type),
                      .cells = static_cast<std::uint8_t>(shape.cells),
                      .fold = static_cast<std::uint8_t>(shape.fold),
                      .live_only = static_cast<std::uint8_t>(shape.live_only),
                      .reserved = 0,
                      .reserved_too = 0});
  body.PutText(shape.name).PutText(shape.help).PutText(shape.unit).PutTexts(shape.labels).PutPad();
  for (const double bound : shape.bounds) body.Put(bound);
  if (body.ok()) return true;
  body.Rewind(begin);
  return false;
}

// The body of an OpenSeries, put together until it is full:
//
//   Family   Series Series Series   Family   Series   ...
//
// Each returns false, with nothing written, if there is no room for it: the request is
// to be sent first. One that does not fit into an empty body is too large for the lane.
class LaneOpenSeriesBody {
 public:
  // `memory` outlives this; what fits into one message of it is used.
  explicit LaneOpenSeriesBody(std::span<std::byte> memory)
      : body_({memory.data(), memory.size() < kMost ? memory.size() : kMost}) {}

  // Begins anew. `slot` asks for a number in place of the writer's label; `group` is who else
  // may write to the namespace.
  bool Begin(std::string_view name_space, std::string_view writer = {}, bool slot = false,
             std::optional<std::uint32_t> group = std::nullopt) {
    if (name_space.size() > UINT16_MAX || writer.size() > UINT16_MAX) return false;
    series_ = 0;
    family_.series = 0;
    head_ = {.families = 0,
             .namespace_bytes = static_cast<std::uint16_t>(name_space.size()),
             .writer_bytes = static_cast<std::uint16_t>(writer.size()),
             .slot = static_cast<std::uint8_t>(slot),
             .has_group = static_cast<std::uint8_t>(group.has_value()),
             .reserved = 0,
             .group = group.value_or(0)};
    body_.Rewind(0);
    body_.Put(head_).PutText(name_space).PutText(writer).PutPad();
    return body_.ok();
  }
  // The family of the series that follow. REQUIRES: Begin returned true.
  bool Family(const LaneFamilyShape& shape) {
    const std::size_t at = body_.size();
    if (!LanePutFamily(body_, shape, 0)) return false;
    family_at_ = at;
    family_ = LaneLoad<LaneFamily>(body_.bytes(), at);
    ++head_.families;
    body_.Patch(0, head_);
    return true;
  }
  // A series of the family. REQUIRES: one value for each of the family's labels.
  bool Series(std::span<const std::string_view> values) {
    assert(head_.families > 0 && values.size() == family_.labels);
    const std::size_t begin = body_.size();
    if (series_ == kLaneMostSeries) return false;
    if (values.empty()) {
      body_.Put(std::uint64_t{0});
    } else {
      body_.PutTexts(values).PutPad();
    }
    if (!body_.ok()) {
      body_.Rewind(begin);
      return false;
    }
    ++series_;
    ++family_.series;
    body_.Patch(family_at_, family_);
    return true;
  }

  // How many series were written.
  [[nodiscard]] std::uint32_t series() const { return series_; }
  // For LaneRequestWriter::OpenSeries.
  [[nodiscard]] LaneBytes body() const { return body_.bytes(); }

 private:
  static constexpr std::size_t kMost = kLaneMessageBytes - sizeof(LaneRequestHeader);

  LaneBody body_;
  LaneOpenSeries head_{};
  std::size_t family_at_ = 0;
  LaneFamily family_{};
  std::uint32_t series_ = 0;
};

// A RemoveSeries. Views; they outlive the writing only.
struct LaneRemoveSeriesRequest {
  std::string_view name_space;
  std::string_view family;
  // One for each of the family's labels; ignored if `all`.
  std::span<const std::string_view> values;
  LaneRemoval removal = LaneRemoval::kRemove;
  bool all = false;
};

}  // namespace percpud::abi::v1

#endif  // PERCPUD_PROTO_ABI_V1_LANE_METRICS_REQUESTS_H_
