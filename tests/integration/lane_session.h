// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_INTEGRATION_LANE_SESSION_H_
#define PERCPUD_TESTS_INTEGRATION_LANE_SESSION_H_

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "proto/percpud/abi/v1/handoff.h"
#include "proto/percpud/abi/v1/lane_answers.h"
#include "proto/percpud/abi/v1/lane_requests.h"
#include "proto/percpud/abi/v1/wire.h"
#include "server/base/unique_fd.h"

namespace percpud::testing {

inline constexpr absl::Duration kLanePatience = absl::Seconds(60);

// A session at the door, by hand: what no library would say can be said over it. Not
// thread safe.
class LaneSession {
 public:
  // Knocks until the daemon is there; goes on with the session of `token` unless it is
  // all zeros.
  static LaneSession Open(const std::string& address,
                          const std::array<std::uint8_t, 16>& token = {}) {
    LaneSession session;
    const absl::Time deadline = absl::Now() + kLanePatience;
    while (!session.Knock(address, token)) {
      if (absl::Now() > deadline) {
        ADD_FAILURE() << "nobody at the door";
        break;
      }
      absl::SleepFor(absl::Milliseconds(5));
    }
    return session;
  }

  [[nodiscard]] const abi::v1::Welcome& welcome() const { return welcome_; }
  abi::v1::LaneRequestWriter& ask() { return *ask_; }
  // False if the daemon has hung up.
  bool Send() {
    const abi::v1::LaneBytes message = ask_->message();
    const bool sent = send(fd_.get(), message.data(), message.size(), MSG_NOSIGNAL) >= 0;
    ask_->Clear();
    return sent;
  }
  // Sends bytes as they are; false if the daemon has hung up.
  [[nodiscard]] bool SendRaw(std::string_view bytes) const {
    return send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) >= 0;
  }
  [[nodiscard]] bool TrySend() const {
    const abi::v1::LaneBytes message = ask_->message();
    return send(fd_.get(), message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
  }
  // Calls on_answer for each answer of the next message; false if the daemon has hung up.
  template <typename OnAnswer>
  bool Hear(OnAnswer on_answer) {
    pollfd polled{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    if (poll(&polled, 1, static_cast<int>(absl::ToInt64Milliseconds(kLanePatience))) != 1) {
      ADD_FAILURE() << "no answer";
      return false;
    }
    const ssize_t bytes = recv(fd_.get(), heard_->data(), heard_->size(), 0);
    if (bytes <= 0) return false;
    abi::v1::LaneAnswerReader reader({heard_->data(), static_cast<std::size_t>(bytes)});
    abi::v1::LaneAnswer answer;
    while (reader.Next(answer) == abi::v1::LaneNext::kRecord) on_answer(answer);
    return true;
  }
  // Whether the daemon hangs up, and says nothing before but a refusal.
  [[nodiscard]] bool AwaitHangUp() const {
    pollfd polled{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    while (poll(&polled, 1, static_cast<int>(absl::ToInt64Milliseconds(kLanePatience))) == 1) {
      const ssize_t bytes = recv(fd_.get(), heard_->data(), heard_->size(), 0);
      if (bytes <= 0) return true;
      if (bytes != sizeof(abi::v1::Refusal)) return false;
    }
    return false;
  }
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  using Message = std::array<std::byte, abi::v1::kLaneMessageBytes>;

  bool Knock(const std::string& address, const std::array<std::uint8_t, 16>& token) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    const std::string path =
        absl::StrCat(absl::StripPrefix(address, "unix:"), abi::v1::kDoorSuffix);
    std::memcpy(name.sun_path, path.c_str(), std::min(path.size(), sizeof(name.sun_path) - 1));
    fd_ = UniqueFd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    if (connect(fd_.get(), reinterpret_cast<const sockaddr*>(&name), sizeof(name)) != 0) {
      return false;
    }
    const abi::v1::Hello hello{.magic = abi::v1::kHelloMagic,
                               .version = abi::v1::kHandoffLaneVersion,
                               .wanted = static_cast<std::uint32_t>(abi::v1::MapMode::kNone),
                               .abilities = 0,
                               .resume = token};
    if (send(fd_.get(), &hello, sizeof(hello), MSG_NOSIGNAL) < 0) return false;
    return recv(fd_.get(), &welcome_, sizeof(welcome_), 0) == sizeof(welcome_) &&
           welcome_.magic == abi::v1::kWelcomeMagic;
  }

  UniqueFd fd_;
  abi::v1::Welcome welcome_{};
  std::unique_ptr<Message> memory_ = std::make_unique<Message>();
  std::unique_ptr<Message> heard_ = std::make_unique<Message>();
  std::unique_ptr<abi::v1::LaneRequestWriter> ask_ =
      std::make_unique<abi::v1::LaneRequestWriter>(*memory_);
};

}  // namespace percpud::testing

#endif  // PERCPUD_TESTS_INTEGRATION_LANE_SESSION_H_
