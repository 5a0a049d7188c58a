// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/gateway/peer_session.h"

#include <array>
#include <new>
#include <utility>
#include <vector>

#include "server/base/errors.h"
#include "server/base/refusal_log.h"
#include "server/gateway/limits.h"

namespace percpud::gateway {

struct PeerSession::Call {
  Call(PeerSession& session, std::int32_t stream, Place taken, BootTime now)
      : place(std::move(taken)),
        meter(session.options_.message_limit),
        exchange(session, stream),
        begun_at(now),
        read_at(now) {}

  // Empty if the host had none left.
  Place place;
  RequestHead head;
  MessageMeter meter;
  Exchange exchange;
  const BootTime begun_at;
  // The peer took something of the answer, or there was nothing to take.
  BootTime read_at;
  // percpud knows of it.
  bool is_open = false;
  // The answer's header is on its way.
  bool is_answered = false;
  bool streams_requests = false;
};

namespace {

PeerSession& SessionOf(void* self) { return *static_cast<PeerSession*>(self); }

constexpr std::array kSettings{
    nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, kMaxStreamsOfConnection},
    nghttp2_settings_entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kBuffer},
    nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
                           static_cast<std::uint32_t>(kMaxHeaders.value())}};
// Room for every call's window, so that no call waits for another's reader.
constexpr std::int32_t kConnectionWindow = kBuffer * kMaxStreamsOfConnection;
// Answers to settings and pings that wait for a peer who does not read.
constexpr std::size_t kMaxAcknowledgements = 64;

}  // namespace

