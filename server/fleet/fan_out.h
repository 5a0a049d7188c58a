// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// One question to many hosts at once.

#ifndef PERCPUD_SERVER_FLEET_FAN_OUT_H_
#define PERCPUD_SERVER_FLEET_FAN_OUT_H_

#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/async_unary_call.h>
#include <grpcpp/support/byte_buffer.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "percpud/fleet/v1/fleet.pb.h"
#include "server/base/clock.h"
#include "server/fleet/deadlines.h"
#include "server/fleet/host_channels.h"
#include "server/fleet/host_page.h"

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
//
// Answers are told in the view's order, as long as what waits for its turn takes less than
// kMostHeld bytes. Over that they are told as they are complete, and the other hosts are asked for
// their next pages when there is room again.
template <typename Request, typename Response>
class FanOut {
 public:
  using Answer = HostAnswer<Response>;
  using OnAnswer = absl::FunctionRef<void(const Answer&)>;

  // What one host may say.
  static constexpr std::size_t kMostPages = 64;
  static constexpr std::size_t kMostOfHost = 16 << 20;
  // What all have said and was not told yet.
  static constexpr std::size_t kMostHeld = 16 << 20;

  // `method`: "/percpud.v1.ReadingService/ReadFamily". All others outlive it.
  FanOut(HostChannels& channels, Deadlines& deadlines, const Clock& clock, std::string method)
      : channels_(channels), deadlines_(deadlines), clock_(clock), method_(std::move(method)) {}

  // To be called once.
  void Ask(const v1::View& view, const Request& request, absl::Duration patience,
           OnAnswer on_answer) {
    end_ = clock_.Now() + patience;
    all_ = std::vector<Asked>(static_cast<std::size_t>(view.hosts_size()));
    for (std::size_t i = 0; i < all_.size(); ++i) {
      all_[i].host = &view.hosts(static_cast<int>(i));
      all_[i].request = request;
      all_[i].answer.host = all_[i].host->name();
      Begin(all_[i]);
    }
    Tell(on_answer);
    void* tag = nullptr;
    bool ok = false;
    while (under_way_ > 0 && queue_.Next(&tag, &ok)) {
      End(*static_cast<Asked*>(tag));
      Tell(on_answer);
    }
    queue_.Shutdown();
    while (queue_.Next(&tag, &ok)) {
    }
  }

 private:
  // How often a host may have begun anew meanwhile.
  static constexpr int kMostRestarts = 2;

  struct Call {
    grpc::ClientContext context;
    std::optional<Deadlines::Watched> watched;
    std::unique_ptr<grpc::ClientAsyncResponseReader<grpc::ByteBuffer>> reader;
    grpc::ByteBuffer wire;
    grpc::Status status;
  };
  struct Asked {
    const v1::Host* host = nullptr;
    Request request;
    std::size_t way = 0;
    int restarts = 0;
    Answer answer;
    // Bytes of the pages.
    std::size_t held = 0;
    bool is_done = false;
    bool is_told = false;
    std::unique_ptr<Call> call;
  };

  // By the first way that leads anywhere.
  void Begin(Asked& asked) {
    for (; asked.way < channels_.CountWays(*asked.host); ++asked.way) {
      const absl::StatusOr<std::shared_ptr<grpc::Channel>> channel =
          channels_.To(*asked.host, asked.way);
      if (channel.ok()) return Send(asked, *channel);
      asked.answer.status = channel.status();
    }
    // Why the last way failed is known.
    if (asked.answer.status.ok()) {
      asked.answer.status = absl::FailedPreconditionError("address: its record has none");
    }
    asked.is_done = true;
  }

