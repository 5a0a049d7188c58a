// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "percpud/v1/session.grpc.pb.h"
#include "proto/percpud/abi/v1/wire.h"
#include "server/percpu/introspect/inspector.h"
#include "tests/unit/service/rpc_rig.h"
#include "tests/unit/service/service_rig.h"

namespace percpud {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using Stub = v1::SessionService::Stub;

// The server behind one connection: a caller without a session has the role the test
// says.
class SessionServiceTest : public testing::ServiceTest {
 protected:
  void SetUp() override {
    ServiceTest::SetUp();
    Serve(Role::kOperator);
  }

  void Serve(Role remote) {
    server_.reset();
    callers_ = std::make_unique<Callers>(*sessions_, AccessRules{.remote = remote});
    auto server =
        RpcServer::Start(*allocator_, *sessions_, *updater_, *callers_, {.limits = kLimits});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    stub_ = v1::SessionService::NewStub(testing::ChannelTo(*server_));
  }

  template <typename Method, typename Request, typename Response>
  grpc::Status Call(Method method, const Request& request, Response* response,
                    const std::string& token = {}) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(10)));
    if (!token.empty()) context.AddMetadata(abi::v1::kTokenKey, token);
    return (stub_.get()->*method)(&context, request, response);
  }

  v1::OpenSessionResponse Open(const std::string& command = "loader") {
    v1::OpenSessionRequest request;
    request.set_command(command);
    v1::OpenSessionResponse response;
    const grpc::Status status = Call(&Stub::OpenSession, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  grpc::Status End(std::uint64_t session, const std::string& token = {}) {
    v1::EndSessionRequest request;
    request.set_session_id(session);
    v1::EndSessionResponse response;
    return Call(&Stub::EndSession, request, &response, token);
  }
  grpc::Status HandOver(std::initializer_list<PercpuPtr> pointers, std::uint64_t to,
                        const std::string& token) {
    v1::HandOverRequest request;
    for (const PercpuPtr pointer : pointers) request.add_pointers(pointer.value());
    request.set_session_id(to);
    v1::HandOverResponse response;
    return Call(&Stub::HandOver, request, &response, token);
  }
  grpc::Status Create(const std::string& name, v1::VariableType type, std::uint64_t size,
                      v1::OpenVariableResponse* response, const std::string& token = {}) {
    v1::OpenVariableRequest request;
    request.set_name(name);
    request.set_type(type);
    request.set_size_bytes(size);
    request.set_create(true);
    return Call(&Stub::OpenVariable, request, response, token);
  }
  grpc::Status Publish(PercpuPtr area, const std::string& name, const std::string& token,
                       v1::PublishResponse* response) {
    v1::PublishRequest request;
    request.set_pointer(area.value());
    request.set_name(name);
    request.set_type(v1::VARIABLE_TYPE_HISTOGRAM);
    return Call(&Stub::Publish, request, response, token);
  }
  grpc::Status Remove(const std::string& name, const std::string& token = {}) {
    v1::RemoveVariableRequest request;
    request.set_name(name);
    v1::RemoveVariableResponse response;
    return Call(&Stub::RemoveVariable, request, &response, token);
  }

  // An area of 16 bytes that the session owns.
  PercpuPtr GrantTo(const v1::OpenSessionResponse& session) {
    const Caller caller{.role = Role::kClient, .session = SessionId(session.session_id())};
    const AreaSpec spec{.size = Bytes(16)};
    PercpuPtr out;
    EXPECT_TRUE(
        sessions_->areas().AllocBatch(caller, std::span(&spec, 1), {}, std::span(&out, 1)).ok());
    return out;
  }
  void Accept(const v1::OpenSessionResponse& taker, const v1::OpenSessionResponse& giver) {
    const Caller caller{.role = Role::kClient, .session = SessionId(taker.session_id())};
    EXPECT_TRUE(sessions_->areas().AcceptHandOvers(caller, SessionId(giver.session_id())).ok());
  }
  std::uint64_t OwnerOf(PercpuPtr area) {
    const auto owner = sessions_->areas().OwnerOf(area);
    return owner ? owner->session.value() : 0;
  }
  std::uint64_t LiveAreas() { return Inspector(*allocator_).GetStats().nr_cur_alloc; }

  std::unique_ptr<RpcServer> server_;
  std::unique_ptr<v1::SessionService::Stub> stub_;
};

void ExpectRefused(const grpc::Status& status, grpc::StatusCode code, const std::string& names) {
  EXPECT_EQ(status.error_code(), code) << status.error_message();
  EXPECT_THAT(status.error_message(), HasSubstr(names));
}

// --- Life ----------------------------------------------------------------------

TEST_F(SessionServiceTest, AnOpenedSessionSpeaksByItsToken) {
  const v1::OpenSessionResponse first = Open();
  const v1::OpenSessionResponse second = Open();
  EXPECT_THAT(first.token(), SizeIs(16));
  EXPECT_NE(first.token(), second.token());
  EXPECT_NE(first.session_id(), second.session_id());
  EXPECT_EQ(first.ttl().seconds(), 30);
  const auto listed = sessions_->List(SessionId(0), 10);
  ASSERT_THAT(listed, SizeIs(2));
  EXPECT_EQ(listed[0].spec.command, "loader");
  EXPECT_EQ(listed[0].spec.kind, SessionKind::kRemote);
  // Its own, and nobody else's.
  ExpectRefused(End(second.session_id(), first.token()), grpc::PERMISSION_DENIED,
                absl::StrCat("session: ", second.session_id()));
  EXPECT_TRUE(End(0, first.token()).ok());
  EXPECT_THAT(sessions_->List(SessionId(0), 10), SizeIs(1));
}

TEST_F(SessionServiceTest, ALongCommandIsCutBetweenCharacters) {
  const std::string most(kMaxCommandLength, 'x');
  const std::string almost = most.substr(1);
  Open(most + most);
  Open(almost + "\u00e9");
  Open(almost.substr(1) + "\u00e9" + most);
  const auto listed = sessions_->List(SessionId(0), 10);
  EXPECT_EQ(listed[0].spec.command, most);
  // Half of it would not fit, and is no text.
  EXPECT_EQ(listed[1].spec.command, almost);
  EXPECT_EQ(listed[2].spec.command, almost.substr(1) + "\u00e9");
}

TEST_F(SessionServiceTest, TimesToLiveOutOfRangeAreRefusedByName) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  constexpr std::int32_t kLeastNanos = std::numeric_limits<std::int32_t>::min();
  v1::OpenSessionRequest request;
  v1::OpenSessionResponse response;
  const auto open = [&](std::int64_t seconds, std::int32_t nanos) {
    request.mutable_ttl()->set_seconds(seconds);
    request.mutable_ttl()->set_nanos(nanos);
    return Call(&Stub::OpenSession, request, &response);
  };
  for (const auto& [seconds, nanos] :
       std::initializer_list<std::pair<std::int64_t, std::int32_t>>{{0, 0},
                                                                    {0, 999'999'999},
                                                                    {-1, 0},
                                                                    {3600, 1},
                                                                    {kMost, 0},
                                                                    {-kMost, 0},
                                                                    {1, kLeastNanos}}) {
    ExpectRefused(open(seconds, nanos), grpc::INVALID_ARGUMENT, "ttl (ms): ");
  }
  EXPECT_THAT(sessions_->List(SessionId(0), 10), SizeIs(0));
  EXPECT_TRUE(open(1, 0).ok());
  EXPECT_TRUE(open(3600, 0).ok());
  EXPECT_EQ(response.ttl().seconds(), 3600);
}

