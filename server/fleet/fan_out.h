// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// One question to many hosts at once.

#ifndef PERCPUD_SERVER_FLEET_FAN_OUT_H_
#define PERCPUD_SERVER_FLEET_FAN_OUT_H_

#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/support/async_unary_call.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "percpud/fleet/v1/fleet.pb.h"
#include "server/base/clock.h"
#include "server/fleet/deadlines.h"
#include "server/fleet/host_channels.h"

namespace percpud::fleet {

// What one host said: all pages of it, or why not.
template <typename Response>
struct HostAnswer {
  std::string host;
  absl::Status status;
  std::vector<Response> pages;
};

// Asks all hosts of a view page by page, and waits until each has answered or the time is
// over. A host that cannot be reached by one of its addresses is asked by the next. One
// thread; no thread waits for one host.
template <typename Request, typename Response>
class FanOut {
 public:
  using Answer = HostAnswer<Response>;
  // Begins a call that is not waited for.
  using Start = std::function<std::unique_ptr<grpc::ClientAsyncResponseReader<Response>>(
      const std::shared_ptr<grpc::Channel>&, grpc::ClientContext*, const Request&,
      grpc::CompletionQueue*)>;

  // All outlive it.
  FanOut(HostChannels& channels, Deadlines& deadlines, const Clock& clock, Start start)
      : channels_(channels), deadlines_(deadlines), clock_(clock), start_(std::move(start)) {}

  // The answers, in the view's order.
  std::vector<Answer> Ask(const v1::View& view, const Request& request, absl::Duration patience) {
    end_ = clock_.Now() + patience;
    std::vector<Asked> all(static_cast<std::size_t>(view.hosts_size()));
    for (std::size_t i = 0; i < all.size(); ++i) {
      all[i].host = &view.hosts(static_cast<int>(i));
      all[i].request = request;
      all[i].answer.host = all[i].host->name();
      Begin(all[i]);
    }
    void* tag = nullptr;
    bool ok = false;
    while (under_way_ > 0 && queue_.Next(&tag, &ok)) End(*static_cast<Asked*>(tag));
    queue_.Shutdown();
    while (queue_.Next(&tag, &ok)) {
    }
    std::vector<Answer> out;
    for (Asked& each : all) out.push_back(std::move(each.answer));
    return out;
  }

 private:
  // What one host may say.
  static constexpr std::size_t kMostPages = 64;

  struct Call {
    grpc::ClientContext context;
    std::optional<Deadlines::Watched> watched;
    std::unique_ptr<grpc::ClientAsyncResponseReader<Response>> reader;
    Response response;
    grpc::Status status;
  };
  struct Asked {
    const v1::Host* host = nullptr;
    Request request;
    std::size_t way = 0;
    Answer answer;
    std::unique_ptr<Call> call;
  };

  void Begin(Asked& asked) {
    if (asked.way >= channels_.CountWays(*asked.host)) {
      // Why the last way failed is known.
      if (asked.answer.status.ok()) {
        asked.answer.status = absl::FailedPreconditionError("address: its record has none");
      }
      return;
    }
    absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = channels_.To(*asked.host, asked.way);
    if (!channel.ok()) {
      asked.answer.status = channel.status();
      ++asked.way;
      return Begin(asked);
    }
    asked.call = std::make_unique<Call>();
    Call& call = *asked.call;
    const absl::Duration rest = std::max(end_ - clock_.Now(), absl::ZeroDuration());
    call.watched.emplace(deadlines_, call.context, rest);
    call.reader = start_(*channel, &call.context, asked.request, &queue_);
    call.reader->Finish(&call.response, &call.status, &asked);
    ++under_way_;
  }

  void End(Asked& asked) {
    --under_way_;
    const std::unique_ptr<Call> call = std::move(asked.call);
    const grpc::StatusCode code = call->status.error_code();
    if (code == grpc::StatusCode::UNAVAILABLE || code == grpc::StatusCode::DEADLINE_EXCEEDED ||
        code == grpc::StatusCode::CANCELLED) {
      channels_.Failed(*asked.host, asked.way);
    }
    asked.answer.status = {static_cast<absl::StatusCode>(code), call->status.error_message()};
    if (code == grpc::StatusCode::UNAVAILABLE) {
      // A host begins anew at its next address.
      asked.answer.pages.clear();
      asked.request.clear_page_token();
      ++asked.way;
      return Begin(asked);
    }
    if (!asked.answer.status.ok()) return;
    asked.request.set_page_token(call->response.next_page_token());
    asked.answer.pages.push_back(std::move(call->response));
    if (asked.request.page_token().empty()) return;
    if (asked.answer.pages.size() < kMostPages) return Begin(asked);
    asked.answer.status = absl::ResourceExhaustedError(
        absl::StrCat("page_token: there are more than ", kMostPages, " pages"));
  }

  HostChannels& channels_;
  Deadlines& deadlines_;
  const Clock& clock_;
  const Start start_;
  grpc::CompletionQueue queue_;
  BootTime end_;
  std::size_t under_way_ = 0;
};

}  // namespace percpud::fleet

#endif  // PERCPUD_SERVER_FLEET_FAN_OUT_H_
