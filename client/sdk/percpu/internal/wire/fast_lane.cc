// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/wire/fast_lane.h"

#include <cassert>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "percpu/internal/wire/grpc_time.h"
#include "proto/percpud/abi/v1/wire.h"

namespace percpu {
namespace {

constexpr absl::Duration kPause = absl::Milliseconds(1);

}  // namespace

FastLane::FastLane(percpud::v1::SessionService::Stub& stub, wire::Connectivity& connectivity,
                   const std::string& token)
    : connectivity_(connectivity) {
  if (!token.empty()) context_.AddMetadata(percpud::abi::v1::kTokenKey, token);
  context_.set_wait_for_ready(true);
  stream_ = stub.AsyncAttach(&context_, &queue_, Tag(Event::kStarted));
}

FastLane::~FastLane() {
  {
    MutexLock lock(&mu_);
    assert(waiters_.empty() && !polling_);
  }
  context_.TryCancel();
  queue_.Shutdown();
  // What was under way ends at once. Only without a descriptor to wait with is there
  // anything to wait for here.
  void* tag = nullptr;
  bool ok = false;
  while (true) {
    const auto next = queue_.AsyncNext(&tag, &ok, ToGrpc(Deadline::After(kPause)));
    if (next == grpc::CompletionQueue::SHUTDOWN) return;
    if (next == grpc::CompletionQueue::TIMEOUT) absl::SleepFor(kPause);
  }
}

bool FastLane::broken() const {
  MutexLock lock(&mu_);
  return broken_;
}

absl::Status FastLane::Failure() const {
  if (finished_ && !status_.ok()) {
    return {static_cast<absl::StatusCode>(status_.error_code()), status_.error_message()};
  }
  return absl::UnavailableError("the session's stream broke");
}

absl::StatusOr<FastLane::Response> FastLane::Call(Request request, const Deadline& deadline) {
  MutexLock lock(&mu_);
  if (broken_) return Failure();
  const std::uint64_t id = ++last_id_;
  request.set_call_id(id);
  Waiter waiter;
  waiters_.emplace(id, &waiter);
  ++awaited_;
  outbox_.push_back(std::move(request));
  Write();
  Read();
  while (!waiter.done && !(broken_ && finished_)) {
    if (deadline.has_passed()) break;
    if (polling_) {
      waiter.news.WaitBy(mu_, deadline);
    } else {
      Poll(deadline);
    }
  }
  waiters_.erase(id);
  if (!waiter.done) --awaited_;
  // Another caller has to poll now.
  if (!polling_ && !waiters_.empty()) waiters_.begin()->second->news.Signal();
  if (waiter.done) return std::move(waiter.response);
  if (broken_ && finished_) return Failure();
  return absl::DeadlineExceededError("no answer on the session's stream in time");
}

void FastLane::Poll(const Deadline& deadline) {
  assert(!polling_);
  polling_ = true;
  void* tag = nullptr;
  bool ok = false;
  mu_.Unlock();
  const wire::Waited waited = connectivity_.AwaitEvent(queue_, tag, ok, deadline);
  if (waited == wire::Waited::kCouldNot) absl::SleepFor(kPause);
  mu_.Lock();
  polling_ = false;
  if (waited != wire::Waited::kCame) return;
  On(*static_cast<const Event*>(tag), ok);
}

void FastLane::On(Event event, bool ok) {
  if (event == Event::kFinished) {
    finished_ = true;
    for (const auto& [id, waiter] : waiters_) waiter->news.Signal();
    return;
  }
  if (event == Event::kWritten) writing_ = false;
  if (!ok) return Break();
  switch (event) {
    case Event::kStarted:
      started_ = true;
      break;
    case Event::kRead:
      reading_ = false;
      if (const auto waiter = waiters_.find(incoming_.call_id()); waiter != waiters_.end()) {
        assert(!waiter->second->done && awaited_ > 0);
        waiter->second->response = std::move(incoming_);
        waiter->second->done = true;
        waiter->second->news.Signal();
        --awaited_;
      }
      incoming_.Clear();
      break;
    default:
      break;
  }
  Write();
  Read();
}

void FastLane::Read() {
  if (!started_ || reading_ || broken_ || awaited_ == 0) return;
  reading_ = true;
  stream_->Read(&incoming_, Tag(Event::kRead));
}

void FastLane::Write() {
  if (!started_ || writing_ || broken_ || outbox_.empty()) return;
  writing_ = true;
  grpc::WriteOptions options;
  // This request goes out with the next one.
  if (outbox_.size() > 1) options.set_buffer_hint();
  stream_->Write(outbox_.front(), options, Tag(Event::kWritten));
  outbox_.pop_front();
}

void FastLane::Break() {
  if (broken_) return;
  broken_ = true;
  stream_->Finish(&status_, Tag(Event::kFinished));
}

}  // namespace percpu
