// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Every method of every service that percpud serves, called through the real gateway as each
// kind of peer there is: who is refused for who they are, and who gets some other answer.

#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "google/protobuf/descriptor.pb.h"
#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"
#include "percpud/v1/session.grpc.pb.h"
#include "percpud/v1/status.pb.h"
#include "proto/percpud/abi/v1/wire.h"
#include "tests/integration/tls_rig.h"

namespace percpud::testing {
namespace {

using ::testing::AnyOf;
using ::testing::Not;
using ::testing::UnorderedElementsAreArray;
namespace reflection = grpc::reflection::v1alpha;

// With something that everybody who may read may read, so that streams have a first message.
constexpr char kRules[] = R"(
  access {
    operators: "spiffe:spiffe://td/ops/*"
    clients: "spiffe:spiffe://td/app/*"
    viewers: "spiffe:spiffe://td/look/*"
    remote: "$0"
  }
  export { families: "default/*" })";

constexpr char kAlloc[] = "/percpud.v1.MemoryService/Alloc";
constexpr char kEndSession[] = "/percpud.v1.SessionService/EndSession";

enum class Role { kNobody, kViewer, kClient, kOperator };

struct Row {
  const char* method;
  Role least;
};
// By hand, and not from percpud's own tables: who may call what.
constexpr std::array kRows{
    Row{"/percpud.v1.MemoryService/Ping", Role::kNobody},
    Row{kAlloc, Role::kClient},
    Row{"/percpud.v1.MemoryService/Free", Role::kClient},
    Row{"/percpud.v1.MemoryService/Read", Role::kViewer},
    Row{"/percpud.v1.MemoryService/Write", Role::kClient},
    Row{"/percpud.v1.MemoryService/Add", Role::kClient},
    Row{"/percpud.v1.MemoryService/Sum", Role::kViewer},
    Row{"/percpud.v1.SessionService/OpenSession", Role::kClient},
    Row{kEndSession, Role::kClient},
    Row{"/percpud.v1.SessionService/Attach", Role::kClient},
    Row{"/percpud.v1.SessionService/HandOver", Role::kClient},
    Row{"/percpud.v1.SessionService/OpenVariable", Role::kClient},
    Row{"/percpud.v1.SessionService/Publish", Role::kClient},
    Row{"/percpud.v1.SessionService/LeaseChunk", Role::kClient},
    Row{"/percpud.v1.SessionService/ReturnLease", Role::kClient},
    Row{"/percpud.v1.SessionService/RemoveVariable", Role::kClient},
    Row{"/percpud.v1.MetricsService/OpenSeries", Role::kClient},
    Row{"/percpud.v1.MetricsService/ListFamilies", Role::kViewer},
    Row{"/percpud.v1.MetricsService/ReadSeries", Role::kViewer},
    Row{"/percpud.v1.MetricsService/WatchSeries", Role::kViewer},
    Row{"/percpud.v1.MetricsService/CloseWriter", Role::kClient},
    Row{"/percpud.v1.MetricsService/ListWorkers", Role::kViewer},
    Row{"/percpud.v1.MetricsService/GetCallStats", Role::kViewer},
    Row{"/percpud.v1.MetricsService/RemoveSeries", Role::kClient},
    Row{"/percpud.v1.MetricsService/ResetNamespace", Role::kClient},
    Row{"/percpud.v1.ReadingService/ReadFamily", Role::kViewer},
    Row{"/percpud.v1.ReadingService/ReadVariables", Role::kViewer},
    Row{"/percpud.v1.IntrospectionService/GetAllocInfo", Role::kViewer},
    Row{"/percpud.v1.IntrospectionService/ListGroups", Role::kViewer},
    Row{"/percpud.v1.IntrospectionService/ListUnits", Role::kViewer},
    Row{"/percpud.v1.IntrospectionService/GetUnitMap", Role::kViewer},
    Row{"/percpud.v1.IntrospectionService/ListStaticVariables", Role::kViewer},
    Row{"/percpud.v1.IntrospectionService/ListChunks", Role::kViewer},
    Row{"/percpud.v1.IntrospectionService/ListAreas", Role::kViewer},
    Row{"/percpud.v1.IntrospectionService/GetAreaMap", Role::kViewer},
    Row{"/percpud.v1.IntrospectionService/ListSlots", Role::kViewer},
    Row{"/percpud.v1.IntrospectionService/GetBuddyInfo", Role::kViewer},
    Row{"/percpud.v1.IntrospectionService/GetStats", Role::kViewer},
    Row{"/percpud.v1.IntrospectionService/Resolve", Role::kViewer},
    Row{"/percpud.v1.IntrospectionService/EstimateAlloc", Role::kViewer},
    Row{"/percpud.v1.IntrospectionService/ListSessions", Role::kViewer},
    Row{"/percpud.v1.IntrospectionService/ListLeases", Role::kViewer},
    Row{"/percpud.v1.IntrospectionService/ListLeaseAreas", Role::kViewer},
    Row{"/percpud.v1.IntrospectionService/GetLease", Role::kViewer},
    Row{"/percpud.v1.IntrospectionService/ListVariables", Role::kViewer},
    Row{"/percpud.v1.IntrospectionService/Check", Role::kOperator},
    Row{"/percpud.v1.IntrospectionService/Watch", Role::kViewer},
    Row{"/grpc.health.v1.Health/Check", Role::kNobody},
    Row{"/grpc.health.v1.Health/Watch", Role::kViewer},
    Row{"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Role::kViewer},
    Row{"/grpc.channelz.v1.Channelz/GetTopChannels", Role::kViewer},
    Row{"/grpc.channelz.v1.Channelz/GetServers", Role::kViewer},
    Row{"/grpc.channelz.v1.Channelz/GetServer", Role::kViewer},
    Row{"/grpc.channelz.v1.Channelz/GetServerSockets", Role::kViewer},
    Row{"/grpc.channelz.v1.Channelz/GetChannel", Role::kViewer},
    Row{"/grpc.channelz.v1.Channelz/GetSubchannel", Role::kViewer},
    Row{"/grpc.channelz.v1.Channelz/GetSocket", Role::kViewer},
};

// What came of a call.
struct Answer {
  // The first message of it; whatever became of a stream afterwards.
  bool has_message = false;
  grpc::Status status;

  // The stable name of the refusal; empty if there is none.
  [[nodiscard]] std::string reason() const {
    v1::StatusDetails details;
    v1::ErrorInfo info;
    if (has_message || !details.ParseFromString(status.error_details())) return {};
    if (details.details().empty() || !info.ParseFromString(details.details(0).value())) return {};
    EXPECT_EQ(info.domain(), abi::v1::kErrorDomain);
    EXPECT_EQ(details.code(), status.error_code());
    return info.reason();
  }
  // Whether percpud has looked at the request, and so at more than who asks.
  [[nodiscard]] bool IsOfTheRequest() const {
    constexpr std::array kOthers{
        grpc::StatusCode::CANCELLED,         grpc::StatusCode::UNKNOWN,
        grpc::StatusCode::DEADLINE_EXCEEDED, grpc::StatusCode::UNIMPLEMENTED,
        grpc::StatusCode::INTERNAL,          grpc::StatusCode::UNAVAILABLE,
        grpc::StatusCode::UNAUTHENTICATED};
    return has_message ||
           std::find(kOthers.begin(), kOthers.end(), status.error_code()) == kOthers.end();
  }
};

void PrintTo(const Answer& answer, std::ostream* out) {
  *out << (answer.has_message ? "a message" : "no message") << ", " << answer.status.error_code()
       << " " << answer.status.error_message();
}

// Calls any method with an empty message, and ends the call after the first answer.
class AnyMethod {
 public:
  explicit AnyMethod(const std::shared_ptr<grpc::Channel>& channel) : stub_(channel) {}

  Answer Call(const std::string& method, const std::string& token = {}) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(20)));
    if (!token.empty()) context.AddMetadata(abi::v1::kTokenKey, token);
    const auto call = stub_.PrepareCall(&context, method, &queue_);
    call->StartCall(this);
    Next();
    const grpc::Slice nothing;
    call->WriteLast(grpc::ByteBuffer(&nothing, 1), grpc::WriteOptions(), this);
    Next();
    Answer out;
    grpc::ByteBuffer message;
    call->Read(&message, this);
    out.has_message = Next();
    // A stream would go on.
    if (out.has_message) context.TryCancel();
    call->Finish(&out.status, this);
    Next();
    return out;
  }

 private:
  bool Next() {
    void* tag = nullptr;
    bool ok = false;
    return queue_.Next(&tag, &ok) && ok;
  }

  grpc::GenericStub stub_;
  grpc::CompletionQueue queue_;
};

