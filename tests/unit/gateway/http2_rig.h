// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What tests of the gateway speak HTTP/2 with: a client of gRPC over libnghttp2, frames
// written by hand for what no library would send, and a percpud's side that remembers.

#ifndef PERCPUD_TESTS_UNIT_GATEWAY_HTTP2_RIG_H_
#define PERCPUD_TESTS_UNIT_GATEWAY_HTTP2_RIG_H_

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/base/errors.h"
#include "server/gateway/exchange.h"
#include "server/gateway/field.h"
#include "server/gateway/http2.h"
#include "tests/support/http2_frames.h"

namespace percpud::gateway::testing {

using percpud::testing::Frame;
using percpud::testing::Message;
using percpud::testing::Preface;

inline std::span<const std::uint8_t> ToBytes(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// A client: says what calls it makes, remembers what came of each. Takes answers as long as
// it is told to.
class Client {
 public:
  struct Answer {
    Fields fields;
    std::string body;
    bool is_over = false;
    std::uint32_t error = NGHTTP2_NO_ERROR;
  };

  // `window`: of each call, for answers.
  explicit Client(std::uint32_t window = 65535) {
    const Http2Callbacks callbacks = NewCallbacks();
    nghttp2_session_callbacks_set_on_header_callback(callbacks.get(), &OnHeader);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks.get(), &OnData);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks.get(), &OnClosed);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks.get(), &OnFrame);
    nghttp2_session* made = nullptr;
    nghttp2_session_client_new(&made, callbacks.get(), this);
    session_.reset(made);
    const nghttp2_settings_entry setting{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window};
    nghttp2_submit_settings(made, NGHTTP2_FLAG_NONE, &setting, 1);
  }

  static Fields Head(absl::string_view path) {
    return {{":method", "POST"}, {":scheme", "http"}, {":path", std::string(path)},
            {":authority", "x"}, {"te", "trailers"},  {"content-type", "application/grpc"}};
  }

  // Begins a call; its request goes on with Say.
  std::int32_t Call(const Fields& head) {
    const std::vector<nghttp2_nv> view = ViewOf(head);
    const nghttp2_data_provider body{.source = {}, .read_callback = &Read};
    return nghttp2_submit_request(session_.get(), nullptr, view.data(), view.size(), &body,
                                  nullptr);
  }
  void Say(std::int32_t stream, const std::string& bytes, bool is_last) {
    Request& request = requests_[stream];
    request.left += bytes;
    request.is_last = is_last;
    nghttp2_session_resume_data(session_.get(), stream);
  }
  // A whole call.
  std::int32_t Ask(absl::string_view path, const std::string& message = "") {
    const std::int32_t stream = Call(Head(path));
    Say(stream, Message(message), true);
    return stream;
  }
  void Cancel(std::int32_t stream) {
    nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
  }

  std::string Output() {
    std::string out;
    static_cast<void>(Send(*session_, out, std::size_t{64} << 20));
    return out;
  }
  void Input(const std::string& bytes) { static_cast<void>(Receive(*session_, ToBytes(bytes))); }

  Answer& answer(std::int32_t stream) { return answers_[stream]; }
  [[nodiscard]] bool has_goodbye() const { return has_goodbye_; }
  [[nodiscard]] std::uint32_t goodbye() const { return goodbye_; }
  [[nodiscard]] std::uint32_t pings() const { return pings_; }

 private:
  struct Request {
    std::string left;
    bool is_last = false;
  };

  static Client& Self(void* self) { return *static_cast<Client*>(self); }
  static int OnHeader(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                      std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                      std::uint8_t, void* self) {
    Self(self).answers_[frame->hd.stream_id].fields.push_back(
        {std::string(ToText(name, name_size)), std::string(ToText(value, value_size))});
    return 0;
  }
  static int OnData(nghttp2_session*, std::uint8_t, std::int32_t stream, const std::uint8_t* bytes,
                    std::size_t size, void* self) {
    Self(self).answers_[stream].body += std::string(ToText(bytes, size));
    return 0;
  }
  static int OnClosed(nghttp2_session*, std::int32_t stream, std::uint32_t error, void* self) {
    Answer& answer = Self(self).answers_[stream];
    answer.is_over = true;
    answer.error = error;
    return 0;
  }
  static int OnFrame(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    if (frame->hd.type == NGHTTP2_GOAWAY) {
      Self(self).has_goodbye_ = true;
      Self(self).goodbye_ = frame->goaway.error_code;
    }
    if (frame->hd.type == NGHTTP2_PING) ++Self(self).pings_;
    return 0;
  }
  static ssize_t Read(nghttp2_session*, std::int32_t stream, std::uint8_t* out, std::size_t size,
                      std::uint32_t* flags, nghttp2_data_source*, void* self) {
    Request& request = Self(self).requests_[stream];
    const std::size_t part = std::min(size, request.left.size());
    std::copy_n(request.left.data(), part, out);
    request.left.erase(0, part);
    if (request.left.empty() && request.is_last) *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (part == 0 && !request.is_last) return NGHTTP2_ERR_DEFERRED;
    return static_cast<ssize_t>(part);
  }

  Http2Session session_;
  std::map<std::int32_t, Request> requests_;
  std::map<std::int32_t, Answer> answers_;
  bool has_goodbye_ = false;
  std::uint32_t goodbye_ = 0;
  std::uint32_t pings_ = 0;
};

// A percpud's side that takes what it is told to take, and answers when a test says so.
class FakeDaemon final : public DaemonSide {
 public:
  absl::Status Open(Exchange& exchange, const Fields& head) override {
    if (is_away) return errors::DaemonAway();
    exchange.daemon_stream = next_++;
    open.push_back(&exchange);
    heads.push_back(head);
    return absl::OkStatus();
  }
  void OnRequest(Exchange& exchange) override {
    if (!takes_requests) return;
    std::string& request = requests[exchange.daemon_stream];
    const std::size_t size = exchange.request.size();
    request += std::string(ToText(exchange.request.view().data(), size));
    exchange.request.Drop(size);
    exchange.peer.OnRequestTaken(exchange, size);
  }
  void OnResponseTaken(Exchange& /*exchange*/, std::size_t bytes) override { taken += bytes; }
  void Forget(Exchange& exchange) override {
    ++forgotten;
    std::erase(open, &exchange);
  }

  // An answer of one message, in whole or up to its trailers.
  static void Answer(Exchange& exchange, const std::string& body, bool is_complete = true) {
    exchange.peer.OnResponseHead(exchange,
                                 {{":status", "200"}, {"content-type", "application/grpc"}});
    const std::string message = Message(body);
    exchange.response.Append(ToBytes(message));
    exchange.response_complete = is_complete;
    if (is_complete) exchange.trailers = {{"grpc-status", "0"}};
    exchange.peer.OnResponse(exchange);
  }

  bool is_away = false;
  bool takes_requests = true;
  std::vector<Exchange*> open;
  std::vector<Fields> heads;
  std::map<std::int32_t, std::string> requests;
  std::size_t taken = 0;
  int forgotten = 0;

 private:
  std::int32_t next_ = 1;
};

}  // namespace percpud::gateway::testing

#endif  // PERCPUD_TESTS_UNIT_GATEWAY_HTTP2_RIG_H_
