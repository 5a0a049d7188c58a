// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/metrics_handlers.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/base/errors.h"
#include "server/base/limits.h"
#include "server/base/pace.h"
#include "server/base/status_macros.h"
#include "server/metrics/rules.h"
#include "server/service/convert_metrics.h"
#include "server/service/paging.h"
#include "server/session/series/sums.h"

namespace percpud::handlers {
namespace {

constexpr absl::string_view kSeriesList = "series";
// Cells of one page: an answer stays well below the largest message.
constexpr std::size_t kMostCells = 65536;

// A series of a page, copied: its cells are summed when the books' lock is free again.
struct Read {
  metrics::Shape shape;
  FamilyId family;
  SeriesId series;
  PercpuPtr cells;
  std::uint64_t created_ns = 0;
  bool overflow = false;
  bool hidden = false;
  std::string values;
  std::vector<metrics::CountSum> baseline;
};

Read Copy(const metrics::Family& family, const metrics::Series& series) {
  Read out{.shape = family.shape,
           .family = family.id,
           .series = series.id,
           .cells = series.cells,
           .created_ns = series.created_ns,
           .overflow = series.overflow,
           .hidden = series.hidden,
           .values = series.values,
           .baseline = {}};
  if (series.baseline != nullptr) out.baseline = *series.baseline;
  return out;
}

// Where a page of series begins, as its token says: "family/series".
absl::StatusOr<SeriesFrom> FromToken(const NamePage& page) {
  if (page.after.empty()) return SeriesFrom{};
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(page.after, absl::MaxSplits('/', 1));
  std::uint64_t family = 0;
  std::uint64_t series = 0;
  if (!absl::SimpleAtoi(parts.first, &family) || !absl::SimpleAtoi(parts.second, &series)) {
    return errors::BadPageToken(page.after);
  }
  return SeriesFrom{.family = FamilyId(family), .series = SeriesId(series)};
}

bool HasMoved(const std::vector<metrics::CountSum>& sums) {
  for (const metrics::CountSum& cell : sums) {
    if (cell.count != 0 || cell.sum != 0) return true;
  }
  return false;
}

// Sums a series and adds it to the answer. One whose cells have gone meanwhile, or that
// is hidden and has not moved, is not there.
void AddSeries(const Allocator& allocator, const Read& read, v1::ReadSeriesResponse& response) {
  absl::StatusOr<std::vector<metrics::CountSum>> sums = SumCells(allocator, read.shape, read.cells);
  if (!sums.ok()) return;
  SubtractBaseline(read.baseline, *sums);
  if (read.hidden && !HasMoved(*sums)) return;
  v1::Series& out = *response.add_series();
  out.set_series_id(read.series.value());
  out.set_family_id(read.family.value());
  out.set_family(read.shape.name);
  for (std::string& value : metrics::DecodeValues(read.values)) {
    out.add_label_values(std::move(value));
  }
  out.set_pointer(read.cells.value());
  for (const metrics::CountSum& cell : *sums) {
    v1::CellSum& sum = *out.add_cells();
    sum.set_count(cell.count);
    sum.set_sum(cell.sum);
  }
  *out.mutable_create_time() = TimestampOf(read.created_ns);
  out.set_overflow(read.overflow);
}

}  // namespace

absl::Status OpenSeries(MetricsContext& context, const Caller& caller,
                        const v1::OpenSeriesRequest& request, v1::OpenSeriesResponse& response) {
  std::vector<std::string> values;
  ASSIGN_OR_RETURN(const OpeningWanted wanted, FromProto(request, values));
  ASSIGN_OR_RETURN(const Opening opening,
                   *context.calls.OpenSeries(caller, Pace::kMaySleep, wanted));
  response.set_generation(opening.generation);
  for (const OpenedSeries& series : opening.series) *response.add_series() = ToProto(series);
  return absl::OkStatus();
}

absl::Status ListFamilies(MetricsContext& context, const Caller& caller,
                          const v1::ListFamiliesRequest& request,
                          v1::ListFamiliesResponse& response) {
  ASSIGN_OR_RETURN(const Page page,
                   ParsePage("families", request.page_size(), request.page_token()));
  std::optional<absl::string_view> name_space;
  if (!request.namespace_().empty()) name_space = request.namespace_();
  ASSIGN_OR_RETURN(
      const Metrics::Page listed,
      context.calls.ListFamilies(caller, name_space, FamilyId(page.first),
                                 [&](const metrics::Namespace& of, const metrics::Family& family) {
                                   if (response.families_size() == static_cast<int>(page.size))
                                     return false;
                                   *response.add_families() = ToProto(of, family);
                                   return true;
                                 }));
  response.set_revision(listed.revision);
  if (listed.next) {
    response.set_next_page_token(PageToken("families", listed.next->family.value()));
  }
  return absl::OkStatus();
}

absl::Status ReadSeries(MetricsContext& context, const Caller& caller,
                        const v1::ReadSeriesRequest& request, v1::ReadSeriesResponse& response) {
  ASSIGN_OR_RETURN(const NamePage page,
                   ParseNamePage(kSeriesList, request.page_size(), request.page_token()));
  ASSIGN_OR_RETURN(const SeriesFrom from, FromToken(page));
  std::vector<Read> copied;
  std::size_t cells = 0;
  const auto on_series = [&](const metrics::Family& family, const metrics::Series& series) {
    if (!metrics::HasArea(family.shape.cells)) return true;
    cells += metrics::CellCount(family.shape);
    if (copied.size() == page.size || (cells > kMostCells && !copied.empty())) return false;
    copied.push_back(Copy(family, series));
    return true;
  };
  ASSIGN_OR_RETURN(
      const Metrics::Page read,
      context.calls.ReadSeries(
          caller,
          {.name_space = request.namespace_(), .prefix = request.family_prefix(), .from = from},
          on_series,
          [](WriterId, const metrics::SeriesWriter&, absl::string_view) { return true; }));
  for (const Read& series : copied) AddSeries(context.allocator, series, response);
  response.set_generation(read.generation);
  response.set_revision(read.revision);
  if (read.next) {
    response.set_next_page_token(NamePageToken(
        kSeriesList, absl::StrCat(read.next->family.value(), "/", read.next->series.value())));
  }
  return absl::OkStatus();
}

absl::Status RemoveSeries(MetricsContext& context, const Caller& caller,
                          const v1::RemoveSeriesRequest& request,
                          v1::RemoveSeriesResponse& response) {
  RemovalWanted wanted{.family = request.family(), .values = {}};
  ASSIGN_OR_RETURN(wanted.removal, FromProto(request.removal()));
  std::string values;
  if (request.has_series()) {
    ASSIGN_OR_RETURN(values, Encode(request.family(), request.series()));
    wanted.values = values;
  }
  ASSIGN_OR_RETURN(const std::uint64_t series,
                   context.calls.RemoveSeries(caller, request.namespace_(), wanted));
  response.set_series(series);
  return absl::OkStatus();
}

absl::Status ResetNamespace(MetricsContext& context, const Caller& caller,
                            const v1::ResetNamespaceRequest& request,
                            v1::ResetNamespaceResponse& response) {
  ASSIGN_OR_RETURN(
      const NamespaceReset reset,
      context.calls.ResetNamespace(caller, request.namespace_(), request.if_generation()));
  response.set_generation(reset.generation);
  response.set_series(reset.series);
  return absl::OkStatus();
}

}  // namespace percpud::handlers