// Methods of what is served, by what percpud itself says of it.
class Reflection {
 public:
  explicit Reflection(const std::shared_ptr<grpc::Channel>& channel)
      : stub_(reflection::ServerReflection::NewStub(channel)) {
    context_.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(20)));
    stream_ = stub_->ServerReflectionInfo(&context_);
  }

  std::vector<std::string> Methods() {
    reflection::ServerReflectionRequest request;
    request.set_list_services("*");
    std::vector<std::string> out;
    const reflection::ServerReflectionResponse response = Ask(request);
    for (const auto& service : response.list_services_response().service()) {
      AddMethods(service.name(), out);
    }
    return out;
  }

 private:
  reflection::ServerReflectionResponse Ask(const reflection::ServerReflectionRequest& request) {
    reflection::ServerReflectionResponse response;
    EXPECT_TRUE(stream_->Write(request) && stream_->Read(&response));
    return response;
  }
  void AddMethods(const std::string& service, std::vector<std::string>& out) {
    reflection::ServerReflectionRequest request;
    request.set_file_containing_symbol(service);
    const reflection::ServerReflectionResponse response = Ask(request);
    for (const std::string& bytes : response.file_descriptor_response().file_descriptor_proto()) {
      google::protobuf::FileDescriptorProto file;
      ASSERT_TRUE(file.ParseFromString(bytes));
      for (const auto& each : file.service()) {
        if (absl::StrCat(file.package(), ".", each.name()) != service) continue;
        for (const auto& method : each.method()) {
          out.push_back(absl::StrCat("/", service, "/", method.name()));
        }
      }
    }
  }

  const std::unique_ptr<reflection::ServerReflection::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<reflection::ServerReflectionRequest,
                                           reflection::ServerReflectionResponse>>
      stream_;
};

