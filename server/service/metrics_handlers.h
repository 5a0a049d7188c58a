// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What MetricsService's methods do, on the work lane: check the request, act or look,
// write the answer. Thread safe.

#ifndef PERCPUD_SERVER_SERVICE_METRICS_HANDLERS_H_
#define PERCPUD_SERVER_SERVICE_METRICS_HANDLERS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "percpud/v1/metrics.pb.h"
#include "server/base/clock.h"
#include "server/percpu/allocator/allocator.h"
#include "server/session/access/caller.h"
#include "server/session/calls.h"
#include "server/session/sessions.h"

namespace percpud {

// What every handler works on.
struct MetricsContext {
  const Allocator& allocator;
  // What calls of the side door's lane share.
  const Calls& calls;
  const Sessions& sessions;
  // When the daemon started.
  BootTime started = NowSinceBoot();
};

namespace handlers {

absl::Status OpenSeries(MetricsContext& context, const Caller& caller,
                        const v1::OpenSeriesRequest& request, v1::OpenSeriesResponse& response);
absl::Status ListFamilies(MetricsContext& context, const Caller& caller,
                          const v1::ListFamiliesRequest& request,
                          v1::ListFamiliesResponse& response);
absl::Status ReadSeries(MetricsContext& context, const Caller& caller,
                        const v1::ReadSeriesRequest& request, v1::ReadSeriesResponse& response);
// A page of those that are wanted, wherever it begins. Errors: BadPageToken, FieldOutOfRange, and
// Calls::ReadSeries's; BadPageToken, too, if one family is wanted and the page begins in another,
// which had the family's name before.
absl::Status ReadSeriesPage(const MetricsContext& context, const Caller& caller,
                            Metrics::SeriesWanted wanted, std::int32_t page_size,
                            const std::string& page_token, v1::ReadSeriesResponse& response);

absl::Status RemoveSeries(MetricsContext& context, const Caller& caller,
                          const v1::RemoveSeriesRequest& request,
                          v1::RemoveSeriesResponse& response);
absl::Status ResetNamespace(MetricsContext& context, const Caller& caller,
                            const v1::ResetNamespaceRequest& request,
                            v1::ResetNamespaceResponse& response);
absl::Status CloseWriter(MetricsContext& context, const Caller& caller,
                         const v1::CloseWriterRequest& request, v1::CloseWriterResponse& response);

absl::Status ListWorkers(MetricsContext& context, const Caller& caller,
                         const v1::ListWorkersRequest& request, v1::ListWorkersResponse& response);
absl::Status GetCallStats(MetricsContext& context, const Caller& caller,
                          const v1::GetCallStatsRequest& request,
                          v1::GetCallStatsResponse& response);

// Whether the caller may have the stream. Errors: BadNamespace, NotExported.
absl::Status CheckWatch(const MetricsContext& context, const Caller& caller,
                        const v1::WatchSeriesRequest& request);
// The next message of a stream, for a caller that was admitted; notes in the request how far
// it has come. False if there is nothing to say.
bool WatchSeries(const MetricsContext& context, const Caller& caller,
                 v1::WatchSeriesRequest& request, v1::WatchSeriesResponse& response);

}  // namespace handlers
}  // namespace percpud

#endif  // PERCPUD_SERVER_SERVICE_METRICS_HANDLERS_H_
