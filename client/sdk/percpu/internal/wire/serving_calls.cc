// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What the calls about the daemon's use say on the wire: from a message to SDK types.

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "percpu/internal/wire/caller.h"
#include "percpu/internal/wire/convert.h"
#include "percpu/internal/wire/pages.h"
#include "percpu/serving_connection.h"
#include "percpud/v1/metrics.grpc.pb.h"
#include "server/base/status_macros.h"

namespace percpu {
namespace wire {
namespace {

// The most entries of a page.
constexpr int kPageSize = 1000;

class GrpcServingConnection final : public ServingConnection {
 public:
  GrpcServingConnection(Target target, const CallOptions& options)
      : caller_(std::move(target), options, nullptr, /*numbers=*/false) {}

  absl::StatusOr<std::vector<WorkerInfo>> ListWorkers() override {
    v1::ListWorkersRequest request;
    request.set_page_size(kPageSize);
    std::vector<WorkerInfo> out;
    RETURN_IF_ERROR(ForEachPage(
        request,
        [this](const v1::ListWorkersRequest& page) {
          return caller_.Call(&MetricsStub::AsyncListWorkers, page, Repeat::kSafe);
        },
        [&out](const v1::ListWorkersResponse& page) {
          for (const v1::Worker& from : page.workers()) {
            WorkerInfo& worker = out.emplace_back();
            if (from.has_pid()) worker.pid = from.pid();
            worker.namespaces = {from.namespaces().begin(), from.namespaces().end()};
          }
        }));
    return out;
  }

  absl::StatusOr<CallStats> GetCallStats() override {
    ASSIGN_OR_RETURN(
        const v1::GetCallStatsResponse stats,
        caller_.Call(&MetricsStub::AsyncGetCallStats, v1::GetCallStatsRequest(), Repeat::kSafe));
    CallStats out{.version = stats.version(),
                  .uptime = FromProto(stats.uptime()),
                  .latency_bounds = {},
                  .methods = {}};
    for (const auto& bound : stats.latency_bounds()) out.latency_bounds.push_back(FromProto(bound));
    for (const v1::MethodCalls& from : stats.methods()) {
      MethodCalls& method = out.methods.emplace_back();
      method.method = from.method();
      for (const v1::CodeCount& code : from.codes()) method.codes[code.code()] = code.calls();
      method.latency = {from.latency_calls().begin(), from.latency_calls().end()};
      method.total = FromProto(from.total_latency());
    }
    return out;
  }

 private:
  Caller caller_;
};

}  // namespace
}  // namespace wire

std::shared_ptr<ServingConnection> MakeGrpcServingConnection(std::string_view address,
                                                             const CallOptions& options) {
  return std::make_shared<wire::GrpcServingConnection>(wire::Target::Of(address, options), options);
}

}  // namespace percpu