class TlsPolicyTest : public TlsTest {
 protected:
  void StartServing(const std::string& remote = "anonymous") {
    Start(absl::Substitute(kRules, remote), {"--tls-client-cert-auth", "false"});
    const auto ran =
        RunToEnd({BinaryPath("percpuctl"), "--address", daemon_->address, "inc", "hits"});
    ASSERT_TRUE(ran.ok() && ran->exit_code == 0) << ran.status();
  }
  std::shared_ptr<grpc::Channel> As(const std::string& names) { return Channel(Client(names)); }
  // Nobody vouches for this one, who sees to whom it speaks all the same.
  std::shared_ptr<grpc::Channel> WithoutCertificate() const {
    return Channel({.certificate = {}, .key = {}, .ca = ca_ + ".pem"});
  }
  std::shared_ptr<grpc::Channel> OverPlainTcp() const {
    return grpc::CreateChannel(PlainPort(), grpc::InsecureChannelCredentials());
  }

  // Calls everything: what asks for more than `role` is refused with one of `reasons`.
  static void ExpectRole(const std::string& who, const std::shared_ptr<grpc::Channel>& channel,
                         Role role, const std::vector<std::string>& reasons) {
    AnyMethod any(channel);
    for (const Row& row : kRows) {
      SCOPED_TRACE(absl::StrCat(who, ": ", row.method));
      const Answer answer = any.Call(row.method);
      if (row.least > role) {
        EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::PERMISSION_DENIED)
            << ::testing::PrintToString(answer);
        EXPECT_THAT(reasons, ::testing::Contains(answer.reason()));
      } else {
        EXPECT_TRUE(answer.IsOfTheRequest()) << ::testing::PrintToString(answer);
        EXPECT_THAT(answer.reason(), Not(AnyOf("ROLE_TOO_LOW", "NOT_OVER_TCP")));
      }
    }
  }
};

