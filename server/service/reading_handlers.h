// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What ReadingService's methods do, on the work lane: find the name, read, write the answer.
// Thread safe.

#ifndef PERCPUD_SERVER_SERVICE_READING_HANDLERS_H_
#define PERCPUD_SERVER_SERVICE_READING_HANDLERS_H_

#include "absl/status/status.h"
#include "percpud/v1/reading.pb.h"
#include "server/service/metrics_handlers.h"
#include "server/session/access/caller.h"

namespace percpud::handlers {

absl::Status ReadFamily(MetricsContext& context, const Caller& caller,
                        const v1::ReadFamilyRequest& request, v1::ReadFamilyResponse& response);
absl::Status ReadVariables(MetricsContext& context, const Caller& caller,
                           const v1::ReadVariablesRequest& request,
                           v1::ReadVariablesResponse& response);

}  // namespace percpud::handlers

#endif  // PERCPUD_SERVER_SERVICE_READING_HANDLERS_H_
