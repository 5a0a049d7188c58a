// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/callers.h"
#include "proto/percpud/abi/v1/wire.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <grpcpp/create_channel_posix.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "percpud/v1/session.grpc.pb.h"
#include "server/base/unique_fd.h"
#include "server/service/status.h"
#include "tests/unit/service/rpc_rig.h"
#include "tests/unit/service/service_rig.h"

namespace percpud {
namespace {

using ::testing::HasSubstr;

// A server whose one method remembers who called it.
class Witness final : public v1::SessionService::Service {
 public:
  explicit Witness(const Callers& callers) : callers_(callers) {}
  grpc::Status EndSession(grpc::ServerContext* context, const v1::EndSessionRequest* /*request*/,
                          v1::EndSessionResponse* /*response*/) override {
    const absl::StatusOr<AdmittedCall> call = callers_.Admit(Rpc::kEndSession, *context);
    if (call.ok()) seen = call->caller;
    const absl::StatusOr<Caller> caller = callers_.Of(*context);
    if (caller.ok()) opener = caller->identity();
    return ToGrpc(call.status());
  }
  std::optional<Caller> seen;
  Identity opener;

 private:
  const Callers& callers_;
};

using testing::Ends;
using testing::TcpPair;
using testing::UnixPair;

// A process that may have few descriptors, for as long as this lives.
class FewDescriptors {
 public:
  static constexpr int kLimit = 128;
  FewDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit few{.rlim_cur = kLimit, .rlim_max = before_.rlim_max};
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  }
  ~FewDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

class CallersTest : public testing::ServiceTest {
 protected:
  void SetUp() override {
    ServiceTest::SetUp();
    // Only the kernel's word, or a token, makes anybody more than a viewer.
    callers_ = std::make_unique<Callers>(*sessions_, AccessRules{.remote = Role::kViewer});
    witness_ = std::make_unique<Witness>(*callers_);
    grpc::ServerBuilder builder;
    builder.RegisterService(witness_.get());
    server_ = builder.BuildAndStart();
  }

  // A call over the connection, whose server's end becomes the server's.
  grpc::Status CallOver(Ends ends, int server_end, const std::string* token = nullptr) {
    grpc::AddInsecureChannelFromFd(server_.get(), server_end);
    const auto stub = v1::SessionService::NewStub(
        grpc::CreateInsecureChannelFromFd("test", ends.client.release()));
    return Call(*stub, token);
  }
  grpc::Status CallInProcess(const std::string* token = nullptr) {
    return Call(*v1::SessionService::NewStub(server_->InProcessChannel({})), token);
  }
  // The same, of the gateway's connection, with these metadata.
  grpc::Status CallThroughGateway(const std::vector<std::string>& on_behalf) {
    Ends ends = UnixPair();
    const int adopted = callers_->Adopt(ends.server.release(), Origin::kGateway);
    on_behalf_ = on_behalf;
    grpc::Status status = CallOver(std::move(ends), adopted, token_.empty() ? nullptr : &token_);
    on_behalf_.clear();
    return status;
  }
  grpc::Status Call(v1::SessionService::Stub& stub, const std::string* token) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(20)));
    if (token != nullptr) context.AddMetadata(abi::v1::kTokenKey, *token);
    for (const std::string& peer : on_behalf_) context.AddMetadata(abi::v1::kOnBehalfKey, peer);
    v1::EndSessionResponse response;
    return stub.EndSession(&context, {}, &response);
  }

  std::unique_ptr<Witness> witness_;
  std::unique_ptr<grpc::Server> server_;
  // What calls say of whom they are made for.
  std::vector<std::string> on_behalf_;
  // The token of calls through the gateway; empty for none.
  std::string token_;
};

// --- Adopt ---------------------------------------------------------------------

TEST_F(CallersTest, AClosedConnectionsNumberIsNotTheNextOnes) {
  Ends first = UnixPair();
  const int old_number = first.server.get();
  const UniqueFd adopted(callers_->Adopt(first.server.release()));
  EXPECT_NE(adopted.get(), old_number);
  EXPECT_NE(fcntl(adopted.get(), F_GETFD) & FD_CLOEXEC, 0);
  const int number = adopted.get();
  Ends second = UnixPair();
  Ends third = UnixPair();
  const int next = callers_->Adopt(second.server.release());
  close(next);
  const UniqueFd last(callers_->Adopt(third.server.release()));
  EXPECT_GT(next, number);
  EXPECT_GT(last.get(), next);
}

TEST_F(CallersTest, NumbersRotateThroughTheUpperHalf) {
  const FewDescriptors few;
  constexpr int kHalf = FewDescriptors::kLimit / 2;
  std::set<int> numbers;
  for (int i = 0; i < kHalf; ++i) {
    const UniqueFd adopted(callers_->Adopt(UnixPair().server.release()));
    EXPECT_GE(adopted.get(), kHalf);
    EXPECT_TRUE(numbers.insert(adopted.get()).second) << adopted.get() << " came round early";
  }
  const UniqueFd again(callers_->Adopt(UnixPair().server.release()));
  EXPECT_EQ(again.get(), kHalf);
}

