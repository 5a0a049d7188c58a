// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/metrics_handlers.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/base/pace.h"
#include "server/base/status_macros.h"
#include "server/metrics/rules.h"
#include "server/service/convert_metrics.h"
#include "server/service/paging.h"

namespace percpud::handlers {
namespace {

// Changes of one message of WatchSeries.
constexpr std::size_t kMostChanges = 512;
// No revision that there is: everything is to be listed anew.
constexpr std::uint64_t kFromNowOn = std::numeric_limits<std::uint64_t>::max();

// nullopt: all namespaces.
template <typename Request>
std::optional<absl::string_view> NamespaceOf(const Request& request) {
  if (request.namespace_().empty()) return std::nullopt;
  return request.namespace_();
}

}  // namespace

absl::Status OpenSeries(MetricsContext& context, const Caller& caller,
                        const v1::OpenSeriesRequest& request, v1::OpenSeriesResponse& response) {
  std::vector<std::string> values;
  ASSIGN_OR_RETURN(const OpeningWanted wanted, FromProto(request, values));
  ASSIGN_OR_RETURN(const Opening opening,
                   *context.calls.OpenSeries(caller, Pace::kMaySleep, wanted));
  response.set_generation(opening.generation);
  response.set_writer_id(opening.writer.value());
  if (opening.slot != metrics::kNoSlot) response.set_slot(opening.slot);
  for (const OpenedSeries& series : opening.series) *response.add_series() = ToProto(series);
  return absl::OkStatus();
}

absl::Status ListFamilies(MetricsContext& context, const Caller& caller,
                          const v1::ListFamiliesRequest& request,
                          v1::ListFamiliesResponse& response) {
  ASSIGN_OR_RETURN(const Page page,
                   ParsePage("families", request.page_size(), request.page_token()));
  ASSIGN_OR_RETURN(
      const Metrics::Page listed,
      context.calls.ListFamilies(caller, NamespaceOf(request), FamilyId(page.first),
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

absl::Status CloseWriter(MetricsContext& context, const Caller& caller,
                         const v1::CloseWriterRequest& request, v1::CloseWriterResponse& response) {
  ASSIGN_OR_RETURN(const std::uint64_t series,
                   context.calls.CloseWriter(caller, WriterId(request.writer_id())));
  response.set_series(series);
  return absl::OkStatus();
}

absl::Status CheckWatch(const MetricsContext& context, const Caller& caller,
                        const v1::WatchSeriesRequest& request) {
  const std::optional<absl::string_view> name_space = NamespaceOf(request);
  if (name_space) RETURN_IF_ERROR(metrics::CheckNamespace(*name_space));
  return context.calls.CheckWatch(caller, name_space);
}

bool WatchSeries(const MetricsContext& context, const Caller& caller,
                 v1::WatchSeriesRequest& request, v1::WatchSeriesResponse& response) {
  const std::uint64_t after = request.revision() == 0 ? kFromNowOn : request.revision();
  const metrics::ChangeLog::Slice slice =
      context.calls.ReadChanges(caller, NamespaceOf(request), after, kMostChanges);
  request.set_revision(slice.revision);
  for (const metrics::Change& change : slice.changes) {
    v1::SeriesChange& out = *response.add_changes();
    out.set_namespace_id(change.name_space.value());
    out.set_family_id(change.family.value());
    out.set_series_id(change.series.value());
    out.set_gone(change.gone);
  }
  response.set_revision(slice.revision);
  response.set_resync(slice.resync);
  response.set_more(slice.more);
  return slice.resync || slice.more || !slice.changes.empty();
}

}  // namespace percpud::handlers
