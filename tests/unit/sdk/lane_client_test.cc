// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/door/lane_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"

namespace percpu {
namespace {

namespace abi = percpud::abi::v1;
using percpud::UniqueFd;

constexpr absl::Duration kPatience = absl::Seconds(20);

// The daemon's end of a lane: hears requests and answers what a test says.
class FakeDaemon {
 public:
  explicit FakeDaemon(UniqueFd fd) : fd_(std::move(fd)) {}

  // The requests of the next message; none if the client has closed.
  std::vector<abi::LaneRequest> Hear() {
    pollfd polled{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    if (poll(&polled, 1, static_cast<int>(absl::ToInt64Milliseconds(kPatience))) != 1) {
      ADD_FAILURE() << "nothing was asked";
      return {};
    }
    const ssize_t bytes = recv(fd_.get(), heard_->data(), heard_->size(), 0);
    if (bytes <= 0) return {};
    std::vector<abi::LaneRequest> out;
    abi::LaneRequestReader reader({heard_->data(), static_cast<std::size_t>(bytes)});
    abi::LaneRequest request;
    while (reader.Next(request) == abi::LaneNext::kRecord) out.push_back(request);
    return out;
  }
  abi::LaneAnswerWriter& answer() { return *answer_; }
  void Send() {
    const abi::LaneBytes message = answer_->message();
    EXPECT_EQ(send(fd_.get(), message.data(), message.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(message.size()));
    answer_->Clear();
  }
  void Say(const std::string& text) {
    static_cast<void>(send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL));
  }
  void HangUp() { fd_.reset(); }

 private:
  using Message = std::array<std::byte, abi::kLaneMessageBytes>;
  UniqueFd fd_;
  std::unique_ptr<Message> heard_ = std::make_unique<Message>();
  std::unique_ptr<Message> memory_ = std::make_unique<Message>();
  std::unique_ptr<abi::LaneAnswerWriter> answer_ =
      std::make_unique<abi::LaneAnswerWriter>(*memory_);
};

class LaneClientTest : public ::testing::Test {
 protected:
  LaneClientTest() {
    std::array<int, 2> ends{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
    client_ = std::make_unique<LaneClient>(std::make_shared<const UniqueFd>(ends[0]));
    daemon_ = std::make_unique<FakeDaemon>(UniqueFd(ends[1]));
  }

  absl::StatusOr<LaneClient::Answer> Ping(absl::Duration patience = kPatience) {
    return Call([](abi::LaneRequestWriter& message, std::uint64_t id) { return message.Ping(id); },
                patience);
  }
  absl::StatusOr<LaneClient::Answer> Call(LaneClient::Ask ask, absl::Duration patience = kPatience,
                                          bool* was_sent = nullptr) {
    LaneAttempt attempt{.lane = *client_, .deadline = Deadline::After(patience)};
    absl::StatusOr<LaneClient::Answer> answer = client_->Call(ask, attempt);
    if (was_sent != nullptr) *was_sent = attempt.was_sent;
    return answer;
  }

  std::unique_ptr<LaneClient> client_;
  std::unique_ptr<FakeDaemon> daemon_;
};

TEST_F(LaneClientTest, AnAnswerComesWithItsCodeAndBody) {
  std::thread caller([this] {
    const auto answer = Ping();
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(answer->code, 5);
    abi::LaneErrorView error;
    ASSERT_TRUE(error.Parse(answer->body));
    EXPECT_EQ(error.text(), "no such thing");
  });
  const auto asked = daemon_->Hear();
  ASSERT_EQ(asked.size(), 1U);
  daemon_->answer().Error(asked[0].kind, asked[0].id, 5, "REASON", "no such thing");
  daemon_->Send();
  caller.join();
}

TEST_F(LaneClientTest, OfManyWhoWaitEachGetsItsOwnAnswer) {
  constexpr std::size_t kThreads = 8;
  constexpr std::uint64_t kCalls = 200;
  std::vector<std::thread> callers;
  for (std::size_t t = 0; t < kThreads; ++t) {
    callers.emplace_back([this, t] {
      for (std::uint64_t i = 0; i < kCalls; ++i) {
        const std::uint64_t mine = t * kCalls + i;
        const auto answer = Call([mine](abi::LaneRequestWriter& message, std::uint64_t id) {
          return message.Free(id, 0, std::span(&mine, 1));
        });
        ASSERT_TRUE(answer.ok()) << answer.status();
        EXPECT_EQ(abi::LaneLoad<abi::LaneFreed>(answer->body, 0).freed_bytes, mine);
      }
    });
  }
  // Answers what it was asked to free; several in one message, as they come.
  for (std::size_t answered = 0; answered < kThreads * kCalls;) {
    for (const abi::LaneRequest& request : daemon_->Hear()) {
      abi::LanePointersView view;
      ASSERT_TRUE(view.Parse(request.body));
      daemon_->answer().Free(request.id, {.freed_bytes = view.pointer(0)});
      ++answered;
    }
    daemon_->Send();
  }
  for (std::thread& caller : callers) caller.join();
}

TEST_F(LaneClientTest, WhoDoesNotWaitAnyMoreHoldsUpNobody) {
  EXPECT_TRUE(absl::IsDeadlineExceeded(Ping(absl::Milliseconds(5)).status()));
  const auto late = daemon_->Hear();
  std::thread caller([this] { EXPECT_TRUE(Ping().ok()); });
  const auto next = daemon_->Hear();
  ASSERT_EQ(late.size() + next.size(), 2U);
  daemon_->answer().Ping(late[0].id);
  daemon_->answer().Ping(next[0].id);
  daemon_->Send();
  caller.join();
}

TEST_F(LaneClientTest, WhoReadsForAllAndLeavesHandsTheTaskOn) {
  // The first reads; its deadline passes while the second waits.
  std::thread first(
      [this] { EXPECT_TRUE(absl::IsDeadlineExceeded(Ping(absl::Milliseconds(50)).status())); });
  const auto lost = daemon_->Hear();
  std::thread second([this] { EXPECT_TRUE(Ping().ok()); });
  const auto kept = daemon_->Hear();
  first.join();
  daemon_->answer().Ping(lost.at(0).id);
  daemon_->answer().Ping(kept.at(0).id);
  daemon_->Send();
  second.join();
}

TEST_F(LaneClientTest, WhenTheDaemonHangsUpEverybodyHears) {
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([this] { EXPECT_TRUE(absl::IsUnavailable(Ping().status())); });
  }
  for (int i = 0; i < 4; ++i) daemon_->Hear();
  daemon_->HangUp();
  for (std::thread& caller : callers) caller.join();
  EXPECT_TRUE(absl::IsUnavailable(Ping().status()));
}

// Only a request that was not sent may be made again whatever it does.
TEST_F(LaneClientTest, TellsARequestThatWasSentFromOneThatWasNot) {
  const auto ping = [](abi::LaneRequestWriter& message, std::uint64_t id) {
    return message.Ping(id);
  };
  bool was_sent = false;
  std::thread caller(
      [&] { EXPECT_TRUE(absl::IsUnavailable(Call(ping, kPatience, &was_sent).status())); });
  daemon_->Hear();
  EXPECT_FALSE(client_->is_broken());
  daemon_->HangUp();
  caller.join();
  EXPECT_TRUE(was_sent);
  EXPECT_TRUE(client_->is_broken());
  EXPECT_TRUE(absl::IsUnavailable(Call(ping, kPatience, &was_sent).status()));
  EXPECT_FALSE(was_sent);
}

TEST_F(LaneClientTest, AnAnswerThatNobodyAskedForBreaksTheLane) {
  std::thread caller([this] { EXPECT_TRUE(absl::IsUnavailable(Ping().status())); });
  const auto asked = daemon_->Hear();
  daemon_->answer().Ping(asked.at(0).id + 1);
  daemon_->Send();
  caller.join();
}

TEST_F(LaneClientTest, GarbageBreaksTheLane) {
  std::thread caller([this] { EXPECT_TRUE(absl::IsUnavailable(Ping().status())); });
  daemon_->Hear();
  daemon_->Say("garbage");
  caller.join();
  // The daemon hears of it, and so does the session's watch.
  EXPECT_TRUE(client_->is_broken());
  EXPECT_TRUE(daemon_->Hear().empty());
}

TEST_F(LaneClientTest, ADaemonThatDoesNotReadIsWaitedForUntilTheDeadline) {
  // Long messages fill the socket; nobody waits for their answers any more.
  const std::vector<std::uint64_t> pointers(4000, 64);
  const auto free = [&](abi::LaneRequestWriter& message, std::uint64_t id) {
    return message.Free(id, 0, pointers);
  };
  for (int i = 0; i < 200; ++i) {
    const auto answer = Call(free, absl::Milliseconds(2));
    ASSERT_TRUE(absl::IsDeadlineExceeded(answer.status())) << answer.status();
  }
}

TEST_F(LaneClientTest, ARequestThatIsTooLongIsNotSent) {
  const std::vector<std::uint64_t> pointers(abi::kLaneMessageBytes / sizeof(std::uint64_t));
  bool was_sent = true;
  const auto answer = Call([&](abi::LaneRequestWriter& message,
                               std::uint64_t id) { return message.Free(id, 0, pointers); },
                           kPatience, &was_sent);
  EXPECT_TRUE(absl::IsOutOfRange(answer.status()));
  EXPECT_FALSE(was_sent);
  std::thread caller([this] { EXPECT_TRUE(Ping().ok()); });
  const auto asked = daemon_->Hear();
  ASSERT_EQ(asked.at(0).kind, abi::LaneKind::kPing);
  daemon_->answer().Ping(asked[0].id);
  daemon_->Send();
  caller.join();
}

}  // namespace
}  // namespace percpu
