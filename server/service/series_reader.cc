// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// MetricsService.ReadSeries: a page is copied under the books' lock, and summed without it.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/base/errors.h"
#include "server/base/status_macros.h"
#include "server/cells/fold.h"
#include "server/metrics/rules.h"
#include "server/service/convert_metrics.h"
#include "server/service/metrics_handlers.h"
#include "server/service/paging.h"
#include "server/session/series/sums.h"

namespace percpud::handlers {
namespace {

constexpr absl::string_view kSeriesList = "series";
// Cells and writers of one page: an answer stays well below the largest message.
constexpr std::size_t kMostCells = 65536;
constexpr std::size_t kMostWriters = 8192;

// A series of a page, copied: its cells are summed when the books' lock is free again.
struct Copied {
  metrics::Shape shape;
  FamilyId family;
  SeriesId series;
  PercpuPtr cells;
  std::uint64_t created_ns = 0;
  bool overflow = false;
  bool hidden = false;
  std::string values;
  std::vector<metrics::CountSum> baseline;
  struct Writer {
    WriterId id;
    std::string label;
    bool live = false;
    metrics::WriterCell cell{};
  };
  std::vector<Writer> writers;
};

Copied CopyOf(const metrics::Family& family, const metrics::Series& series) {
  Copied out{.shape = family.shape,
             .family = family.id,
             .series = series.id,
             .cells = series.cells,
             .created_ns = series.created_ns,
             .overflow = series.overflow,
             .hidden = series.hidden,
             .values = series.values,
             .baseline = {},
             .writers = {}};
  if (series.baseline != nullptr) out.baseline = *series.baseline;
  return out;
}

// Where a page of series begins, as its token says: "family/series", and "/writer" if it
// begins among the series' writers.
absl::StatusOr<SeriesFrom> FromToken(const NamePage& page) {
  if (page.after.empty()) return SeriesFrom{};
  const std::vector<absl::string_view> parts = absl::StrSplit(page.after, '/');
  std::array<std::uint64_t, 3> numbers{};
  bool is_sound = parts.size() == 2 || parts.size() == numbers.size();
  for (std::size_t i = 0; is_sound && i < parts.size(); ++i) {
    is_sound = absl::SimpleAtoi(parts[i], &numbers[i]);
  }
  if (!is_sound) return errors::BadPageToken(page.after);
  return SeriesFrom{.family = FamilyId(numbers[0]),
                    .series = SeriesId(numbers[1]),
                    .writer = WriterId(numbers[2])};
}

// Whether the page begins in the one family that is wanted, or just behind it.
bool IsOf(const Metrics::SeriesWanted& wanted) {
  const SeriesFrom& from = wanted.from;
  if (wanted.family == FamilyId(0) || from.family == wanted.family) return true;
  return from.family == FamilyId(wanted.family.value() + 1) && from.series == SeriesId(0);
}

std::string TokenOf(const SeriesFrom& from) {
  std::string out = absl::StrCat(from.family.value(), "/", from.series.value());
  if (from.writer != WriterId(0)) absl::StrAppend(&out, "/", from.writer.value());
  return out;
}

// One page, put together.
class PageOfSeries {
 public:
  PageOfSeries(const Calls& calls, const Caller& caller, const Metrics::SeriesWanted& wanted,
               std::uint32_t size)
      : calls_(calls), caller_(caller), wanted_(wanted), size_(size) {}

  // Copies the page, and reads what live writers have set. Errors: Calls::ReadSeries's.
  absl::StatusOr<Metrics::Page> Read() {
    // A writer that ends meanwhile is one of the dead at the next try.
    constexpr int kTries = 3;
    for (int tries = kTries;; --tries) {
      ASSIGN_OR_RETURN(const Metrics::Page page, Copy());
      const bool are_live = calls_.ReadLive(
          live_, [this](std::size_t i, const auto& cell) { WriterAt(places_[i]).cell = cell; });
      if (are_live) return page;
      if (tries > 1) continue;
      // Which cells are of another by now is not known, so none is told.
      for (const Place& place : places_) WriterAt(place).cell = cells::kUnset;
      return page;
    }
  }
  [[nodiscard]] const std::vector<Copied>& series() const { return series_; }

 private:
  struct Place {
    std::size_t series;
    std::size_t writer;
  };

  Copied::Writer& WriterAt(const Place& place) {
    return series_[place.series].writers[place.writer];
  }

  absl::StatusOr<Metrics::Page> Copy() {
    series_.clear();
    live_.clear();
    places_.clear();
    cells_ = writers_ = 0;
    return calls_.ReadSeries(
        caller_, wanted_,
        [this](const metrics::Family& family, const metrics::Series& series) {
          return Take(family, series);
        },
        [this](WriterId id, const metrics::SeriesWriter& writer, absl::string_view label) {
          return Take(id, writer, label);
        });
  }
  bool Take(const metrics::Family& family, const metrics::Series& series) {
    cells_ += metrics::HasArea(family.shape.cells) ? metrics::CellCount(family.shape) : 1;
    if (series_.size() == size_ || (cells_ > kMostCells && !series_.empty())) return false;
    series_.push_back(CopyOf(family, series));
    return true;
  }
  bool Take(WriterId id, const metrics::SeriesWriter& writer, absl::string_view label) {
    if (writers_ == kMostWriters) return false;
    ++writers_;
    Copied& of = series_.back();
    if (writer.IsLive()) {
      live_.push_back({.writer = id, .series = of.series, .place = writer.place});
      places_.push_back({.series = series_.size() - 1, .writer = of.writers.size()});
    }
    of.writers.push_back(
        {.id = id, .label = std::string(label), .live = writer.IsLive(), .cell = writer.left});
    return true;
  }

