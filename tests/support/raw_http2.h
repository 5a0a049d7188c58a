// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_SUPPORT_RAW_HTTP2_H_
#define PERCPUD_TESTS_SUPPORT_RAW_HTTP2_H_

#include <poll.h>
#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "server/base/unique_fd.h"

namespace percpud::testing {

// HTTP/2 by hand, for peers that no library would be: ones that do not read, do not
// finish, or say too much.
class RawHttp2 {
 public:
  enum FrameType : std::uint8_t {
    kData = 0,
    kHeaders = 1,
    kReset = 3,
    kSettings = 4,
    kPing = 6,
    kGoAway = 7,
    kWindowUpdate = 8,
    kContinuation = 9,
  };
  static constexpr std::uint8_t kEndStream = 1;
  static constexpr std::uint8_t kEndHeaders = 4;

  struct Frame {
    std::uint8_t type;
    std::uint8_t flags;
    std::uint32_t stream;
    std::string payload;
  };

  // Speaks over a connected socket. `window`: how much the server may send on a stream
  // before it is read.
  explicit RawHttp2(UniqueFd socket, std::uint32_t window = 65535) : socket_(std::move(socket)) {
    Send(absl::string_view("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
    // SETTINGS_INITIAL_WINDOW_SIZE.
    Send(kSettings, 0, 0, std::string("\0\4", 2) + Big32(window));
  }

  // Begins a call of a gRPC method and sends one message, unless `half` of the call
  // is all there ever is. Returns the stream.
  std::uint32_t Call(const std::string& path, const std::string& message = {}, bool half = false) {
    const std::uint32_t stream = next_stream_;
    next_stream_ += 2;
    Send(kHeaders, kEndHeaders, stream, HeaderBlock(path));
    if (half) return stream;
    const auto size = static_cast<std::uint32_t>(message.size());
    Send(kData, kEndStream, stream, std::string(1, '\0') + Big32(size) + message);
    return stream;
  }

  // One frame as it is. False if the other end has hung up.
  bool Send(FrameType type, std::uint8_t flags, std::uint32_t stream, const std::string& payload) {
    std::string head = Big32(static_cast<std::uint32_t>(payload.size())).substr(1);
    head.push_back(static_cast<char>(type));
    head.push_back(static_cast<char>(flags));
    return Send(head + Big32(stream) + payload);
  }

  // The next frame; nullopt if none comes in time or the other end has hung up.
  std::optional<Frame> Receive(absl::Duration patience) {
    const absl::Time deadline = absl::Now() + patience;
    while (!HasFrame()) {
      if (!Fill(deadline)) return std::nullopt;
    }
    const std::size_t length = Length();
    Frame frame{.type = static_cast<std::uint8_t>(input_[3]),
                .flags = static_cast<std::uint8_t>(input_[4]),
                .stream = From32(absl::string_view(input_).substr(5, 4)),
                .payload = input_.substr(kHead, length)};
    input_.erase(0, kHead + length);
    return frame;
  }

  // Acknowledges settings and pings until a frame of that type comes.
  std::optional<Frame> Await(FrameType type, absl::Duration patience) {
    const absl::Time deadline = absl::Now() + patience;
    while (std::optional<Frame> frame = Receive(deadline - absl::Now())) {
      if (frame->type == type) return frame;
      constexpr std::uint8_t kAck = 1;
      if (frame->type == kSettings && frame->flags == 0) Send(kSettings, kAck, 0, "");
      if (frame->type == kPing && frame->flags == 0) Send(kPing, kAck, 0, frame->payload);
    }
    return std::nullopt;
  }

  // Lets the server send as much as it likes, on the connection and on each stream, also on
  // those that are open.
  void OpenWindows() {
    constexpr std::uint32_t kLargest = (1U << 31) - 1;
    constexpr std::uint32_t kDefault = 65535;
    Send(kSettings, 0, 0, std::string("\0\4", 2) + Big32(kLargest - kDefault));
    Send(kWindowUpdate, 0, 0, Big32(kLargest - kDefault));
  }
  // Awaits the last frame of any stream, acknowledging as Await does.
  std::optional<Frame> AwaitEndOfStream(absl::Duration patience) {
    const absl::Time deadline = absl::Now() + patience;
    while (std::optional<Frame> frame = Await(kHeaders, deadline - absl::Now())) {
      if ((frame->flags & kEndStream) != 0) return frame;
    }
    return std::nullopt;
  }

  // Whether the other end hangs up in time.
  bool AwaitHangUp(absl::Duration patience) {
    const absl::Time deadline = absl::Now() + patience;
    while (Fill(deadline)) input_.clear();
    return hung_up_;
  }

  [[nodiscard]] int fd() const { return socket_.get(); }

  // A literal header that is not indexed.
  static std::string Literal(const std::string& name, const std::string& value) {
    return std::string(1, '\0') + Text(name) + Text(value);
  }
  static std::string HeaderBlock(const std::string& path) {
    return Literal(":method", "POST") + Literal(":scheme", "http") + Literal(":path", path) +
           Literal(":authority", "test") + Literal("te", "trailers") +
           Literal("content-type", "application/grpc");
  }

 private:
  static constexpr std::size_t kHead = 9;

  static std::string Big32(std::uint32_t value) {
    std::string out;
    for (int shift = 24; shift >= 0; shift -= 8) {
      out.push_back(static_cast<char>((value >> shift) & 0xffU));
    }
    return out;
  }
  static std::uint32_t From32(absl::string_view bytes) {
    std::uint32_t out = 0;
    for (const char byte : bytes) out = out << 8U | static_cast<unsigned char>(byte);
    return out;
  }
  // REQUIRES: fewer than 127 bytes.
  static std::string Text(const std::string& text) {
    return std::string(1, static_cast<char>(text.size())) + text;
  }

  [[nodiscard]] std::size_t Length() const {
    return From32(absl::string_view(input_).substr(0, 3));
  }
  [[nodiscard]] bool HasFrame() const {
    return input_.size() >= kHead && input_.size() >= kHead + Length();
  }

  bool Send(absl::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent > 0) {
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      } else if (errno == EAGAIN) {
        pollfd room{.fd = socket_.get(), .events = POLLOUT, .revents = 0};
        poll(&room, 1, -1);
      } else {
        return false;
      }
    }
    return true;
  }
  // False if nothing came in time, or nothing comes any more.
  bool Fill(absl::Time deadline) {
    pollfd news{.fd = socket_.get(), .events = POLLIN, .revents = 0};
    const absl::Duration left = std::max(absl::ZeroDuration(), deadline - absl::Now());
    if (poll(&news, 1, static_cast<int>(absl::ToInt64Milliseconds(left)) + 1) <= 0) return false;
    char buffer[16384];
    const ssize_t got = recv(socket_.get(), buffer, sizeof(buffer), 0);
    hung_up_ = got <= 0;
    if (!hung_up_) input_.append(buffer, static_cast<std::size_t>(got));
    return !hung_up_;
  }

  UniqueFd socket_;
  std::string input_;
  std::uint32_t next_stream_ = 1;
  bool hung_up_ = false;
};

}  // namespace percpud::testing

#endif  // PERCPUD_TESTS_SUPPORT_RAW_HTTP2_H_
