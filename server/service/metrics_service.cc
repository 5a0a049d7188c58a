// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/metrics_service.h"

namespace percpud {

MetricsService::MetricsService(const MetricsContext& context, const Callers& callers, HotLane& lane,
                               grpc::ServerBuilder& builder)
    : context_(context), methods_(lane, callers, context_) {
  using Service = v1::MetricsService::AsyncService;
  builder.RegisterService(&service_);
  const auto serve = [this](Rpc rpc, auto receive, auto handler) {
    methods_.Add(service_, rpc, receive, handler);
  };
  serve(Rpc::kOpenSeries, &Service::RequestOpenSeries, handlers::OpenSeries);
  serve(Rpc::kListFamilies, &Service::RequestListFamilies, handlers::ListFamilies);
  serve(Rpc::kReadSeries, &Service::RequestReadSeries, handlers::ReadSeries);
  serve(Rpc::kRemoveSeries, &Service::RequestRemoveSeries, handlers::RemoveSeries);
  serve(Rpc::kResetNamespace, &Service::RequestResetNamespace, handlers::ResetNamespace);
}

}  // namespace percpud