  const Calls& calls_;
  const Caller& caller_;
  const Metrics::SeriesWanted& wanted_;
  const std::uint32_t size_;
  std::vector<Copied> series_;
  std::vector<Metrics::LiveCell> live_;
  std::vector<Place> places_;
  std::size_t cells_ = 0;
  std::size_t writers_ = 0;
};

bool HasMoved(const std::vector<metrics::CountSum>& sums) {
  return std::any_of(sums.begin(), sums.end(), [](const metrics::CountSum& cell) {
    return cell.count != 0 || cell.sum != 0;
  });
}

bool IsSet(const Copied& copied) {
  return std::any_of(copied.writers.begin(), copied.writers.end(),
                     [](const Copied::Writer& writer) { return cells::IsSet(writer.cell); });
}

v1::Series& AddHead(const Copied& copied, v1::ReadSeriesResponse& response) {
  v1::Series& out = *response.add_series();
  out.set_series_id(copied.series.value());
  out.set_family_id(copied.family.value());
  out.set_family(copied.shape.name);
  for (std::string& value : metrics::DecodeValues(copied.values)) {
    out.add_label_values(std::move(value));
  }
  out.set_pointer(copied.cells.value());
  *out.mutable_create_time() = TimestampOf(copied.created_ns);
  out.set_overflow(copied.overflow);
  return out;
}

void AddWriters(const Copied& copied, v1::ReadSeriesResponse& response) {
  if (copied.hidden && !IsSet(copied)) return;
  v1::Series& out = AddHead(copied, response);
  for (const Copied::Writer& writer : copied.writers) {
    v1::SeriesWriter& one = *out.add_writers();
    one.set_writer_id(writer.id.value());
    one.set_label(writer.label);
    one.set_live(writer.live);
    if (!cells::IsSet(writer.cell)) continue;
    one.set_value(writer.cell.value);
    *one.mutable_set_time() = TimestampOfSeconds(writer.cell.timestamp);
  }
}

// Sums a series and adds it to the answer. One whose cells have gone meanwhile, or that is
// hidden and has not moved, is not there.
void AddSums(const Allocator& allocator, const Copied& copied, v1::ReadSeriesResponse& response) {
  absl::StatusOr<std::vector<metrics::CountSum>> sums =
      SumCells(allocator, copied.shape, copied.cells);
  if (!sums.ok()) return;
  SubtractBaseline(copied.baseline, *sums);
  if (copied.hidden && !HasMoved(*sums)) return;
  v1::Series& out = AddHead(copied, response);
  for (const metrics::CountSum& cell : *sums) {
    v1::CellSum& sum = *out.add_cells();
    sum.set_count(cell.count);
    sum.set_sum(cell.sum);
  }
}

}  // namespace

absl::Status ReadSeriesPage(const MetricsContext& context, const Caller& caller,
                            Metrics::SeriesWanted wanted, std::int32_t page_size,
                            const std::string& page_token, v1::ReadSeriesResponse& response) {
  ASSIGN_OR_RETURN(const NamePage page, ParseNamePage(kSeriesList, page_size, page_token));
  ASSIGN_OR_RETURN(wanted.from, FromToken(page));
  if (!page.after.empty() && !IsOf(wanted)) return errors::BadPageToken(page_token);
  PageOfSeries copied(context.calls, caller, wanted, page.size);
  ASSIGN_OR_RETURN(const Metrics::Page read, copied.Read());
  for (const Copied& series : copied.series()) {
    if (metrics::HasArea(series.shape.cells)) {
      AddSums(context.allocator, series, response);
    } else {
      AddWriters(series, response);
    }
  }
  response.set_generation(read.generation);
  response.set_revision(read.revision);
  if (!read.next) return absl::OkStatus();
  response.set_next_page_token(NamePageToken(kSeriesList, TokenOf(*read.next)));
  const bool is_cut = read.next->writer != WriterId(0) && response.series_size() > 0;
  if (is_cut) response.mutable_series()->rbegin()->set_more_writers(true);
  return absl::OkStatus();
}

absl::Status ReadSeries(MetricsContext& context, const Caller& caller,
                        const v1::ReadSeriesRequest& request, v1::ReadSeriesResponse& response) {
  return ReadSeriesPage(context, caller,
                        {.name_space = request.namespace_(), .prefix = request.family_prefix()},
                        request.page_size(), request.page_token(), response);
}

}  // namespace percpud::handlers
