// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <vector>

#include "percpu/mocks/mock_connection.h"

namespace percpu {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Property;
using ::testing::Return;

class ClientTest : public ::testing::Test {
 protected:
  std::shared_ptr<mocks::MockConnection> connection_ = std::make_shared<mocks::MockConnection>();
  Client client_{connection_};
};

v1::AllocResponse Granted(std::initializer_list<std::uint64_t> pointers) {
  v1::AllocResponse response;
  for (const std::uint64_t pointer : pointers) response.add_pointers(pointer);
  return response;
}

TEST_F(ClientTest, AllocateAsksForOneArea) {
  v1::AllocRequest asked;
  EXPECT_CALL(*connection_, Alloc).WillOnce([&](const v1::AllocRequest& request) {
    asked = request;
    return Granted({0x40});
  });
  const auto pointer =
      client_.Allocate({.size_bytes = 24, .alignment = 64},
                       {.region = Region::kReserved, .no_grow = true, .tag = "hits"});
  ASSERT_TRUE(pointer.ok()) << pointer.status();
  EXPECT_EQ(*pointer, Pointer{0x40});
  EXPECT_THAT(asked.sizes_bytes(), ElementsAre(24));
  EXPECT_THAT(asked.alignments(), ElementsAre(64));
  EXPECT_EQ(asked.region(), v1::REGION_RESERVED);
  EXPECT_TRUE(asked.no_grow());
  EXPECT_EQ(asked.tag(), "hits");
}

TEST_F(ClientTest, ABatchOfOneAlignmentSendsItOnce) {
  v1::AllocRequest asked;
  EXPECT_CALL(*connection_, Alloc).WillOnce([&](const v1::AllocRequest& request) {
    asked = request;
    return Granted({8, 16, 24});
  });
  const std::array<AreaSpec, 3> specs = {{{.size_bytes = 8}, {.size_bytes = 4}, {.size_bytes = 8}}};
  const auto pointers = client_.AllocateBatch(specs);
  ASSERT_TRUE(pointers.ok()) << pointers.status();
  EXPECT_THAT(*pointers, ElementsAre(Pointer{8}, Pointer{16}, Pointer{24}));
  EXPECT_THAT(asked.sizes_bytes(), ElementsAre(8, 4, 8));
  EXPECT_THAT(asked.alignments(), ElementsAre(8));
}

TEST_F(ClientTest, ABatchOfSeveralAlignmentsSendsThemAll) {
  v1::AllocRequest asked;
  EXPECT_CALL(*connection_, Alloc).WillOnce([&](const v1::AllocRequest& request) {
    asked = request;
    return Granted({8, 64});
  });
  const std::array<AreaSpec, 2> specs = {{{.size_bytes = 8}, {.size_bytes = 8, .alignment = 64}}};
  ASSERT_TRUE(client_.AllocateBatch(specs).ok());
  EXPECT_THAT(asked.alignments(), ElementsAre(8, 64));
}

TEST_F(ClientTest, AnEmptyBatchIsTheDaemonsToRefuse) {
  EXPECT_CALL(*connection_, Alloc(Property(&v1::AllocRequest::sizes_bytes, IsEmpty())))
      .WillOnce(Return(absl::InvalidArgumentError("sizes: empty")));
  EXPECT_EQ(client_.AllocateBatch({}).status(), absl::InvalidArgumentError("sizes: empty"));
}

TEST_F(ClientTest, AGrantOfTheWrongLengthIsAnError) {
  EXPECT_CALL(*connection_, Alloc).WillOnce(Return(Granted({})));
  EXPECT_EQ(client_.Allocate({.size_bytes = 8}).status().code(), absl::StatusCode::kInternal);
}

TEST_F(ClientTest, FreeReportsTheBytesGivenBack) {
  v1::FreeResponse response;
  response.set_freed_bytes(48);
  EXPECT_CALL(*connection_, Free(Property(&v1::FreeRequest::pointers, ElementsAre(8, 64))))
      .WillOnce(Return(response));
  const std::array pointers = {Pointer{8}, Pointer{64}};
  const auto freed = client_.FreeBatch(pointers);
  ASSERT_TRUE(freed.ok()) << freed.status();
  EXPECT_EQ(*freed, 48);
}

TEST_F(ClientTest, AddNamesAUnitOnlyWhenToldTo) {
  std::vector<v1::AddRequest> asked;
  EXPECT_CALL(*connection_, Add).Times(2).WillRepeatedly([&](const v1::AddRequest& request) {
    asked.push_back(request);
    v1::AddResponse response;
    response.set_value(-2);
    response.set_unit(3);
    return response;
  });
  const auto result = client_.Add(Pointer{8}, -2);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->value, -2);
  EXPECT_EQ(result->unit, Unit{3});
  ASSERT_TRUE(client_.Add(Pointer{8}, 1, Unit{0}, Width::k32).ok());
  EXPECT_FALSE(asked[0].has_unit());
  EXPECT_EQ(asked[0].width(), v1::WIDTH_64);
  EXPECT_TRUE(asked[1].has_unit());
  EXPECT_EQ(asked[1].unit(), 0);
  EXPECT_EQ(asked[1].width(), v1::WIDTH_32);
}

