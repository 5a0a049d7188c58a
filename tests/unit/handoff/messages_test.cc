// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/handoff/messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "tests/unit/handoff/visitor.h"

namespace percpud {
namespace {

using testing::GoodHello;
using ::testing::HasSubstr;
using testing::Hello;
using testing::Refusal;
using testing::Reply;
using testing::Visitor;
using testing::Welcome;

// The daemon's end of a connection, and who is at the other.
struct Connection {
  Connection() : Connection(Pair()) {}

  UniqueFd daemon;
  Visitor visitor;

 private:
  static std::array<int, 2> Pair() {
    std::array<int, 2> ends{-1, -1};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
    return ends;
  }
  explicit Connection(std::array<int, 2> ends) : daemon(ends[0]), visitor(UniqueFd(ends[1])) {}
};

// Which file it is, whatever descriptor leads there.
ino_t FileOf(int fd) {
  struct stat file {};
  EXPECT_EQ(fstat(fd, &file), 0);
  return file.st_ino;
}

TEST(MessagesTest, AHelloIsTakenAsItWasSaid) {
  const Connection at_door;
  Hello said = GoodHello();
  said.resume.fill(7);
  at_door.visitor.Say(said);
  Hello heard{};
  std::vector<UniqueFd> strays;
  ASSERT_EQ(ReceiveHello(at_door.daemon.get(), heard, strays), Heard::kHello);
  EXPECT_EQ(heard.wanted, said.wanted);
  EXPECT_EQ(heard.abilities, said.abilities);
  EXPECT_EQ(heard.resume, said.resume);
  EXPECT_TRUE(strays.empty());
}

TEST(MessagesTest, NothingElseIsAHello) {
  const Connection at_door;
  Hello hello{};
  std::vector<UniqueFd> strays;
  const auto hear = [&] { return ReceiveHello(at_door.daemon.get(), hello, strays); };
  EXPECT_EQ(hear(), Heard::kNothing) << "nobody said anything";
  const std::array<Hello, 2> two{GoodHello(), GoodHello()};
  for (const std::size_t size :
       {std::size_t{1}, sizeof(Hello) - 1, sizeof(Hello) + 1, sizeof(two)}) {
    at_door.visitor.Say(two.data(), size);
    EXPECT_EQ(hear(), Heard::kOther) << size << " bytes";
  }
  Hello stranger = GoodHello();
  stranger.magic = abi::v1::kWelcomeMagic;
  at_door.visitor.Say(stranger);
  EXPECT_EQ(hear(), Heard::kOther);
}

TEST(MessagesTest, TheEndIsHeard) {
  Connection at_door;
  EXPECT_FALSE(HasHungUp(at_door.daemon.get()));
  at_door.visitor.Say(GoodHello());
  at_door.visitor.Leave();
  EXPECT_TRUE(HasHungUp(at_door.daemon.get())) << "though there is something to be read";
  Hello hello{};
  std::vector<UniqueFd> strays;
  EXPECT_EQ(ReceiveHello(at_door.daemon.get(), hello, strays), Heard::kHello);
  EXPECT_EQ(ReceiveHello(at_door.daemon.get(), hello, strays), Heard::kOther);
}

// The message carries the most that the kernel lets through: it would close any more
// itself, on the thread that receives.
TEST(MessagesTest, EveryDescriptorThatComesWithAHelloIsHandedOn) {
  const Connection at_door;
  const UniqueFd file(eventfd(0, EFD_CLOEXEC));
  const std::vector<int> most(253, file.get());
  const Hello said = GoodHello();
  const std::string text(reinterpret_cast<const char*>(&said), sizeof(said));
  ASSERT_TRUE(testing::SendWithFds(at_door.visitor.fd(), text, most));
  Hello hello{};
  std::vector<UniqueFd> strays;
  EXPECT_EQ(ReceiveHello(at_door.daemon.get(), hello, strays), Heard::kOther);
  ASSERT_EQ(strays.size(), most.size());
  for (const UniqueFd& stray : strays) EXPECT_EQ(FileOf(stray.get()), FileOf(file.get()));
}

TEST(MessagesTest, ARefusalHandsOnWhatCameBeforeIt) {
  const Connection at_door;
  const UniqueFd file(eventfd(0, EFD_CLOEXEC));
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(at_door.visitor.SayWithFd(GoodHello(), file.get()));
  }
  std::vector<UniqueFd> strays;
  SendRefusal(at_door.daemon.get(), absl::PermissionDeniedError("not today"), strays);
  EXPECT_EQ(strays.size(), 3u);
}

TEST(MessagesTest, AWelcomeBringsItsDescriptorsInOrder) {
  const UniqueFd first(eventfd(0, EFD_CLOEXEC));
  std::array<int, 2> pipe_ends{-1, -1};
  ASSERT_EQ(pipe(pipe_ends.data()), 0);
  const UniqueFd second(pipe_ends[0]);
  const UniqueFd rest(pipe_ends[1]);
  const std::array<int, 2> fds{first.get(), second.get()};
  for (const std::size_t count : {1, 2}) {
    const Connection at_door;
    const Welcome said{.magic = abi::v1::kWelcomeMagic,
                       .version = 1,
                       .session = 42,
                       .token = {1, 2, 3},
                       .granted = 2,
                       .reserved = 0};
    ASSERT_TRUE(SendWelcome(at_door.daemon.get(), said, std::span(fds).first(count)).ok());
    const Reply heard = at_door.visitor.Hear();
    ASSERT_TRUE(std::holds_alternative<Welcome>(heard.said));
    EXPECT_EQ(std::get<Welcome>(heard.said).session, said.session);
    EXPECT_EQ(std::get<Welcome>(heard.said).token, said.token);
    ASSERT_EQ(heard.fds.size(), count);
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_EQ(FileOf(heard.fds[i].get()), FileOf(fds[i])) << i;
    }
  }
}