TEST_F(SessionServiceTest, ACallRenewsASessionAndSilenceEndsIt) {
  const v1::OpenSessionResponse session = Open();
  const PercpuPtr area = GrantTo(session);
  clock_.Advance(absl::Seconds(29));
  ExpectRefused(HandOver({area}, 99, session.token()), grpc::NOT_FOUND, "session: ");
  clock_.Advance(absl::Seconds(29));
  EXPECT_EQ(sessions_->ReapExpired(), 0U);
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(sessions_->ReapExpired(), 1U);
  EXPECT_EQ(LiveAreas(), 0U);
  ExpectRefused(End(0, session.token()), grpc::UNAUTHENTICATED, "token: ");
}

TEST_F(SessionServiceTest, EndingTakesBackWhatItOwned) {
  const v1::OpenSessionResponse session = Open();
  GrantTo(session);
  ExpectRefused(End(0), grpc::FAILED_PRECONDITION, "EndSession: needs a session");
  EXPECT_EQ(LiveAreas(), 1U);
  // An operator's word.
  EXPECT_TRUE(End(session.session_id()).ok());
  EXPECT_EQ(LiveAreas(), 0U);
  ExpectRefused(End(session.session_id()), grpc::NOT_FOUND, "session: ");
}

// --- What it owns --------------------------------------------------------------