TEST_F(ClientTest, ReadWriteAndSumPassTheirArguments) {
  v1::ReadResponse read;
  read.set_data("abc");
  EXPECT_CALL(*connection_, Read(Property(&v1::ReadRequest::length_bytes, 3)))
      .WillOnce(Return(read));
  EXPECT_CALL(*connection_, Write(Property(&v1::WriteRequest::data, "abc")))
      .WillOnce(Return(v1::WriteResponse()));
  v1::SumResponse sum;
  sum.set_sum(-7);
  EXPECT_CALL(*connection_, Sum(Property(&v1::SumRequest::pointer, 16))).WillOnce(Return(sum));

  EXPECT_EQ(client_.Read(Pointer{8}, Unit{1}, 3).value_or(""), "abc");
  EXPECT_TRUE(client_.Write(Pointer{8}, Unit{1}, "abc").ok());
  EXPECT_EQ(client_.Sum(Pointer{8} + 8).value_or(0), -7);
}

TEST_F(ClientTest, ListsFollowThePagesToTheEnd) {
  EXPECT_CALL(*connection_, ListChunks).WillRepeatedly([](const v1::ListChunksRequest& request) {
    v1::ListChunksResponse response;
    const bool first = request.page_token().empty();
    response.add_chunks()->set_chunk_id(first ? 1 : 2);
    if (first) response.set_next_page_token("2");
    return response;
  });
  const auto chunks = client_.Chunks();
  ASSERT_TRUE(chunks.ok()) << chunks.status();
  ASSERT_EQ(chunks->size(), 2);
  EXPECT_EQ((*chunks)[0].chunk_id(), 1);
  EXPECT_EQ((*chunks)[1].chunk_id(), 2);
}

TEST_F(ClientTest, AListThatBreaksOffIsNoList) {
  v1::ListSlotsResponse first;
  first.add_slots();
  first.set_next_page_token("1");
  EXPECT_CALL(*connection_, ListSlots)
      .WillOnce(Return(first))
      .WillOnce(Return(absl::UnavailableError("gone")));
  EXPECT_EQ(client_.Slots().status(), absl::UnavailableError("gone"));
}

TEST_F(ClientTest, AnAreaMapCollectsTheAreasOfAllPages) {
  EXPECT_CALL(*connection_, ListAreas)
      .Times(2)
      .WillRepeatedly([](const v1::ListAreasRequest& request) {
        v1::ListAreasResponse response;
        const bool first = request.page_token().empty();
        response.mutable_chunk()->set_chunk_id(request.chunk_id());
        response.add_areas()->set_offset(first ? 0 : 64);
        if (first) response.set_next_page_token("64");
        return response;
      });
  const auto map = client_.AreaMap(5);
  ASSERT_TRUE(map.ok()) << map.status();
  EXPECT_EQ(map->chunk().chunk_id(), 5);
  ASSERT_EQ(map->areas_size(), 2);
  EXPECT_EQ(map->areas(1).offset(), 64);
}

TEST_F(ClientTest, SessionsAndVariablesComeFromAllPages) {
  EXPECT_CALL(*connection_, ListSessions)
      .Times(2)
      .WillRepeatedly([](const v1::ListSessionsRequest& request) {
        v1::ListSessionsResponse response;
        const bool first = request.page_token().empty();
        response.add_sessions()->set_session_id(first ? 1 : 2);
        if (first) response.set_next_page_token("2");
        return response;
      });
  const auto sessions = client_.Sessions();
  ASSERT_TRUE(sessions.ok()) << sessions.status();
  ASSERT_EQ(sessions->size(), 2);
  EXPECT_EQ((*sessions)[1].session_id(), 2);
  EXPECT_CALL(*connection_, ListVariables)
      .WillOnce([](const v1::ListVariablesRequest& /*request*/) {
        v1::ListVariablesResponse response;
        response.add_variables()->set_name("hits");
        response.set_next_page_token("1");
        return response;
      })
      .WillOnce(Return(absl::UnavailableError("gone")));
  EXPECT_EQ(client_.Variables().status(), absl::UnavailableError("gone"));
}

