// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/metrics_service.h"

#include "absl/time/time.h"
#include "server/base/status_macros.h"
#include "server/metrics/rules.h"

namespace percpud {
namespace {

// How soon a watcher hears of a change.
constexpr absl::Duration kLookEvery = absl::Milliseconds(100);

// Errors: BadNamespace.
absl::StatusOr<absl::Duration> IntervalOf(const v1::WatchSeriesRequest& request) {
  if (!request.namespace_().empty()) RETURN_IF_ERROR(metrics::CheckNamespace(request.namespace_()));
  return kLookEvery;
}

}  // namespace

MetricsService::MetricsService(const MetricsContext& context, const Callers& callers,
                               StreamGate& gate, HotLane& lane, grpc::ServerBuilder& builder)
    : context_(context),
      methods_(lane, callers, context_),
      watch_{.lane = lane,
             .callers = callers,
             .gate = gate,
             .service = service_,
             .rpc = Rpc::kWatchSeries,
             .receive = &Service::RequestWatchSeries,
             .interval = IntervalOf,
             .fill =
                 [this](v1::WatchSeriesRequest& request, absl::Duration /*since_start*/,
                        v1::WatchSeriesResponse& response) {
                   return handlers::WatchSeries(context_, request, response);
                 },
             .says_goodbye = [](const v1::WatchSeriesRequest& /*request*/) { return false; },
             .has_more = [](const v1::WatchSeriesResponse& response) { return response.more(); }} {
  builder.RegisterService(&service_);
  AddMethods();
}

void MetricsService::AddMethods() {
  const auto serve = [this](Rpc rpc, auto receive, auto handler) {
    methods_.Add(service_, rpc, receive, handler);
  };
  serve(Rpc::kOpenSeries, &Service::RequestOpenSeries, handlers::OpenSeries);
  serve(Rpc::kListFamilies, &Service::RequestListFamilies, handlers::ListFamilies);
  serve(Rpc::kReadSeries, &Service::RequestReadSeries, handlers::ReadSeries);
  serve(Rpc::kRemoveSeries, &Service::RequestRemoveSeries, handlers::RemoveSeries);
  serve(Rpc::kResetNamespace, &Service::RequestResetNamespace, handlers::ResetNamespace);
  serve(Rpc::kCloseWriter, &Service::RequestCloseWriter, handlers::CloseWriter);
  serve(Rpc::kIntrospect, &Service::RequestListWorkers, handlers::ListWorkers);
  serve(Rpc::kIntrospect, &Service::RequestGetCallStats, handlers::GetCallStats);
}

void MetricsService::Start() {
  methods_.Start();
  WatchStream::Post(watch_);
}

}  // namespace percpud
