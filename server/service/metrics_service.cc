// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/metrics_service.h"

#include "absl/time/time.h"
#include "server/base/status_macros.h"

namespace percpud {
namespace {

// How soon a watcher hears of a change.
constexpr absl::Duration kLookEvery = absl::Milliseconds(100);

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
             .interval = [this](const Caller& caller, const v1::WatchSeriesRequest& request)
                 -> absl::StatusOr<absl::Duration> {
               RETURN_IF_ERROR(handlers::CheckWatch(context_, caller, request));
               return kLookEvery;
             },
             .fill =
                 [this](const Caller& caller, v1::WatchSeriesRequest& request,
                        absl::Duration /*since_start*/, v1::WatchSeriesResponse& response) {
                   return handlers::WatchSeries(context_, caller, request, response);
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