Http2Callbacks PeerSession::Callbacks() {
  Http2Callbacks out = NewCallbacks();
  nghttp2_session_callbacks_set_on_begin_frame_callback(out.get(), &OnBeginFrame);
  nghttp2_session_callbacks_set_on_begin_headers_callback(out.get(), &OnBeginHeaders);
  nghttp2_session_callbacks_set_on_header_callback(out.get(), &OnHeader);
  nghttp2_session_callbacks_set_on_frame_recv_callback(out.get(), &OnFrame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(out.get(), &OnData);
  nghttp2_session_callbacks_set_on_frame_send_callback(out.get(), &OnFrameSent);
  nghttp2_session_callbacks_set_on_stream_close_callback(out.get(), &OnStreamClosed);
  return out;
}

PeerSession::PeerSession(Options options, DaemonSide& daemon, Host& host)
    : options_(std::move(options)),
      daemon_(daemon),
      host_(host),
      work_(kWorkPerSecondOfConnection, kWorkBurst) {
  const Http2Options http2 = NewOptions();
  nghttp2_option_set_no_auto_window_update(http2.get(), 1);
  nghttp2_option_set_no_closed_streams(http2.get(), 1);
  nghttp2_option_set_max_outbound_ack(http2.get(), kMaxAcknowledgements);
  nghttp2_session* made = nullptr;
  const Http2Callbacks callbacks = Callbacks();
  if (nghttp2_session_server_new2(&made, callbacks.get(), this, http2.get()) != 0) {
    throw std::bad_alloc();
  }
  session_.reset(made);
  nghttp2_submit_settings(made, NGHTTP2_FLAG_NONE, kSettings.data(), kSettings.size());
  nghttp2_session_set_local_window_size(made, NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
}

PeerSession::~PeerSession() {
  for (const auto& [stream, call] : calls_) {
    if (call->is_open) daemon_.Forget(call->exchange);
  }
}

absl::Status PeerSession::Receive(std::span<const std::uint8_t> bytes, BootTime now) {
  now_ = heard_at_ = now;
  asked_at_.reset();
  Charge(kWorkPerByte * static_cast<double>(bytes.size()));
  absl::Status status = gateway::Receive(*session_, bytes);
  if (!flooded_ && !absl::IsResourceExhausted(status)) return status;
  nghttp2_session_terminate_session(session_.get(), NGHTTP2_ENHANCE_YOUR_CALM);
  return errors::Flooded(options_.peer.on_behalf);
}

absl::Status PeerSession::Send(std::string& out, std::size_t most, BootTime now) {
  now_ = now;
  return gateway::Send(*session_, out, most);
}

void PeerSession::Charge(double work) {
  work_.Charge(work, now_);
  host_.Charge(work, now_);
}

bool PeerSession::is_over() const {
  return nghttp2_session_want_read(session_.get()) == 0 &&
         nghttp2_session_want_write(session_.get()) == 0;
}

void PeerSession::SayGoodbye() {
  nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(session_.get()), NGHTTP2_NO_ERROR,
                        nullptr, 0);
  options_.has_output();
}

// --- From the peer ---------------------------------------------------------------

int PeerSession::OnBeginFrame(nghttp2_session* /*session*/, const nghttp2_frame_hd* head,
                              void* self) {
  PeerSession& session = SessionOf(self);
  session.Charge(kWorkPerFrame);
  session.flooded_ = !session.budget_.Take(
      {.type = head->type, .flags = head->flags, .length = head->length}, session.now_);
  return session.flooded_ ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

int PeerSession::OnBeginHeaders(nghttp2_session* /*session*/, const nghttp2_frame* frame,
                                void* self) {
  PeerSession& session = SessionOf(self);
  const std::int32_t stream = frame->hd.stream_id;
  // These are trailers, which no client of gRPC sends.
  if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  session.has_called_ = true;
  session.Charge(1);
  session.calls_.insert_or_assign(
      stream, std::make_unique<Call>(session, stream, session.host_.TakeCall(), session.now_));
  return 0;
}

int PeerSession::OnHeader(nghttp2_session* /*session*/, const nghttp2_frame* frame,
                          const std::uint8_t* name, std::size_t name_size,
                          const std::uint8_t* value, std::size_t value_size, std::uint8_t /*flags*/,
                          void* self) {
  if (Call* const call = SessionOf(self).Find(frame->hd.stream_id)) {
    call->head.Add(ToText(name, name_size), ToText(value, value_size));
  }
  return 0;
}

int PeerSession::OnFrame(nghttp2_session* /*session*/, const nghttp2_frame* frame, void* self) {
  PeerSession& session = SessionOf(self);
  if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
  Call* const call = session.Find(frame->hd.stream_id);
  if (call == nullptr) return 0;
  if (frame->hd.type == NGHTTP2_HEADERS) session.Begin(*call);
  if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) session.Complete(*call);
  return 0;
}

int PeerSession::OnData(nghttp2_session* /*session*/, std::uint8_t /*flags*/, std::int32_t stream,
                        const std::uint8_t* bytes, std::size_t size, void* self) {
  PeerSession& session = SessionOf(self);
  nghttp2_session_consume_connection(session.session_.get(), size);
  if (Call* const call = session.Find(stream)) session.TakeData(*call, {bytes, size});
  return 0;
}

PeerSession::Call* PeerSession::Find(std::int32_t stream) {
  const auto found = calls_.find(stream);
  return found == calls_.end() ? nullptr : found->second.get();
}

void PeerSession::Begin(Call& call) {
  const Fields refusal = call.head.Refusal(options_.peer);
  if (!refusal.empty()) return Refuse(call, refusal);
  if (!call.place.taken()) {
    const absl::Status full = errors::GatewayFull("calls", kMaxCallsPerHost, kMaxCalls);
    LogRefusal(full);
    return Refuse(call, AnswerOf(full));
  }
  call.streams_requests = call.head.method()->streams_requests;
  const absl::Status opened = daemon_.Open(call.exchange, call.head.Forwarded(options_.peer));
  if (!opened.ok()) return Refuse(call, AnswerOf(opened));
  call.is_open = true;
}

void PeerSession::Complete(Call& call) {
  call.exchange.request_complete = true;
  if (!call.is_open) return;
  if (!call.meter.is_complete()) return Reset(call.exchange.peer_stream, NGHTTP2_PROTOCOL_ERROR);
  daemon_.OnRequest(call.exchange);
}

void PeerSession::TakeData(Call& call, std::span<const std::uint8_t> bytes) {
  Exchange& exchange = call.exchange;
  // The call is refused already. Nobody wants more of it, and its window stays shut.
  if (!call.is_open) return;
  const std::uint64_t before = call.meter.messages();
  const absl::Status status = call.meter.Feed(bytes);
  Charge(static_cast<double>(call.meter.messages() - before));
  if (!status.ok()) return Refuse(call, AnswerOf(status));
  exchange.request.Append(bytes);
  daemon_.OnRequest(exchange);
}

void PeerSession::Refuse(Call& call, const Fields& answer) {
  Exchange& exchange = call.exchange;
  if (std::exchange(call.is_open, false)) daemon_.Forget(exchange);
  call.place = {};
  exchange.request.Clear();
  if (std::exchange(call.is_answered, true)) {
    return Reset(exchange.peer_stream, NGHTTP2_ENHANCE_YOUR_CALM);
  }
  const std::vector<nghttp2_nv> view = ViewOf(answer);
  nghttp2_submit_response(session_.get(), exchange.peer_stream, view.data(), view.size(), nullptr);
  options_.has_output();
}

void PeerSession::Reset(std::int32_t stream, std::uint32_t error) {
  nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream, error);
  options_.has_output();
}

