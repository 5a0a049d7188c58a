// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The bodies of the lane's answers about metrics (lane_metrics.h), read and written.
// Everything read is a view into the message.

#ifndef PERCPUD_PROTO_ABI_V1_LANE_METRICS_ANSWERS_H_
#define PERCPUD_PROTO_ABI_V1_LANE_METRICS_ANSWERS_H_

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "proto/percpud/abi/v1/lane_body.h"
#include "proto/percpud/abi/v1/lane_metrics.h"
#include "proto/percpud/abi/v1/lane_metrics_pages.h"
#include "proto/percpud/abi/v1/lane_metrics_requests.h"

namespace percpud::abi::v1 {

// The words of one refused series.
struct LaneRefusalWords {
  // The catalogue's name of the refusal; empty if it has none.
  std::string_view reason;
  std::string_view text;
};

class LaneOpenedView {
 public:
  // Returns false if the body is malformed.
  bool Parse(LaneBytes body) {
    LaneScan scan(body);
    if (!scan.Take(head_) || head_.errors > kLaneMostErrors || head_.reserved != 0 ||
        head_.reserved_too != 0) {
      return false;
    }
    if (!scan.TakeArray<LaneOpenedSeries>(head_.series, series_)) return false;
    for (std::size_t i = 0; i < head_.errors; ++i) {
      LaneError error{};
      if (!scan.Take(error) || error.reserved != 0 ||
          !scan.TakeText(error.reason_bytes, errors_[i].reason) ||
          !scan.TakeText(error.text_bytes, errors_[i].text) || !scan.TakePad()) {
        return false;
      }
    }
    for (std::uint32_t i = 0; i < head_.series; ++i) {
      const std::uint16_t error = series(i).error;
      if (error != kLaneNoError && error >= head_.errors) return false;
    }
    return scan.done();
  }
  [[nodiscard]] const LaneOpened& head() const { return head_; }
  // REQUIRES: index < head().series.
  [[nodiscard]] LaneOpenedSeries series(std::uint32_t index) const {
    assert(index < head_.series);
    return LaneLoad<LaneOpenedSeries>(series_, index * sizeof(LaneOpenedSeries));
  }
  // Why a series was refused. REQUIRES: error < head().errors.
  [[nodiscard]] LaneRefusalWords error(std::uint16_t error) const {
    assert(error < head_.errors);
    return errors_[error];
  }

 private:
  LaneOpened head_{};
  LaneBytes series_;
  LaneRefusalWords errors_[kLaneMostErrors];
};

// ListFamilies' answer. After Parse its families are taken one after the other.
class LaneFamiliesView {
 public:
  struct Family {
    LaneListedFamily head{};
    std::string_view name_space;
    LaneFamilyView shape;
  };

  bool Parse(LaneBytes body) {
    LaneScan scan(body);
    if (!scan.Take(head_) || head_.reserved != 0) return false;
    scan_ = scan;
    Family family;
    for (std::uint32_t i = 0; i < head_.families; ++i) {
      if (!TakeFamily(scan, family)) return false;
    }
    return scan.done();
  }
  [[nodiscard]] const LaneFamilies& head() const { return head_; }
  // REQUIRES: fewer than head().families were taken.
  Family Next() {
    Family family;
    const bool taken = TakeFamily(scan_, family);
    assert(taken);
    static_cast<void>(taken);
    return family;
  }

 private:
  static bool TakeFamily(LaneScan& scan, Family& out) {
    return scan.Take(out.head) && out.head.reserved == 0 && out.head.reserved_too == 0 &&
           scan.TakeText(out.head.namespace_bytes, out.name_space) && scan.TakePad() &&
           out.shape.Take(scan);
  }

  LaneFamilies head_{};
  LaneScan scan_;
};

// ReadSeries' answer. After Parse its series are taken one after the other, and after
// each one its writers.
class LaneSeriesPageView {
 public:
  struct Series {
    LaneSeries head{};
    LaneTexts values;
    LaneBytes baseline;

    // What to subtract from a cell's sum. REQUIRES: cell is one of the series'.
    [[nodiscard]] CountSum base(std::size_t cell) const {
      if (baseline.empty()) return {};
      return LaneLoad<CountSum>(baseline, cell * sizeof(CountSum));
    }
  };
  struct Writer {
    LaneSeriesWriter head{};
    std::string_view label;
  };

