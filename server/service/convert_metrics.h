// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Messages of MetricsService from and to what session and metrics have.

#ifndef PERCPUD_SERVER_SERVICE_CONVERT_METRICS_H_
#define PERCPUD_SERVER_SERVICE_CONVERT_METRICS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "percpud/v1/metrics.pb.h"
#include "server/metrics/metric_tables.h"
#include "server/session/series/requests.h"

namespace percpud {

// `values` keeps what the opening's views are of; both outlive its use, as the request
// does. Errors: BatchOverLimit, TextOverLimit, UnknownEnum, FieldOutOfRange.
absl::StatusOr<OpeningWanted> FromProto(const v1::OpenSeriesRequest& request,
                                        std::vector<std::string>& values);

// Label values, each behind its length. Errors: TextOverLimit.
absl::StatusOr<std::string> Encode(const std::string& family, const v1::LabelValues& series);
// Errors: UnknownEnum.
absl::StatusOr<Removal> FromProto(v1::SeriesRemoval removal);

v1::OpenedSeries ToProto(const OpenedSeries& series);
v1::Family ToProto(const metrics::Namespace& name_space, const metrics::Family& family);
google::protobuf::Timestamp TimestampOf(std::uint64_t unix_ns);
// A client says the seconds: hours of the calendar that there are none of become the nearest.
google::protobuf::Timestamp TimestampOfSeconds(double unix_seconds);

}  // namespace percpud

#endif  // PERCPUD_SERVER_SERVICE_CONVERT_METRICS_H_
