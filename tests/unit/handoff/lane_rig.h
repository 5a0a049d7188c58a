// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_UNIT_HANDOFF_LANE_RIG_H_
#define PERCPUD_TESTS_UNIT_HANDOFF_LANE_RIG_H_

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "proto/percpud/abi/v1/handoff.h"
#include "proto/percpud/abi/v1/lane_answers.h"
#include "proto/percpud/abi/v1/lane_requests.h"
#include "server/base/ranked_mutex.h"
#include "server/base/unique_fd.h"
#include "server/handoff/closer.h"
#include "server/handoff/lane.h"
#include "server/percpu/allocator/updater.h"
#include "server/percpu/layout/cpu_units.h"
#include "server/session/calls.h"
#include "tests/unit/session/session_rig.h"

namespace percpud::testing {

// An answer, copied out of its message.
struct Answered {
  abi::v1::LaneKind kind = abi::v1::LaneKind::kPing;
  std::uint16_t code = 0;
  std::uint64_t id = 0;
  std::vector<std::byte> body;

  [[nodiscard]] std::vector<std::uint64_t> pointers() const {
    abi::v1::LanePointersView view;
    EXPECT_TRUE(view.Parse(body));
    std::vector<std::uint64_t> out;
    for (std::uint32_t i = 0; i < view.pointers(); ++i) out.push_back(view.pointer(i));
    return out;
  }
  [[nodiscard]] std::string reason() const {
    abi::v1::LaneErrorView view;
    EXPECT_TRUE(view.Parse(body));
    return std::string(view.reason());
  }
  template <typename Body>
  [[nodiscard]] Body As() const {
    EXPECT_EQ(body.size(), sizeof(Body));
    return body.size() == sizeof(Body) ? abi::v1::LaneLoad<Body>(body, 0) : Body{};
  }
};

// A client of the lane, at its end of a socket pair.
class LaneClient {
 public:
  static constexpr absl::Duration kPatience = absl::Seconds(20);

  LaneClient(UniqueFd fd, SessionId session) : fd_(std::move(fd)), session_(session) {}

  // What is to be sent next; Send sends and clears it.
  abi::v1::LaneRequestWriter& ask() { return *ask_; }
  void Send() {
    EXPECT_TRUE(TrySend());
    ask_->Clear();
  }
  // False if the socket takes no more now, or is closed.
  [[nodiscard]] bool TrySend() const { return TrySend(ask_->message()); }
  [[nodiscard]] bool TrySend(abi::v1::LaneBytes message) const {
    return send(fd_.get(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
  }

  // The next answer.
  Answered Hear() {
    while (answers_.empty()) {
      if (!Receive()) return {};
    }
    Answered out = std::move(answers_.front());
    answers_.erase(answers_.begin());
    return out;
  }
  std::vector<Answered> Hear(std::size_t count) {
    std::vector<Answered> out;
    while (out.size() < count) {
      out.push_back(Hear());
      if (::testing::Test::HasFailure()) return out;
    }
    return out;
  }
  [[nodiscard]] bool HearsWithin(absl::Duration patience) const {
    pollfd polled{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    return poll(&polled, 1, static_cast<int>(absl::ToInt64Milliseconds(patience))) == 1;
  }
  // The daemon's last words, behind which it hung up; an empty text if there were none.
  std::string HearRefusal() {
    abi::v1::Refusal refusal{};
    while (true) {
      if (!HearsWithin(kPatience)) return "still open";
      const ssize_t bytes = recv(fd_.get(), buffer_->data(), buffer_->size(), 0);
      if (bytes <= 0) return refusal.magic == 0 ? "" : refusal.message.data();
      if (bytes == sizeof(refusal)) std::memcpy(&refusal, buffer_->data(), sizeof(refusal));
      if (refusal.magic != abi::v1::kRefusalMagic) refusal = {};
    }
  }
  void Leave() { fd_.reset(); }

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] SessionId session() const { return session_; }

 private:
  bool Receive() {
    if (!HearsWithin(kPatience)) {
      ADD_FAILURE() << "no answer";
      return false;
    }
    const ssize_t bytes = recv(fd_.get(), buffer_->data(), buffer_->size(), 0);
    EXPECT_GT(bytes, 0) << std::strerror(errno);
    if (bytes <= 0) return false;
    abi::v1::LaneAnswerReader reader({buffer_->data(), static_cast<std::size_t>(bytes)});
    abi::v1::LaneAnswer answer;
    abi::v1::LaneNext next{};
    while ((next = reader.Next(answer)) == abi::v1::LaneNext::kRecord) {
      answers_.push_back({.kind = answer.kind,
                          .code = answer.code,
                          .id = answer.id,
                          .body = {answer.body.begin(), answer.body.end()}});
    }
    EXPECT_EQ(next, abi::v1::LaneNext::kEnd);
    return true;
  }

  using Message = std::array<std::byte, abi::v1::kLaneMessageBytes>;

  UniqueFd fd_;
  SessionId session_;
  std::unique_ptr<Message> memory_ = std::make_unique<Message>();
  std::unique_ptr<Message> buffer_ = std::make_unique<Message>();
  std::unique_ptr<abi::v1::LaneRequestWriter> ask_ =
      std::make_unique<abi::v1::LaneRequestWriter>(*memory_);
  std::vector<Answered> answers_;
};

// A lane over real sessions, whose clients are at socket pairs; no door.
class LaneTest : public SessionTest {
 protected:
  void SetUp() override {
    SessionTest::SetUp();
    Serve({});
  }
  void TearDown() override {
    lane_.reset();
    SessionTest::TearDown();
  }

  // Anew, over the sessions there are.
  void Serve(Calls::Limits limits) {
    lane_.reset();
    const std::uint32_t cpus = allocator_->info().units();
    updater_ = std::make_unique<Updater>(allocator_->info(), PlaceCpus(allocator_->info(), cpus),
                                         Updater::Mode::kAtomic, cpus);
    calls_ = std::make_unique<Calls>(*allocator_, *sessions_, *updater_, limits);
    auto lane =
        Lane::Create(*calls_, {.gone = [this](SessionId session) { OnGone(session); },
                               .close = [this](UniqueFd fd) { closer_.Close(std::move(fd)); }});
    ASSERT_TRUE(lane.ok()) << lane.status();
    lane_ = *std::move(lane);
    lane_->Start();
  }

  LaneClient Connect(UserId user = kAlice) {
    const OpenedSession opened = Open(user);
    std::array<int, 2> ends{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
    lane_->Admit(UniqueFd(ends[0]), CallerOf(opened));
    return {UniqueFd(ends[1]), opened.id};
  }

  // The lane has said that the session's connection is over, within the patience.
  bool AwaitGone(SessionId session) {
    RankedLock lock(&mu_);
    const auto is_gone = [&] { return gone_.contains(session); };
    return mu_.AwaitWithTimeout(absl::Condition(&is_gone), LaneClient::kPatience);
  }
  bool IsGone(SessionId session) {
    RankedLock lock(&mu_);
    return gone_.contains(session);
  }

  std::unique_ptr<Updater> updater_;
  std::unique_ptr<Calls> calls_;
  Closer closer_;
  std::unique_ptr<Lane> lane_;

 private:
  void OnGone(SessionId session) {
    RankedLock lock(&mu_);
    gone_.insert(session);
  }

  RankedMutex mu_{LockRank::kLeaf};
  std::set<SessionId> gone_;
};

}  // namespace percpud::testing

#endif  // PERCPUD_TESTS_UNIT_HANDOFF_LANE_RIG_H_
