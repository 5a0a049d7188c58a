// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The half of MetricsService that is about the daemon itself and the processes it serves.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "server/base/status_macros.h"
#include "server/service/convert.h"
#include "server/service/metrics_handlers.h"
#include "server/service/paging.h"
#include "server/session/access/call_stats.h"
#include "server/session/access/policy.h"

namespace percpud::handlers {

absl::Status ListWorkers(MetricsContext& context, const Caller& caller,
                         const v1::ListWorkersRequest& request, v1::ListWorkersResponse& response) {
  ASSIGN_OR_RETURN(const Page page,
                   ParsePage("workers", request.page_size(), request.page_token()));
  std::vector<SessionSnapshot> sessions =
      context.sessions.List(SessionId(page.first), std::size_t{page.size} + 1);
  if (sessions.size() > page.size) {
    response.set_next_page_token(PageToken("workers", sessions.back().id.value()));
    sessions.pop_back();
  }
  const ExportView view = context.calls.ExportsTo(caller);
  for (SessionSnapshot& session : sessions) {
    std::erase_if(session.namespaces,
                  [&view](const std::string& each) { return !view.ShowsNamespace(each); });
    // One that was left has no worker.
    if (session.namespaces.empty() || session.state == Session::State::kLeft) continue;
    v1::Worker& out = *response.add_workers();
    out.set_session_id(session.id.value());
    if (session.spec.peer) out.set_pid(session.spec.peer->pid.value());
    out.mutable_namespaces()->Add(session.namespaces.begin(), session.namespaces.end());
  }
  return absl::OkStatus();
}

absl::Status GetCallStats(MetricsContext& context, const Caller& /*caller*/,
                          const v1::GetCallStatsRequest& /*request*/,
                          v1::GetCallStatsResponse& response) {
  const absl::Duration uptime = NowSinceBoot() - context.started;
  response.set_version(PERCPUD_VERSION);
  *response.mutable_uptime() = ToProto(uptime);
  *response.mutable_start_time() = ToProto(absl::Now() - uptime);
  for (const std::int64_t bound : CallStats::kBoundsNs) {
    *response.add_latency_bounds() = ToProto(absl::Nanoseconds(bound));
  }
  for (const CallStats::Method& method : context.sessions.call_stats().List()) {
    v1::MethodCalls& out = *response.add_methods();
    out.set_method(std::string(PolicyOf(method.rpc).name));
    for (std::size_t code = 0; code < method.calls.size(); ++code) {
      if (method.calls[code] == 0) continue;
      v1::CodeCount& count = *out.add_codes();
      count.set_code(static_cast<int>(code));
      count.set_calls(method.calls[code]);
    }
    out.mutable_latency_calls()->Add(method.latency.begin(), method.latency.end());
    *out.mutable_total_latency() = ToProto(method.total);
  }
  return absl::OkStatus();
}

}  // namespace percpud::handlers
