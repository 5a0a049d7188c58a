// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What both sessions of the gateway share of libnghttp2.

#ifndef PERCPUD_SERVER_GATEWAY_HTTP2_H_
#define PERCPUD_SERVER_GATEWAY_HTTP2_H_

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/gateway/field.h"

namespace percpud::gateway {

struct Http2Deleter {
  void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
  void operator()(nghttp2_session_callbacks* callbacks) const {
    nghttp2_session_callbacks_del(callbacks);
  }
  void operator()(nghttp2_option* option) const { nghttp2_option_del(option); }
};
using Http2Session = std::unique_ptr<nghttp2_session, Http2Deleter>;
using Http2Callbacks = std::unique_ptr<nghttp2_session_callbacks, Http2Deleter>;
using Http2Options = std::unique_ptr<nghttp2_option, Http2Deleter>;

// Ends the process if there is no memory, as new does.
Http2Callbacks NewCallbacks();
Http2Options NewOptions();

// The library's view of fields, which outlive it; it copies them when they are submitted.
std::vector<nghttp2_nv> ViewOf(const Fields& fields);
// A field as the library hands it over.
inline absl::string_view ToText(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

// Takes what came in. Errors: RESOURCE_EXHAUSTED if it makes the library owe more answers
// than it keeps, else what the library has against it; the session is over then.
absl::Status Receive(nghttp2_session& session, std::span<const std::uint8_t> bytes);
// Appends what is to be sent, until `out` has `most` bytes or a frame more. Errors as above.
absl::Status Send(nghttp2_session& session, std::string& out, std::size_t most);

}  // namespace percpud::gateway

#endif  // PERCPUD_SERVER_GATEWAY_HTTP2_H_