TEST_F(TlsPolicyTest, TheTableHasEveryMethodThatIsServed) {
  StartServing();
  std::vector<std::string> rows;
  for (const Row& row : kRows) rows.emplace_back(row.method);
  EXPECT_THAT(Reflection(As("URI:spiffe://td/look/1")).Methods(), UnorderedElementsAreArray(rows));
}

TEST_F(TlsPolicyTest, EachIdentityMayCallWhatItsRoleMay) {
  StartServing();
  const std::vector<std::string> too_low{"ROLE_TOO_LOW"};
  ExpectRole("operator", As("URI:spiffe://td/ops/ann"), Role::kOperator, too_low);
  ExpectRole("client", As("URI:spiffe://td/app/1"), Role::kClient, too_low);
  ExpectRole("viewer", As("URI:spiffe://td/look/1"), Role::kViewer, too_low);
  ExpectRole("nobody", As("URI:spiffe://td/other/1"), Role::kNobody, too_low);
  // The gateway does not even ask percpud.
  const std::vector<std::string> not_so{"NOT_OVER_TCP"};
  ExpectRole("without a certificate", WithoutCertificate(), Role::kNobody, not_so);
}

TEST_F(TlsPolicyTest, PlainTcpHasAtMostAViewersRole) {
  StartServing("viewer");
  ExpectRole("plain TCP", OverPlainTcp(), Role::kViewer, {"NOT_OVER_TCP"});
}

TEST_F(TlsPolicyTest, PlainTcpIsNobodyWhereNothingElseIsSaid) {
  StartServing();
  ExpectRole("plain TCP", OverPlainTcp(), Role::kNobody, {"NOT_OVER_TCP", "ROLE_TOO_LOW"});
}

// --- Tokens ------------------------------------------------------------------------

TEST_F(TlsPolicyTest, AStolenTokenIsWorthNothingInAnyCall) {
  StartServing();
  const auto owner = As("URI:spiffe://td/app/1");
  grpc::ClientContext context;
  v1::OpenSessionResponse session;
  ASSERT_TRUE(v1::SessionService::NewStub(owner)->OpenSession(&context, {}, &session).ok());
  const std::pair<const char*, std::shared_ptr<grpc::Channel>> thieves[] = {
      {"operator", As("URI:spiffe://td/ops/ann")},
      {"client", As("URI:spiffe://td/app/2")},
      {"viewer", As("URI:spiffe://td/look/1")},
      {"nobody", As("URI:spiffe://td/other/1")},
      {"user", grpc::CreateChannel(daemon_->address, grpc::InsecureChannelCredentials())}};
  for (const auto& [who, channel] : thieves) {
    AnyMethod any(channel);
    for (const Row& row : kRows) {
      SCOPED_TRACE(absl::StrCat(who, ": ", row.method));
      const Answer answer = any.Call(row.method, session.token());
      EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::UNAUTHENTICATED)
          << ::testing::PrintToString(answer);
      EXPECT_EQ(answer.reason(), "TOKEN_UNKNOWN");
    }
  }
  // These have no tokens, and theirs is not looked at.
  for (const auto& channel : {WithoutCertificate(), OverPlainTcp()}) {
    EXPECT_EQ(AnyMethod(channel).Call(kAlloc, session.token()).reason(), "NOT_OVER_TCP");
  }
  // Nobody has ended the session, and its owner may.
  AnyMethod any(owner);
  EXPECT_TRUE(any.Call(kAlloc, session.token()).IsOfTheRequest());
  EXPECT_TRUE(any.Call(kEndSession, session.token()).has_message);
  EXPECT_EQ(any.Call(kAlloc, session.token()).reason(), "TOKEN_UNKNOWN");
}

}  // namespace
}  // namespace percpud::testing