TEST_F(CallersTest, WithoutANumberToGiveTheConnectionKeepsItsOwn) {
  Ends pair = UnixPair();
  const FewDescriptors few;
  std::vector<UniqueFd> taken;
  for (int fd = dup(0); fd >= 0; fd = dup(0)) taken.emplace_back(fd);
  const int number = pair.server.get();
  EXPECT_EQ(callers_->Adopt(number), number);
  EXPECT_GE(fcntl(number, F_GETFD), 0);
}

// --- Of ------------------------------------------------------------------------

TEST_F(CallersTest, TheKernelVouchesForAUnixPeer) {
  Ends pair = UnixPair();
  const int adopted = callers_->Adopt(pair.server.release());
  const grpc::Status status = CallOver(std::move(pair), adopted);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(witness_->seen->uid, UserId(getuid()));
  EXPECT_EQ(witness_->seen->role, Role::kOperator);
  EXPECT_EQ(witness_->seen->session, kNoSession);
  EXPECT_EQ(witness_->opener, Identity{.uid = UserId(getuid())});
}

TEST_F(CallersTest, WhoeverTheKernelDoesNotKnowIsRemote) {
  Ends pair = TcpPair();
  const int adopted = callers_->Adopt(pair.server.release());
  const grpc::Status over_tcp = CallOver(std::move(pair), adopted);
  EXPECT_EQ(over_tcp.error_code(), grpc::PERMISSION_DENIED);
  EXPECT_THAT(over_tcp.error_message(), HasSubstr("viewer"));
  EXPECT_EQ(witness_->opener, Identity{.host = "127.0.0.1"});
  EXPECT_EQ(CallInProcess().error_code(), grpc::PERMISSION_DENIED);
  EXPECT_EQ(witness_->opener, Identity{});
  Ends never_adopted = UnixPair();
  const int fd = never_adopted.server.release();
  EXPECT_EQ(CallOver(std::move(never_adopted), fd).error_code(), grpc::PERMISSION_DENIED);
}

// The gateway is a process of the daemon's own user, and has none of its rights.
TEST_F(CallersTest, WhoCallsThroughTheGatewayIsWhomItNames) {
  for (const char* const host : {"127.0.0.1", "10.0.0.7", "::1", "fe80::1"}) {
    const grpc::Status status = CallThroughGateway({absl::StrCat("plain:", host)});
    EXPECT_EQ(status.error_code(), grpc::PERMISSION_DENIED) << status.error_message();
    EXPECT_THAT(status.error_message(), HasSubstr("viewer"));
    EXPECT_EQ(witness_->opener, Identity{.host = host});
  }
}

TEST_F(CallersTest, ACertificateThatTheGatewayNamesHasItsRole) {
  callers_->SetRules({.remote = Role::kOperator},
                     {.operators = {"dns:ops.example"}, .clients = {"spiffe:spiffe://td/app/*"}});
  ASSERT_TRUE(CallThroughGateway({"tls:dns:ops.example"}).ok());
  EXPECT_EQ(witness_->seen->role, Role::kOperator);
  EXPECT_EQ(witness_->opener, Identity{.host = "dns:ops.example"});
  ASSERT_TRUE(CallThroughGateway({"tls:spiffe:spiffe://td/app/1"}).ok());
  EXPECT_EQ(witness_->seen->role, Role::kClient);
  for (const char* const other : {"tls:dns:other.example", "tls-stranger:10.0.0.7"}) {
    const grpc::Status status = CallThroughGateway({other});
    EXPECT_EQ(status.error_code(), grpc::PERMISSION_DENIED);
    EXPECT_THAT(status.error_message(), HasSubstr("anonymous"));
  }
  // Plain text stays below, whatever the rules give to peers without proof.
  EXPECT_THAT(CallThroughGateway({"plain:127.0.0.1"}).error_message(), HasSubstr("viewer"));
  for (const char* const wrong : {"tls:", "tls:uid:0", "tls:ops", "tls-stranger:ops"}) {
    EXPECT_EQ(CallThroughGateway({wrong}).error_code(), grpc::UNAUTHENTICATED) << wrong;
  }
}

TEST_F(CallersTest, ATokenIsWorthNothingFromAnotherIdentity) {
  const auto opened =
      sessions_->Open({.opener = {.host = "dns:app.example"}, .ttl = absl::Hours(1)});
  ASSERT_TRUE(opened.ok()) << opened.status();
  const std::string token(opened->token.begin(), opened->token.end());
  token_ = token;
  EXPECT_TRUE(CallThroughGateway({"tls:dns:app.example"}).ok());
  EXPECT_EQ(witness_->seen->session, opened->id);
  for (const char* const other :
       {"tls:dns:other.example", "tls-stranger:10.0.0.7", "plain:127.0.0.1"}) {
    const grpc::Status status = CallThroughGateway({other});
    EXPECT_EQ(status.error_code(), grpc::UNAUTHENTICATED) << other;
    EXPECT_THAT(status.error_message(), HasSubstr("token: "));
  }
  Ends pair = UnixPair();
  const int adopted = callers_->Adopt(pair.server.release());
  EXPECT_EQ(CallOver(std::move(pair), adopted, &token).error_code(), grpc::UNAUTHENTICATED);
}

