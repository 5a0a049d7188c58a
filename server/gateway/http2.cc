// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/gateway/http2.h"

#include <new>

#include "absl/strings/str_cat.h"

namespace percpud::gateway {
namespace {

absl::Status Refused(std::int64_t error) {
  if (error == NGHTTP2_ERR_FLOODED) return absl::ResourceExhaustedError("HTTP/2: flooded");
  return absl::InvalidArgumentError(
      absl::StrCat("HTTP/2: ", nghttp2_strerror(static_cast<int>(error))));
}

// It is only read: the library's type is older than const.
std::uint8_t* ToBytes(const std::string& text) {
  return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
}

}  // namespace

Http2Callbacks NewCallbacks() {
  nghttp2_session_callbacks* made = nullptr;
  if (nghttp2_session_callbacks_new(&made) != 0) throw std::bad_alloc();
  return Http2Callbacks(made);
}

Http2Options NewOptions() {
  nghttp2_option* made = nullptr;
  if (nghttp2_option_new(&made) != 0) throw std::bad_alloc();
  return Http2Options(made);
}

std::vector<nghttp2_nv> ViewOf(const Fields& fields) {
  std::vector<nghttp2_nv> out;
  out.reserve(fields.size());
  for (const Field& field : fields) {
    out.push_back({.name = ToBytes(field.name),
                   .value = ToBytes(field.value),
                   .namelen = field.name.size(),
                   .valuelen = field.value.size(),
                   .flags = NGHTTP2_NV_FLAG_NONE});
  }
  return out;
}

absl::Status Receive(nghttp2_session& session, std::span<const std::uint8_t> bytes) {
  const ssize_t taken = nghttp2_session_mem_recv(&session, bytes.data(), bytes.size());
  return taken < 0 ? Refused(taken) : absl::OkStatus();
}

absl::Status Send(nghttp2_session& session, std::string& out, std::size_t most) {
  while (out.size() < most) {
    const std::uint8_t* bytes = nullptr;
    const ssize_t size = nghttp2_session_mem_send(&session, &bytes);
    if (size < 0) return Refused(size);
    if (size == 0) break;
    out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  }
  return absl::OkStatus();
}

}  // namespace percpud::gateway
