// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/gateway/daemon_session.h"

#include <array>
#include <cassert>
#include <new>
#include <utility>
#include <vector>

#include "proto/percpud/abi/v1/wire.h"
#include "server/base/errors.h"
#include "server/gateway/limits.h"

namespace percpud::gateway {
namespace {

DaemonSession& SessionOf(void* self) { return *static_cast<DaemonSession*>(self); }

constexpr std::array kSettings{
    nghttp2_settings_entry{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
    nghttp2_settings_entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kBuffer}};
// Room for every call's window, so that no call waits for another's reader.
constexpr std::int32_t kConnectionWindow = kBuffer * kMaxCalls;

// What peers are told beside status and message.
bool IsForPeers(absl::string_view name) {
  return name == ":status" || name == "content-type" || name == "grpc-status" ||
         name == "grpc-message" || name == "grpc-status-details-bin" || name == "grpc-encoding";
}

}  // namespace

Http2Callbacks DaemonSession::Callbacks() {
  Http2Callbacks out = NewCallbacks();
  nghttp2_session_callbacks_set_on_header_callback(out.get(), &OnHeader);
  nghttp2_session_callbacks_set_on_frame_recv_callback(out.get(), &OnFrame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(out.get(), &OnData);
  nghttp2_session_callbacks_set_on_stream_close_callback(out.get(), &OnStreamClosed);
  return out;
}

DaemonSession::~DaemonSession() { Cut(); }

void DaemonSession::Connect() {
  assert(!is_connected());
  const Http2Options options = NewOptions();
  nghttp2_option_set_no_auto_window_update(options.get(), 1);
  // A message may end with a blank, and its call is not to be lost for that.
  nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation(options.get(), 1);
  nghttp2_option_set_peer_max_concurrent_streams(options.get(), kMaxCalls);
  nghttp2_session* made = nullptr;
  const Http2Callbacks callbacks = Callbacks();
  if (nghttp2_session_client_new2(&made, callbacks.get(), this, options.get()) != 0) {
    throw std::bad_alloc();
  }
  session_.reset(made);
  nghttp2_submit_settings(made, NGHTTP2_FLAG_NONE, kSettings.data(), kSettings.size());
  nghttp2_session_set_local_window_size(made, NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
  has_output_();
}

void DaemonSession::Cut() {
  const auto calls = std::exchange(calls_, {});
  session_.reset();
  for (const auto& [stream, call] : calls) {
    Exchange& exchange = *call->exchange;
    exchange.daemon_stream = Exchange::kNoStream;
    exchange.peer.OnDaemonGone(exchange, errors::DaemonAway());
  }
}

absl::Status DaemonSession::Receive(std::span<const std::uint8_t> bytes) {
  assert(is_connected());
  absl::Status status = gateway::Receive(*session_, bytes);
  // The library answers pings and settings by itself, and nobody else may have anything to say.
  if (nghttp2_session_want_write(session_.get()) != 0) has_output_();
  return status;
}

absl::Status DaemonSession::Send(std::string& out, std::size_t most) {
  assert(is_connected());
  return gateway::Send(*session_, out, most);
}

bool DaemonSession::is_over() const {
  return nghttp2_session_want_read(session_.get()) == 0 &&
         nghttp2_session_want_write(session_.get()) == 0;
}

// --- To percpud ----------------------------------------------------------------------

absl::Status DaemonSession::Open(Exchange& exchange, const Fields& head) {
  if (!is_connected()) return errors::DaemonAway();
  const std::vector<nghttp2_nv> view = ViewOf(head);
  const nghttp2_data_provider body{.source = {}, .read_callback = &ReadRequest};
  const std::int32_t stream =
      nghttp2_submit_request(session_.get(), nullptr, view.data(), view.size(), &body, nullptr);
  if (stream < 0) return errors::DaemonAway();
  exchange.daemon_stream = stream;
  calls_.emplace(stream, std::make_unique<Call>(Call{.exchange = &exchange, .fields = {}}));
  has_output_();
  return absl::OkStatus();
}

void DaemonSession::OnRequest(Exchange& exchange) {
  if (exchange.daemon_stream == Exchange::kNoStream) return;
  nghttp2_session_resume_data(session_.get(), exchange.daemon_stream);
  has_output_();
}

ssize_t DaemonSession::ReadRequest(nghttp2_session* /*session*/, std::int32_t stream,
                                   std::uint8_t* out, std::size_t size, std::uint32_t* flags,
                                   nghttp2_data_source* /*source*/, void* self) {
  Call* const call = SessionOf(self).Find(stream);
  if (call == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  Exchange& exchange = *call->exchange;
  const std::size_t taken = exchange.request.Take({out, size});
  if (taken > 0) exchange.peer.OnRequestTaken(exchange, taken);
  if (exchange.request.empty() && exchange.request_complete) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
  } else if (taken == 0) {
    return NGHTTP2_ERR_DEFERRED;
  }
  return static_cast<ssize_t>(taken);
}

void DaemonSession::OnResponseTaken(Exchange& exchange, std::size_t bytes) {
  if (exchange.daemon_stream == Exchange::kNoStream) return;
  nghttp2_session_consume_stream(session_.get(), exchange.daemon_stream, bytes);
  has_output_();
}

void DaemonSession::Forget(Exchange& exchange) {
  const std::int32_t stream = std::exchange(exchange.daemon_stream, Exchange::kNoStream);
  if (stream == Exchange::kNoStream) return;
  calls_.erase(stream);
  nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
  has_output_();
}

// --- From percpud --------------------------------------------------------------------

DaemonSession::Call* DaemonSession::Find(std::int32_t stream) {
  const auto found = calls_.find(stream);
  return found == calls_.end() ? nullptr : found->second.get();
}

int DaemonSession::OnHeader(nghttp2_session* /*session*/, const nghttp2_frame* frame,
                            const std::uint8_t* name, std::size_t name_size,
                            const std::uint8_t* value, std::size_t value_size,
                            std::uint8_t /*flags*/, void* self) {
  Call* const call = SessionOf(self).Find(frame->hd.stream_id);
  if (call == nullptr || !IsForPeers(ToText(name, name_size))) return 0;
  call->fields.push_back(
      {std::string(ToText(name, name_size)), EncodeEnds(ToText(value, value_size))});
  return 0;
}

int DaemonSession::OnFrame(nghttp2_session* /*session*/, const nghttp2_frame* frame, void* self) {
  if (frame->hd.type != NGHTTP2_HEADERS) return 0;
  DaemonSession& session = SessionOf(self);
  Call* const call = session.Find(frame->hd.stream_id);
  if (call != nullptr) session.TakeHead(*call, (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0);
  return 0;
}

void DaemonSession::TakeHead(Call& call, bool is_last) {
  Exchange& exchange = *call.exchange;
  const Fields fields = std::exchange(call.fields, {});
  exchange.response_complete = is_last;
  if (!std::exchange(call.has_head, true)) {
    exchange.peer.OnResponseHead(exchange, fields);
  } else {
    exchange.trailers = fields;
    exchange.peer.OnResponse(exchange);
  }
}

int DaemonSession::OnData(nghttp2_session* /*session*/, std::uint8_t /*flags*/, std::int32_t stream,
                          const std::uint8_t* bytes, std::size_t size, void* self) {
  DaemonSession& session = SessionOf(self);
  nghttp2_session_consume_connection(session.session_.get(), size);
  Call* const call = session.Find(stream);
  if (call == nullptr) return 0;
  call->exchange->response.Append({bytes, size});
  call->exchange->peer.OnResponse(*call->exchange);
  return 0;
}

int DaemonSession::OnStreamClosed(nghttp2_session* /*session*/, std::int32_t stream,
                                  std::uint32_t /*error*/, void* self) {
  DaemonSession& session = SessionOf(self);
  const auto found = session.calls_.find(stream);
  if (found == session.calls_.end()) return 0;
  Exchange& exchange = *found->second->exchange;
  session.calls_.erase(found);
  exchange.daemon_stream = Exchange::kNoStream;
  exchange.peer.OnDaemonGone(exchange, errors::CallCut());
  return 0;
}

}  // namespace percpud::gateway