  void Send(Asked& asked, const std::shared_ptr<grpc::Channel>& channel) {
    asked.call = std::make_unique<Call>();
    Call& call = *asked.call;
    const absl::Duration rest = std::max(end_ - clock_.Now(), absl::ZeroDuration());
    call.watched.emplace(deadlines_, call.context, rest);
    grpc::TemplatedGenericStub<Request, grpc::ByteBuffer> stub(channel);
    call.reader = stub.PrepareUnaryCall(&call.context, method_, asked.request, &queue_);
    call.reader->StartCall();
    call.reader->Finish(&call.wire, &call.status, &asked);
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
      ++asked.way;
      return Restart(asked);
    }
    // What it has had a token for is another's by now.
    if (code == grpc::StatusCode::INVALID_ARGUMENT && !asked.request.page_token().empty() &&
        asked.restarts++ < kMostRestarts) {
      return Restart(asked);
    }
    if (asked.answer.status.ok()) asked.answer.status = Take(asked, call->wire);
    if (!asked.answer.status.ok()) Drop(asked);
    asked.is_done = !asked.answer.status.ok() || asked.request.page_token().empty();
    if (!asked.is_done) waiting_.push_back(&asked);
  }

  // A host begins anew at its next address, and when its pages are of no use.
  void Restart(Asked& asked) {
    Drop(asked);
    asked.request.clear_page_token();
    Begin(asked);
  }

  void Drop(Asked& asked) {
    asked.answer.pages.clear();
    held_ -= std::exchange(asked.held, 0);
  }

  absl::Status Take(Asked& asked, const grpc::ByteBuffer& wire) {
    Response page;
    if (absl::Status status = ReadPage(wire, page); !status.ok()) return status;
    const std::size_t bytes = page.SpaceUsedLong();
    if (asked.held + bytes > kMostOfHost) {
      return absl::ResourceExhaustedError(
          absl::StrCat("answer: its pages take more than ", kMostOfHost >> 20, " MiB"));
    }
    asked.held += bytes;
    held_ += bytes;
    asked.request.set_page_token(page.next_page_token());
    asked.answer.pages.push_back(std::move(page));
    if (asked.answer.pages.size() < kMostPages || asked.request.page_token().empty()) {
      return absl::OkStatus();
    }
    return absl::ResourceExhaustedError(
        absl::StrCat("page_token: there are more than ", kMostPages, " pages"));
  }

  // Whether it is the one that goes on without room, so that it comes to an end and makes some.
  bool IsAhead(const Asked& asked) {
    if (ahead_ == nullptr || ahead_->is_done) ahead_ = &asked;
    return ahead_ == &asked;
  }

  void TellOne(Asked& asked, OnAnswer on_answer) {
    if (std::exchange(asked.is_told, true)) return;
    on_answer(asked.answer);
    Drop(asked);
  }

  // Tells what is complete and has its turn; then those go on for whom there is room.
  void Tell(OnAnswer on_answer) {
    do {
      for (; told_ < all_.size() && all_[told_].is_done; ++told_) TellOne(all_[told_], on_answer);
      if (held_ >= kMostHeld) {
        for (std::size_t i = told_; i < all_.size(); ++i) {
          if (all_[i].held > 0 && all_[i].is_done) TellOne(all_[i], on_answer);
        }
      }
      for (Asked* const each : std::exchange(waiting_, {})) {
        if (held_ < kMostHeld || each == &all_[told_] || IsAhead(*each)) {
          Begin(*each);
        } else {
          waiting_.push_back(each);
        }
      }
    } while (told_ < all_.size() && all_[told_].is_done);
  }

  HostChannels& channels_;
  Deadlines& deadlines_;
  const Clock& clock_;
  const std::string method_;
  grpc::CompletionQueue queue_;
  BootTime end_;
  std::vector<Asked> all_;
  // Hosts that have more to say.
  std::vector<Asked*> waiting_;
  const Asked* ahead_ = nullptr;
  std::size_t told_ = 0;
  std::size_t held_ = 0;
  std::size_t under_way_ = 0;
};

}  // namespace percpud::fleet

#endif  // PERCPUD_SERVER_FLEET_FAN_OUT_H_