TEST_F(ClientTest, SessionCallsNameTheSession) {
  EXPECT_CALL(*connection_, EndSession(Property(&v1::EndSessionRequest::session_id, 7)))
      .WillOnce(Return(v1::EndSessionResponse()));
  EXPECT_TRUE(client_.EndSession(7).ok());
  v1::HandOverRequest asked;
  EXPECT_CALL(*connection_, HandOver).WillOnce([&](const v1::HandOverRequest& request) {
    asked = request;
    return absl::NotFoundError("session: there is no session 9");
  });
  const std::array pointers = {Pointer{8}, Pointer{64}};
  EXPECT_EQ(client_.HandOver(pointers, 9), absl::NotFoundError("session: there is no session 9"));
  EXPECT_THAT(asked.pointers(), ElementsAre(8, 64));
  EXPECT_EQ(asked.session_id(), 9);
}

TEST_F(ClientTest, OpenVariableSendsTheWholeSpec) {
  v1::OpenVariableRequest asked;
  EXPECT_CALL(*connection_, OpenVariable).WillOnce([&](const v1::OpenVariableRequest& request) {
    asked = request;
    v1::OpenVariableResponse response;
    response.mutable_variable()->set_pointer(0x40);
    response.set_created(true);
    return response;
  });
  const auto opened = client_.OpenVariable({.name = "latency",
                                            .type = VariableType::kHistogram,
                                            .size_bytes = 512,
                                            .alignment = 64,
                                            .create = true});
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->variable().pointer(), 0x40);
  EXPECT_TRUE(opened->created());
  EXPECT_EQ(asked.name(), "latency");
  EXPECT_EQ(asked.type(), v1::VARIABLE_TYPE_HISTOGRAM);
  EXPECT_EQ(asked.size_bytes(), 512);
  EXPECT_EQ(asked.alignment(), 64);
  EXPECT_TRUE(asked.create());
}

TEST_F(ClientTest, PublishAndRemoveNameTheVariable) {
  v1::PublishRequest asked;
  EXPECT_CALL(*connection_, Publish).WillOnce([&](const v1::PublishRequest& request) {
    asked = request;
    v1::PublishResponse response;
    response.mutable_variable()->set_name(request.name());
    return response;
  });
  const auto variable = client_.Publish(Pointer{0x40}, "hits", VariableType::kCounter);
  ASSERT_TRUE(variable.ok()) << variable.status();
  EXPECT_EQ(variable->name(), "hits");
  EXPECT_EQ(asked.pointer(), 0x40);
  EXPECT_EQ(asked.type(), v1::VARIABLE_TYPE_COUNTER);
  EXPECT_CALL(*connection_, RemoveVariable(Property(&v1::RemoveVariableRequest::name, "hits")))
      .WillOnce(Return(absl::NotFoundError("name: there is no variable hits")));
  EXPECT_EQ(client_.RemoveVariable("hits"), absl::NotFoundError("name: there is no variable hits"));
}

TEST_F(ClientTest, WatchSendsItsInterval) {
  v1::WatchRequest asked;
  EXPECT_CALL(*connection_, Watch).WillOnce([&](const v1::WatchRequest& request, const auto&) {
    asked = request;
    return absl::OkStatus();
  });
  EXPECT_TRUE(client_.Watch(absl::Milliseconds(1500), [](const auto&) { return true; }).ok());
  EXPECT_EQ(asked.interval().seconds(), 1);
  EXPECT_EQ(asked.interval().nanos(), 500'000'000);
}

TEST(ConnectTest, TakesPathsAndPorts) {
  for (const char* address : {"unix:/run/p.sock", "unix:p", "localhost:1", "[::1]:5000"}) {
    EXPECT_TRUE(Client::Connect(address).ok()) << address;
  }
}

TEST(ConnectTest, RefusesWhatIsNoAddress) {
  for (const char* address : {"", "unix:", "/run/p.sock", "localhost", "localhost:", ":1", "a:b"}) {
    const auto client = Client::Connect(address);
    EXPECT_EQ(client.status().code(), absl::StatusCode::kInvalidArgument) << address;
    EXPECT_THAT(std::string(client.status().message()), HasSubstr("unix:PATH nor HOST:PORT"));
  }
}

}  // namespace
}  // namespace percpu