  bool Parse(LaneBytes body) {
    LaneScan scan(body);
    if (!scan.Take(head_) || head_.more > 1) return false;
    scan_ = scan;
    Series series;
    Writer writer;
    for (std::uint32_t i = 0; i < head_.series; ++i) {
      if (!TakeSeries(scan, series)) return false;
      for (std::uint32_t left = series.head.writers; left > 0; --left) {
        if (!TakeWriter(scan, writer)) return false;
      }
    }
    return scan.done();
  }
  [[nodiscard]] const LaneSeriesPage& head() const { return head_; }
  // REQUIRES: fewer than head().series were taken, and all writers of the one before.
  Series NextSeries() {
    Series series;
    const bool taken = TakeSeries(scan_, series);
    assert(taken);
    static_cast<void>(taken);
    return series;
  }
  // The next writer of the series that was taken last. REQUIRES: fewer than head.writers were
  // taken.
  Writer NextWriter() {
    Writer writer;
    const bool taken = TakeWriter(scan_, writer);
    assert(taken);
    static_cast<void>(taken);
    return writer;
  }

 private:
  static bool TakeSeries(LaneScan& scan, Series& out) {
    if (!scan.Take(out.head)) return false;
    for (const std::uint8_t byte : out.head.reserved) {
      if (byte != 0) return false;
    }
    return scan.TakeTexts(out.head.labels, out.values) && scan.TakePad() &&
           scan.TakeArray<CountSum>(out.head.baseline, out.baseline);
  }
  static bool TakeWriter(LaneScan& scan, Writer& out) {
    if (!scan.Take(out.head)) return false;
    for (const std::uint8_t byte : out.head.reserved) {
      if (byte != 0) return false;
    }
    return scan.TakeText(out.head.label_bytes, out.label) && scan.TakePad();
  }

  LaneSeriesPage head_{};
  LaneScan scan_;
};

// --- Writing

// The body of OpenSeries' answer: every series first, refused or not, then Finish.
class LaneOpenedBody {
 public:
  // `memory` outlives this, and has kLaneMessageBytes.
  explicit LaneOpenedBody(std::span<std::byte> memory) : body_(memory) { body_.Put(head_); }

  void Opened(const LaneOpenedSeries& series) {
    body_.Put(series);
    ++head_.series;
  }
  // The words are kept for the first kLaneMostErrors refusals, and again for one that is
  // like the last. They outlive Finish.
  void Refused(std::uint16_t code, LaneRefusalWords words) {
    assert(code != 0);
    const auto is_last = [&] {
      return head_.errors > 0 && errors_[head_.errors - 1].text == words.text;
    };
    if (!is_last() && head_.errors < kLaneMostErrors) errors_[head_.errors++] = words;
    const auto error = static_cast<std::uint16_t>(is_last() ? head_.errors - 1 : kLaneNoError);
    Opened({.family = 0,
            .series = 0,
            .pointer = 0,
            .created_ns = 0,
            .code = code,
            .error = error,
            .buckets = 0,
            .cells = 0,
            .flags = 0});
  }
  // The body as a whole. REQUIRES: kLaneMostSeries at most were written.
  LaneBytes Finish(std::uint64_t generation, std::uint64_t writer, std::uint32_t slot) {
    assert(head_.series <= kLaneMostSeries);
    head_.generation = generation;
    head_.writer = writer;
    head_.slot = slot;
    body_.Patch(0, head_);
    for (std::size_t i = 0; i < head_.errors; ++i) {
      const std::size_t reason = Least(errors_[i].reason.size(), kLaneReasonBytes);
      const std::size_t text = LaneCutText(errors_[i].text, kLaneTextBytes);
      body_
          .Put(LaneError{.reason_bytes = static_cast<std::uint16_t>(reason),
                         .text_bytes = static_cast<std::uint16_t>(text),
                         .reserved = 0})
          .PutText(errors_[i].reason.substr(0, reason))
          .PutText(errors_[i].text.substr(0, text))
          .PutPad();
    }
    assert(body_.ok());
    return body_.bytes();
  }

 private:
  static std::size_t Least(std::size_t a, std::size_t b) { return a < b ? a : b; }

