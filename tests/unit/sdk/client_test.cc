// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "percpu/area.h"
#include "percpu/mocks/mock_connection.h"

namespace percpu {
namespace {

using ::testing::_;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::Return;

class ClientTest : public ::testing::Test {
 protected:
  // The next free names exactly this pointer.
  void ExpectFree(Pointer pointer) {
    EXPECT_CALL(*connection_, Free(ElementsAre(pointer))).WillOnce(Return(8));
  }

  std::shared_ptr<mocks::MockConnection> connection_ = std::make_shared<mocks::MockConnection>();
  Client client_{connection_};
};

TEST_F(ClientTest, AllocateAsksForOneArea) {
  EXPECT_CALL(*connection_, Alloc(ElementsAre(Field(&AreaSpec::size_bytes, 24)),
                                  Field(&AllocateOptions::tag, "hits")))
      .WillOnce(Return(std::vector{Pointer{0x40}}));
  const auto pointer = client_.Allocate({.size_bytes = 24, .alignment = 64}, {.tag = "hits"});
  ASSERT_TRUE(pointer.ok()) << pointer.status();
  EXPECT_EQ(*pointer, Pointer{0x40});
}

TEST_F(ClientTest, AnEmptyBatchIsTheDaemonsToRefuse) {
  EXPECT_CALL(*connection_, Alloc).WillOnce(Return(absl::InvalidArgumentError("sizes: empty")));
  EXPECT_EQ(client_.AllocateBatch({}).status(), absl::InvalidArgumentError("sizes: empty"));
}

TEST_F(ClientTest, AGrantOfTheWrongLengthIsAnError) {
  EXPECT_CALL(*connection_, Alloc).WillOnce(Return(std::vector<Pointer>()));
  EXPECT_EQ(client_.Allocate({.size_bytes = 8}).status().code(), absl::StatusCode::kInternal);
}

TEST_F(ClientTest, FreeReportsTheBytesFreed) {
  EXPECT_CALL(*connection_, Free(ElementsAre(Pointer{8}, Pointer{64}))).WillOnce(Return(48));
  EXPECT_EQ(client_.FreeBatch(std::array{Pointer{8}, Pointer{64}}).value_or(0), 48U);
}

TEST_F(ClientTest, AnAddressIsCheckedAndAPathIsOne) {
  for (const char* address : {"unix:/run/p.sock", "unix:p", "unix:///run/p.sock", "/run/p.sock",
                              "./p", "localhost:1", "[::1]:5000"}) {
    EXPECT_TRUE(Client::Connect(address).ok()) << address;
  }
  for (const char* address :
       {"", "unix:", "unix://", "p.sock", "localhost", "localhost:", ":1", "a:b"}) {
    const auto client = Client::Connect(address);
    EXPECT_EQ(client.status().code(), absl::StatusCode::kInvalidArgument) << address;
    EXPECT_THAT(std::string(client.status().message()), HasSubstr("unix:PATH nor HOST:PORT"));
  }
}

TEST_F(ClientTest, APathThatNoSocketCanHaveIsRefusedWithTheLimit) {
  const auto client = Client::Connect("/" + std::string(200, 'x'));
  EXPECT_EQ(client.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(client.status().message()), HasSubstr("at most 107"));
}

TEST_F(ClientTest, AnAreaIsFreedWithItsHandle) {
  EXPECT_CALL(*connection_, Alloc).WillOnce(Return(std::vector{Pointer{64}}));
  auto area = client_.AllocateArea({.size_bytes = 8});
  ASSERT_TRUE(area.ok()) << area.status();
  EXPECT_EQ(area->pointer(), Pointer{64});
  ExpectFree(Pointer{64});
}

TEST_F(ClientTest, AReleasedAreaIsTheCallers) {
  EXPECT_CALL(*connection_, Free).Times(0);
  Area area(connection_, Pointer{64});
  EXPECT_EQ(area.Release(), Pointer{64});
  EXPECT_EQ(area.pointer(), kNull);
  EXPECT_EQ(area.Free().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(ClientTest, AMovedAreaIsFreedOnce) {
  Area first(connection_, Pointer{64});
  Area second(std::move(first));
  EXPECT_EQ(second.pointer(), Pointer{64});
  Area third(connection_, Pointer{128});
  ExpectFree(Pointer{128});
  third = std::move(second);
  ::testing::Mock::VerifyAndClearExpectations(connection_.get());
  EXPECT_EQ(third.pointer(), Pointer{64});
  ExpectFree(Pointer{64});
}

TEST_F(ClientTest, FreeingAnAreaTellsWhatWentWrongAndOwnsNothingAfterwards) {
  Area area(connection_, Pointer{64});
  EXPECT_CALL(*connection_, Free).WillOnce(Return(absl::NotFoundError("gone")));
  EXPECT_EQ(area.Free(), absl::NotFoundError("gone"));
  EXPECT_EQ(area.pointer(), kNull);
}

TEST_F(ClientTest, EndingTheOwnSessionNamesNone) {
  EXPECT_CALL(*connection_, EndSession(SessionId{0})).WillOnce(Return(absl::OkStatus()));
  EXPECT_TRUE(client_.EndOwnSession().ok());
}

TEST_F(ClientTest, WatchPassesTheInterval) {
  EXPECT_CALL(*connection_, Watch(absl::Milliseconds(1500), _)).WillOnce(Return(absl::OkStatus()));
  EXPECT_TRUE(client_.Watch(absl::Milliseconds(1500), [](const auto&) { return true; }).ok());
}

}  // namespace
}  // namespace percpu
