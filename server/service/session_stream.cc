// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/session_stream.h"

#include <memory>
#include <string>
#include <utility>

#include "server/base/error_reason.h"
#include "server/base/errors.h"
#include "server/service/status.h"

namespace percpud {

void SessionStream::Request() {
  RankedLock lock(&mu_);
  service_.RequestAttach(&context_, &stream_, lane_.queue(), lane_.queue(), Tag(accept_));
}

void SessionStream::OnAccept(bool ok) {
  if (!ok) return;
  Post(lane_, calls_, callers_, service_);
  absl::StatusOr<AdmittedCall> admitted = callers_.Admit(Rpc::kAttach, context_);
  RankedLock lock(&mu_);
  if (!admitted.ok()) {
    Finish(admitted.status());
    return;
  }
  call_ = *std::move(admitted);
  Read();
}

void SessionStream::OnRead(bool ok) {
  if (ok) Serve();
  RankedLock lock(&mu_);
  reading_ = false;
  half_closed_ = !ok;
  Advance();
}

void SessionStream::Serve() {
  switch (request_.call_case()) {
    case v1::AttachRequest::kPing:
      return Serve(Rpc::kPing, handlers::Ping, &v1::AttachRequest::ping,
                   &v1::AttachResponse::mutable_ping);
    case v1::AttachRequest::kAlloc:
      return Serve(Rpc::kAlloc, handlers::Alloc, &v1::AttachRequest::alloc,
                   &v1::AttachResponse::mutable_alloc);
    case v1::AttachRequest::kFree:
      return Serve(Rpc::kFree, handlers::Free, &v1::AttachRequest::free,
                   &v1::AttachResponse::mutable_free);
    case v1::AttachRequest::kAdd:
      return Serve(Rpc::kAdd, handlers::Add, &v1::AttachRequest::add,
                   &v1::AttachResponse::mutable_add);
    case v1::AttachRequest::CALL_NOT_SET:
      return Push(request_.call_id(), {}, errors::NoCall());
  }
}

template <typename CallRequest, typename CallResponse>
void SessionStream::Serve(Rpc rpc, HotHandler<const Calls, CallRequest, CallResponse> handler,
                          const CallRequest& (v1::AttachRequest::*request)() const,
                          CallResponse* (v1::AttachResponse::*response)()) {
  const std::uint64_t id = request_.call_id();
  v1::AttachResponse answer;
  const CallStats::Timer timer;
  const Outcome outcome = handler(calls_, call_.caller, Pace::kMustNotSleep, (request_.*request)(),
                                  *(answer.*response)());
  if (outcome) {
    calls_.stats().Count(rpc, outcome->code(), timer);
    return Push(id, std::move(answer), *outcome);
  }
  {
    RankedLock lock(&mu_);
    ++refs_;
    ++asleep_;
  }
  // The next request is read into request_ meanwhile.
  auto kept = std::make_shared<v1::AttachRequest>(std::move(request_));
  lane_.slow_lane().Run(call_.payer(), [this, rpc, timer, kept, handler, request, response] {
    v1::AttachResponse late;
    const Outcome slept =
        handler(calls_, call_.caller, Pace::kMaySleep, (*kept.*request)(), *(late.*response)());
    calls_.stats().Count(rpc, slept->code(), timer);
    Push(kept->call_id(), std::move(late), *slept);
    {
      RankedLock lock(&mu_);
      --asleep_;
      Advance();
    }
    Unref();
  });
}

void SessionStream::Push(std::uint64_t id, v1::AttachResponse answer, const absl::Status& status) {
  answer.set_call_id(id);
  if (!status.ok()) {
    answer.clear_answer();
    answer.set_code(static_cast<std::uint32_t>(status.code()));
    answer.set_message(std::string(status.message()));
    answer.set_reason(std::string(errors::ReasonOf(status)));
  }
  RankedLock lock(&mu_);
  answer_bytes_ += answer.ByteSizeLong();
  answers_.push_back(std::move(answer));
  Advance();
}

void SessionStream::OnWritten(bool ok) {
  RankedLock lock(&mu_);
  writing_ = false;
  broken_ = !ok;
  Advance();
}

void SessionStream::Read() {
  reading_ = true;
  stream_.Read(&request_, Tag(read_));
}

// gRPC copies a message when it is given one, so it can go at once.
void SessionStream::Advance() {
  if (finished_) return;
  if (broken_) answers_.clear();
  if (answers_.empty()) answer_bytes_ = 0;
  if (!writing_ && !answers_.empty()) {
    writing_ = true;
    grpc::WriteOptions options;
    // Goes out with the next one.
    if (answers_.size() > 1) options.set_buffer_hint();
    answer_bytes_ -= answers_.front().ByteSizeLong();
    stream_.Write(answers_.front(), options, Tag(write_));
    answers_.pop_front();
  }
  const bool has_room =
      answers_.size() + asleep_ < kMaxUnanswered && answer_bytes_ < kMaxUnansweredBytes;
  if (!reading_ && !half_closed_ && has_room) Read();
  const bool done = half_closed_ && !reading_ && !writing_ && asleep_ == 0 && answers_.empty();
  if (done) Finish(absl::OkStatus());
}

void SessionStream::Finish(const absl::Status& status) {
  finished_ = true;
  stream_.Finish(ToGrpc(status), Tag(finish_));
}

void SessionStream::Unref() {
  bool last = false;
  {
    RankedLock lock(&mu_);
    last = --refs_ == 0;
  }
  if (last) delete this;
}

}  // namespace percpud
