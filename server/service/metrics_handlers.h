// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What MetricsService's methods do, on the work lane: check the request, act or look,
// write the answer. Thread safe.

#ifndef PERCPUD_SERVER_SERVICE_METRICS_HANDLERS_H_
#define PERCPUD_SERVER_SERVICE_METRICS_HANDLERS_H_

#include "absl/status/status.h"
#include "percpud/v1/metrics.pb.h"
#include "server/percpu/allocator/allocator.h"
#include "server/session/access/caller.h"
#include "server/session/calls.h"

namespace percpud {

// What every handler works on.
struct MetricsContext {
  const Allocator& allocator;
  // What calls of the side door's lane share.
  const Calls& calls;
};

namespace handlers {

absl::Status OpenSeries(MetricsContext& context, const Caller& caller,
                        const v1::OpenSeriesRequest& request, v1::OpenSeriesResponse& response);
absl::Status ListFamilies(MetricsContext& context, const Caller& caller,
                          const v1::ListFamiliesRequest& request,
                          v1::ListFamiliesResponse& response);
absl::Status ReadSeries(MetricsContext& context, const Caller& caller,
                        const v1::ReadSeriesRequest& request, v1::ReadSeriesResponse& response);

absl::Status RemoveSeries(MetricsContext& context, const Caller& caller,
                          const v1::RemoveSeriesRequest& request,
                          v1::RemoveSeriesResponse& response);
absl::Status ResetNamespace(MetricsContext& context, const Caller& caller,
                            const v1::ResetNamespaceRequest& request,
                            v1::ResetNamespaceResponse& response);

}  // namespace handlers
}  // namespace percpud

#endif  // PERCPUD_SERVER_SERVICE_METRICS_HANDLERS_H_