  LaneBody body_;
  LaneOpened head_{};
  LaneRefusalWords errors_[kLaneMostErrors];
};

// The body of ListFamilies' answer.
class LaneFamiliesBody {
 public:
  // `memory` outlives this, and has kLanePageBytes; no more is used.
  explicit LaneFamiliesBody(std::span<std::byte> memory) : body_(memory.first(kLanePageBytes)) {
    body_.Put(head_);
  }

  // False, with nothing written, if the page is full: the next one begins with it.
  bool Family(LaneListedFamily family, std::string_view name_space, const LaneFamilyShape& shape,
              std::uint32_t series) {
    assert(name_space.size() <= UINT16_MAX);
    const std::size_t begin = body_.size();
    family.namespace_bytes = static_cast<std::uint16_t>(name_space.size());
    body_.Put(family).PutText(name_space).PutPad();
    if (!body_.ok() || !LanePutFamily(body_, shape, series)) {
      body_.Rewind(begin);
      return false;
    }
    ++head_.families;
    return true;
  }
  // `next` is where the next page begins; 0: there is none.
  LaneBytes Finish(std::uint64_t next, std::uint64_t revision) {
    head_.next = next;
    head_.revision = revision;
    body_.Patch(0, head_);
    return body_.bytes();
  }

 private:
  LaneBody body_;
  LaneFamilies head_{};
};

// The body of ReadSeries' answer.
class LaneSeriesPageBody {
 public:
  // `memory` outlives this, and has kLanePageBytes; no more is used.
  explicit LaneSeriesPageBody(std::span<std::byte> memory) : body_(memory.first(kLanePageBytes)) {
    body_.Put(head_);
  }

  // `values` are as LaneTexts::encoded has them, `series.labels` of them. False, with
  // nothing written, if the page is full.
  bool Series(const LaneSeries& series, std::string_view values,
              std::span<const CountSum> baseline) {
    const std::size_t begin = body_.size();
    series_ = series;
    series_.baseline = static_cast<std::uint16_t>(baseline.size());
    series_.writers = 0;
    body_.Put(series_).PutText(values).PutPad();
    for (const CountSum& cell : baseline) body_.Put(cell);
    if (!body_.ok()) {
      body_.Rewind(begin);
      return false;
    }
    series_at_ = begin;
    ++head_.series;
    return true;
  }
  // A writer of the series that was written last. `at`, if it is not null, is set to where
  // SetCell finds it.
  bool Writer(LaneSeriesWriter writer, std::string_view label, std::size_t* at = nullptr) {
    assert(head_.series > 0 && label.size() <= UINT16_MAX);
    const std::size_t begin = body_.size();
    writer.label_bytes = static_cast<std::uint16_t>(label.size());
    body_.Put(writer).PutText(label).PutPad();
    if (!body_.ok()) {
      body_.Rewind(begin);
      return false;
    }
    ++series_.writers;
    body_.Patch(series_at_, series_);
    if (at != nullptr) *at = begin;
    return true;
  }
  // Changes what a writer's cell holds. REQUIRES: Writer set `at`.
  void SetCell(std::size_t at, const WriterCell& cell) {
    auto writer = LaneLoad<LaneSeriesWriter>(body_.bytes(), at);
    writer.cell = cell;
    body_.Patch(at, writer);
  }
  // The last page.
  LaneBytes Finish(std::uint64_t generation, std::uint64_t revision) {
    return Finish(generation, revision, {}, 0);
  }
  // A page with another behind it.
  LaneBytes Finish(std::uint64_t generation, std::uint64_t revision, const LaneSeriesFrom& next) {
    return Finish(generation, revision, next, 1);
  }

 private:
  LaneBytes Finish(std::uint64_t generation, std::uint64_t revision, const LaneSeriesFrom& next,
                   std::uint32_t more) {
    head_.next = next;
    head_.generation = generation;
    head_.revision = revision;
    head_.more = more;
    body_.Patch(0, head_);
    return body_.bytes();
  }

  LaneBody body_;
  LaneSeriesPage head_{};
  std::size_t series_at_ = 0;
  LaneSeries series_{};
};

}  // namespace percpud::abi::v1

#endif  // PERCPUD_PROTO_ABI_V1_LANE_METRICS_ANSWERS_H_