TEST_F(SessionServiceTest, AnAreaHandedOverOutlivesItsGiver) {
  const v1::OpenSessionResponse giver = Open();
  const v1::OpenSessionResponse taker = Open();
  const PercpuPtr area = GrantTo(giver);
  ExpectRefused(HandOver({area}, taker.session_id(), giver.token()), grpc::PERMISSION_DENIED,
                "has not accepted");
  Accept(taker, giver);
  EXPECT_TRUE(HandOver({area}, taker.session_id(), giver.token()).ok());
  EXPECT_EQ(OwnerOf(area), taker.session_id());
  ExpectRefused(HandOver({area}, giver.session_id(), giver.token()), grpc::PERMISSION_DENIED,
                "pointer: ");
  EXPECT_TRUE(End(0, giver.token()).ok());
  EXPECT_EQ(LiveAreas(), 1U);
}

TEST_F(SessionServiceTest, AHandOverIsAllOrNothing) {
  const v1::OpenSessionResponse giver = Open();
  const v1::OpenSessionResponse taker = Open();
  const PercpuPtr mine = GrantTo(giver);
  const PercpuPtr theirs = GrantTo(taker);
  ExpectRefused(HandOver({mine, theirs}, taker.session_id(), giver.token()),
                grpc::PERMISSION_DENIED, "pointer: ");
  ExpectRefused(HandOver({mine}, 99, giver.token()), grpc::NOT_FOUND, "session: ");
  ExpectRefused(HandOver({}, taker.session_id(), giver.token()), grpc::INVALID_ARGUMENT,
                "pointers");
  ExpectRefused(HandOver({mine, mine, mine, mine, mine, mine, mine, mine, mine}, taker.session_id(),
                         giver.token()),
                grpc::INVALID_ARGUMENT, "pointers: 9");
  EXPECT_EQ(OwnerOf(mine), giver.session_id());
}

// --- Variables -----------------------------------------------------------------

TEST_F(SessionServiceTest, AVariableIsMadeOnceAndThenFound) {
  v1::OpenVariableResponse made;
  ASSERT_TRUE(Create("hits", v1::VARIABLE_TYPE_COUNTER, 8, &made).ok());
  EXPECT_TRUE(made.created());
  EXPECT_EQ(made.variable().size_bytes(), 8U);
  EXPECT_FALSE(made.variable().has_uid());
  v1::OpenVariableResponse found;
  ASSERT_TRUE(Create("hits", v1::VARIABLE_TYPE_COUNTER, 8, &found).ok());
  EXPECT_FALSE(found.created());
  EXPECT_EQ(found.variable().pointer(), made.variable().pointer());
  ExpectRefused(Create("hits", v1::VARIABLE_TYPE_GAUGE, 8, &found), grpc::FAILED_PRECONDITION,
                "name: hits is a counter");
  ExpectRefused(Create("hits", static_cast<v1::VariableType>(99), 8, &found),
                grpc::INVALID_ARGUMENT, "type: 99");
  ExpectRefused(Create("no way", v1::VARIABLE_TYPE_BYTES, 8, &found), grpc::INVALID_ARGUMENT,
                "name: ");
  ExpectRefused(Create("none", v1::VARIABLE_TYPE_BYTES, 0, &found), grpc::INVALID_ARGUMENT,
                "sizes: 0");
  v1::OpenVariableRequest request;
  request.set_name("other");
  ExpectRefused(Call(&Stub::OpenVariable, request, &found), grpc::NOT_FOUND, "name: ");
  EXPECT_EQ(LiveAreas(), 1U);
}

TEST_F(SessionServiceTest, APublishedAreaOutlivesItsSession) {
  const v1::OpenSessionResponse session = Open();
  const PercpuPtr area = GrantTo(session);
  v1::PublishResponse published;
  ASSERT_TRUE(Publish(area, "load", session.token(), &published).ok());
  EXPECT_EQ(published.variable().type(), v1::VARIABLE_TYPE_HISTOGRAM);
  EXPECT_EQ(published.variable().size_bytes(), 16U);
  EXPECT_TRUE(End(0, session.token()).ok());
  EXPECT_EQ(LiveAreas(), 1U);
  EXPECT_TRUE(Remove("load").ok());
  EXPECT_EQ(LiveAreas(), 0U);
  ExpectRefused(Remove("load"), grpc::NOT_FOUND, "load");
}