int PeerSession::OnStreamClosed(nghttp2_session* /*session*/, std::int32_t stream,
                                std::uint32_t /*error*/, void* self) {
  PeerSession& session = SessionOf(self);
  const auto found = session.calls_.find(stream);
  if (found == session.calls_.end()) return 0;
  const std::unique_ptr<Call> call = std::move(found->second);
  session.calls_.erase(found);
  if (call->is_open) session.daemon_.Forget(call->exchange);
  return 0;
}

// --- To the peer -------------------------------------------------------------------

void PeerSession::OnResponseHead(Exchange& exchange, const Fields& head) {
  Call* const call = Find(exchange.peer_stream);
  if (call == nullptr || std::exchange(call->is_answered, true)) return;
  const std::vector<nghttp2_nv> view = ViewOf(head);
  const nghttp2_data_provider body{.source = {}, .read_callback = &ReadResponse};
  nghttp2_submit_response(session_.get(), exchange.peer_stream, view.data(), view.size(),
                          exchange.response_complete ? nullptr : &body);
  options_.has_output();
}

void PeerSession::OnResponse(Exchange& exchange) {
  nghttp2_session_resume_data(session_.get(), exchange.peer_stream);
  options_.has_output();
}

ssize_t PeerSession::ReadResponse(nghttp2_session* http2, std::int32_t stream, std::uint8_t* out,
                                  std::size_t size, std::uint32_t* flags,
                                  nghttp2_data_source* /*source*/, void* self) {
  PeerSession& session = SessionOf(self);
  Call* const call = session.Find(stream);
  if (call == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  Exchange& exchange = call->exchange;
  const std::size_t taken = exchange.response.Take({out, size});
  if (taken > 0) {
    call->read_at = session.now_;
    if (call->is_open) session.daemon_.OnResponseTaken(exchange, taken);
  }
  if (!exchange.response.empty()) return static_cast<ssize_t>(taken);
  if (!exchange.response_complete) {
    return taken > 0 ? static_cast<ssize_t>(taken) : NGHTTP2_ERR_DEFERRED;
  }
  *flags |= NGHTTP2_DATA_FLAG_EOF;
  if (!exchange.trailers.empty()) {
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    const std::vector<nghttp2_nv> view = ViewOf(exchange.trailers);
    nghttp2_submit_trailer(http2, stream, view.data(), view.size());
  }
  return static_cast<ssize_t>(taken);
}

int PeerSession::OnFrameSent(nghttp2_session* http2, const nghttp2_frame* frame, void* self) {
  PeerSession& session = SessionOf(self);
  if (frame->hd.type == NGHTTP2_DATA) session.budget_.SentData();
  const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 &&
                    (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS);
  if (!ends) return 0;
  // The answer is complete: the rest of a request that is not has no use.
  const Call* const call = session.Find(frame->hd.stream_id);
  if (call != nullptr && !call->exchange.request_complete) {
    nghttp2_submit_rst_stream(http2, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR);
  }
  return 0;
}

void PeerSession::OnRequestTaken(Exchange& exchange, std::size_t bytes) {
  nghttp2_session_consume_stream(session_.get(), exchange.peer_stream, bytes);
  options_.has_output();
}

void PeerSession::OnDaemonGone(Exchange& exchange, const absl::Status& status) {
  Call* const call = Find(exchange.peer_stream);
  if (call == nullptr) return;
  call->is_open = false;
  if (exchange.response_complete) return;
  if (!call->is_answered) return Refuse(*call, AnswerOf(status));
  exchange.response_complete = true;
  exchange.trailers = TrailersOf(status);
  OnResponse(exchange);
}

// --- Deadlines ---------------------------------------------------------------------

bool PeerSession::LookAround(BootTime now) {
  now_ = now;
  for (const auto& [stream, call] : calls_) {
    const Exchange& exchange = call->exchange;
    if (exchange.response.empty()) call->read_at = now;
    const bool is_slow_writer = !exchange.request_complete && !call->streams_requests &&
                                now - call->begun_at > kWholeRequest;
    const bool is_slow_reader = now - call->read_at > kUnread;
    if (is_slow_writer || is_slow_reader) Reset(stream, NGHTTP2_CANCEL);
  }
  if (asked_at_) return now - *asked_at_ <= kUnread;
  if (!calls_.empty() && now - heard_at_ > kSilent) AskWhetherThere(now);
  return true;
}

void PeerSession::AskWhetherThere(BootTime now) {
  asked_at_ = now;
  nghttp2_submit_ping(session_.get(), NGHTTP2_FLAG_NONE, nullptr);
  options_.has_output();
}

}  // namespace percpud::gateway