TEST(MessagesTest, AVisitorWhoHasLeftIsNotWelcomed) {
  Connection at_door;
  at_door.visitor.Leave();
  const int fd = at_door.daemon.get();
  const absl::Status status = SendWelcome(fd, Welcome{}, std::span(&fd, 1));
  EXPECT_THAT(status.message(), HasSubstr("sendmsg"));
}

TEST(MessagesTest, ARefusalIsHeardThoughMoreWasSaid) {
  const Connection at_door;
  at_door.visitor.Say(GoodHello());
  at_door.visitor.Say(GoodHello());
  std::vector<UniqueFd> strays;
  SendRefusal(at_door.daemon.get(), absl::PermissionDeniedError("not today"), strays);
  const Reply heard = at_door.visitor.Hear();
  ASSERT_TRUE(std::holds_alternative<Refusal>(heard.said));
  const auto& refusal = std::get<Refusal>(heard.said);
  EXPECT_EQ(refusal.magic, abi::v1::kRefusalMagic);
  EXPECT_EQ(refusal.code, static_cast<std::uint32_t>(absl::StatusCode::kPermissionDenied));
  EXPECT_STREQ(refusal.message.data(), "not today");
}

TEST(MessagesTest, ALongRefusalIsCutAndStillEnds) {
  const Connection at_door;
  std::vector<UniqueFd> strays;
  SendRefusal(at_door.daemon.get(), absl::InternalError(std::string(1000, 'x')), strays);
  const Reply heard = at_door.visitor.Hear();
  ASSERT_TRUE(std::holds_alternative<Refusal>(heard.said));
  const auto& message = std::get<Refusal>(heard.said).message;
  EXPECT_EQ(message[message.size() - 2], 'x');
  EXPECT_EQ(message.back(), '\0');
}

}  // namespace
}  // namespace percpud