TEST_F(SessionServiceTest, OnlyWhatIsOnesOwnCanBePublished) {
  const v1::OpenSessionResponse session = Open();
  const v1::OpenSessionResponse other = Open();
  const PercpuPtr area = GrantTo(other);
  v1::PublishResponse published;
  ExpectRefused(Publish(area, "load", session.token(), &published), grpc::PERMISSION_DENIED,
                "pointer: ");
  ExpectRefused(Publish(Grant(Bytes(8)), "load", session.token(), &published),
                grpc::PERMISSION_DENIED, "pointer: ");
  ExpectRefused(Publish(area, "", other.token(), &published), grpc::INVALID_ARGUMENT, "name: ");
  EXPECT_EQ(OwnerOf(area), other.session_id());
  EXPECT_THAT(sessions_->variables().List({}, 10), SizeIs(0));
}

// --- Who may -------------------------------------------------------------------

// Every method by an empty request, with the RPC that the policy knows it as.
template <typename Visit>
void ForEveryMethod(Visit visit) {
  visit(Rpc::kOpenSession, &Stub::OpenSession, v1::OpenSessionRequest(), v1::OpenSessionResponse());
  visit(Rpc::kEndSession, &Stub::EndSession, v1::EndSessionRequest(), v1::EndSessionResponse());
  visit(Rpc::kHandOver, &Stub::HandOver, v1::HandOverRequest(), v1::HandOverResponse());
  visit(Rpc::kOpenVariable, &Stub::OpenVariable, v1::OpenVariableRequest(),
        v1::OpenVariableResponse());
  visit(Rpc::kPublish, &Stub::Publish, v1::PublishRequest(), v1::PublishResponse());
  visit(Rpc::kRemoveVariable, &Stub::RemoveVariable, v1::RemoveVariableRequest(),
        v1::RemoveVariableResponse());
}

TEST_F(SessionServiceTest, ForgedTokensOpenNothing) {
  const v1::OpenSessionResponse session = Open();
  std::string forged = session.token();
  forged[15] = static_cast<char>(forged[15] ^ 1);
  // No role of the connection makes up for it.
  for (const std::string& token : {forged, session.token() + "x", session.token().substr(1)}) {
    ForEveryMethod([&](Rpc rpc, auto method, const auto& request, auto response) {
      EXPECT_EQ(Call(method, request, &response, token).error_code(), grpc::UNAUTHENTICATED)
          << PolicyOf(rpc).name;
    });
  }
  EXPECT_THAT(sessions_->List(SessionId(0), 10), SizeIs(1));
}

TEST_F(SessionServiceTest, RolesBelowThePolicysAreDeniedAndOthersAreNot) {
  for (const Role role : {Role::kAnonymous, Role::kViewer, Role::kClient, Role::kOperator}) {
    Serve(role);
    ForEveryMethod([&](Rpc rpc, auto method, const auto& request, auto response) {
      const RpcPolicy& policy = PolicyOf(rpc);
      const grpc::Status status = Call(method, request, &response);
      if (role < policy.least) {
        ExpectRefused(status, grpc::PERMISSION_DENIED, std::string(policy.name));
      } else {
        EXPECT_NE(status.error_code(), grpc::PERMISSION_DENIED) << status.error_message();
      }
    });
  }
}

TEST_F(SessionServiceTest, ARemoteClientIsDeniedWhatIsNotItsOwn) {
  v1::OpenVariableResponse variable;
  ASSERT_TRUE(Create("hits", v1::VARIABLE_TYPE_COUNTER, 8, &variable).ok());
  const v1::OpenSessionResponse other = Open();
  const PercpuPtr owned = GrantTo(other);
  const PercpuPtr nobodys = Grant(Bytes(8));
  Serve(Role::kClient);
  const v1::OpenSessionResponse session = Open();
  for (const std::string& token : {std::string(), session.token()}) {
    v1::PublishResponse published;
    ExpectRefused(End(other.session_id(), token), grpc::PERMISSION_DENIED, "session: ");
    ExpectRefused(HandOver({owned}, session.session_id(), token), grpc::PERMISSION_DENIED,
                  "pointer: ");
    ExpectRefused(HandOver({nobodys}, session.session_id(), token), grpc::PERMISSION_DENIED,
                  "pointer: ");
    ExpectRefused(Publish(owned, "mine", token, &published), grpc::PERMISSION_DENIED, "pointer: ");
    ExpectRefused(Remove("hits", token), grpc::PERMISSION_DENIED, "hits");
  }
  EXPECT_EQ(OwnerOf(owned), other.session_id());
  EXPECT_EQ(LiveAreas(), 3U);
}

}  // namespace
}  // namespace percpud