TEST_F(CallersTest, TheGatewayHasToNameOnePeerAndNobodyElseMay) {
  for (const std::vector<std::string>& named :
       std::vector<std::vector<std::string>>{{},
                                             {""},
                                             {"127.0.0.1"},
                                             {"plain:"},
                                             {"plain:localhost"},
                                             {"plain:127.0.0.1 "},
                                             {"uid:0"},
                                             {"plain:127.0.0.1", "plain:127.0.0.1"}}) {
    EXPECT_EQ(CallThroughGateway(named).error_code(), grpc::UNAUTHENTICATED) << named.size();
  }
  on_behalf_ = {"plain:127.0.0.1"};
  Ends unix_pair = UnixPair();
  const int local = callers_->Adopt(unix_pair.server.release());
  const grpc::Status status = CallOver(std::move(unix_pair), local);
  EXPECT_EQ(status.error_code(), grpc::PERMISSION_DENIED);
  EXPECT_THAT(status.error_message(), HasSubstr("only percpud-gateway"));
  EXPECT_EQ(CallInProcess().error_code(), grpc::PERMISSION_DENIED);
  EXPECT_FALSE(witness_->seen.has_value());
}

TEST_F(CallersTest, ANumberThatComesRoundForgetsItsLastPeer) {
  const FewDescriptors few;
  constexpr int kHalf = FewDescriptors::kLimit / 2;
  for (int i = 0; i < kHalf; ++i) close(callers_->Adopt(UnixPair().server.release()));
  Ends pair = TcpPair();
  const int adopted = callers_->Adopt(pair.server.release());
  ASSERT_EQ(adopted, kHalf);
  EXPECT_EQ(CallOver(std::move(pair), adopted).error_code(), grpc::PERMISSION_DENIED);
}

TEST_F(CallersTest, ATokenSpeaksForItsSessionOverConnectionsOfItsUser) {
  const auto opened = sessions_->Open(
      {.kind = SessionKind::kLocalReadWrite,
       .peer = Peer{.pid = ProcessId(7), .uid = UserId(getuid()), .gid = UserGroupId(1)}});
  ASSERT_TRUE(opened.ok()) << opened.status();
  const std::string token(opened->token.begin(), opened->token.end());
  ASSERT_TRUE(CallInProcess(&token).ok());
  EXPECT_EQ(witness_->seen->session, opened->id);
  EXPECT_EQ(witness_->seen->uid, UserId(getuid()));
  // An operator's connection does not add to what the session may.
  Ends pair = UnixPair();
  const int adopted = callers_->Adopt(pair.server.release());
  ASSERT_TRUE(CallOver(std::move(pair), adopted, &token).ok());
  EXPECT_EQ(witness_->seen->role, Role::kClient);
}

TEST_F(CallersTest, ATokenIsWorthNothingFromAnotherUser) {
  const auto opened = sessions_->Open(
      {.kind = SessionKind::kLocalReadWrite,
       .peer = Peer{.pid = ProcessId(7), .uid = UserId(4242), .gid = UserGroupId(1)}});
  ASSERT_TRUE(opened.ok()) << opened.status();
  const std::string token(opened->token.begin(), opened->token.end());
  Ends pair = UnixPair();
  const int adopted = callers_->Adopt(pair.server.release());
  EXPECT_EQ(CallOver(std::move(pair), adopted, &token).error_code(), grpc::UNAUTHENTICATED);
}

TEST_F(CallersTest, ATokenThatStandsForNothingIsRefused) {
  const auto opened = sessions_->Open({.ttl = absl::Hours(1)});
  ASSERT_TRUE(opened.ok()) << opened.status();
  const std::string token(opened->token.begin(), opened->token.end());
  for (const std::string& wrong : {std::string(), token.substr(0, 15), token + '\0',
                                   std::string(16, '\0'), std::string(4096, 'x')}) {
    const grpc::Status status = CallInProcess(&wrong);
    EXPECT_EQ(status.error_code(), grpc::UNAUTHENTICATED) << wrong.size();
    EXPECT_THAT(status.error_message(), HasSubstr("token: "));
  }
  ASSERT_TRUE(CallInProcess(&token).ok());
  sessions_->End(opened->id);
  EXPECT_EQ(CallInProcess(&token).error_code(), grpc::UNAUTHENTICATED);
}

}  // namespace
}  // namespace percpud
