// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// TLS through the real gateway: who gets in, and as whom.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "percpu/client.h"
#include "percpu/reason.h"
#include "percpu/remote_session.h"
#include "percpud/v1/memory.grpc.pb.h"
#include "percpud/v1/session.grpc.pb.h"
#include "proto/percpud/abi/v1/wire.h"
#include "tests/integration/tls_rig.h"

namespace percpud::testing {
namespace {

using ::testing::HasSubstr;

constexpr char kAccess[] = R"(
  access {
    remote: "viewer"
    operators: "spiffe:spiffe://td/ops/*"
    clients: "spiffe:spiffe://td/app/*"
    viewers: "dns:scrape.example"
    viewers: "cn:client-4"
  })";

void SetDeadline(grpc::ClientContext& context) {
  context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(20)));
}

// A Ping that does not try again.
grpc::Status PingOnce(const std::shared_ptr<grpc::Channel>& channel) {
  grpc::ClientContext context;
  SetDeadline(context);
  v1::PingResponse response;
  return v1::MemoryService::NewStub(channel)->Ping(&context, {}, &response);
}

// What the daemon says to an Alloc with that token; or without one, if it is empty.
grpc::Status AllocWith(const std::shared_ptr<grpc::Channel>& channel, const std::string& token) {
  grpc::ClientContext context;
  SetDeadline(context);
  if (!token.empty()) context.AddMetadata(abi::v1::kTokenKey, token);
  v1::AllocRequest request;
  request.add_sizes_bytes(8);
  v1::AllocResponse response;
  return v1::MemoryService::NewStub(channel)->Alloc(&context, request, &response);
}

std::string OpenSession(const std::shared_ptr<grpc::Channel>& channel) {
  grpc::ClientContext context;
  SetDeadline(context);
  v1::OpenSessionRequest request;
  request.set_command("test");
  v1::OpenSessionResponse response;
  const grpc::Status status =
      v1::SessionService::NewStub(channel)->OpenSession(&context, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response.token();
}

// --- Roles -------------------------------------------------------------------------

TEST_F(TlsTest, ACertificateSaysWhatItsOwnerMayDo) {
  Start(kAccess);
  struct Row {
    PemFiles files;
    bool may_look;
    bool may_count;
    bool may_rule;
  };
  const Row rows[] = {
      {Client("URI:spiffe://td/ops/ann,DNS:scrape.example"), true, true, true},
      {Client("DNS:other.example,URI:spiffe://td/app/1"), true, true, false},
      {Client("DNS:Scrape.Example,DNS:other.example"), true, false, false},
      // Its common name, for there is no other.
      {Client(""), true, false, false},
      // It has a common name that nobody asks for, or none that a rule names.
      {Client("DNS:other.example"), false, false, false},
      {Client("URI:spiffe://td2/ops/ann"), false, false, false},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(ReadText(row.files.certificate + ".ext"));
    EXPECT_EQ(Percpuctl(row.files, {"ping"}).exit_code, 0) << log();
    EXPECT_EQ(Percpuctl(row.files, {"stats"}).exit_code == 0, row.may_look);
    EXPECT_EQ(Percpuctl(row.files, {"alloc", "8"}).exit_code == 0, row.may_count);
    EXPECT_EQ(Percpuctl(row.files, {"check"}).exit_code == 0, row.may_rule);
  }
  const RunResult refused = Percpuctl(rows[2].files, {"alloc", "8"});
  EXPECT_THAT(refused.err, HasSubstr("needs the role client"));
}

TEST_F(TlsTest, PercpuctlTakesItsFilesFromTheEnvironment) {
  Start(kAccess);
  const PemFiles files = Client("URI:spiffe://td/app/1");
  const auto ran =
      RunToEnd({BinaryPath("percpuctl"), "info"},
               {"PERCPUD_ADDRESS=" + SdkAddress(), "PERCPUD_CA_FILE=" + files.ca,
                "PERCPUD_CERT_FILE=" + files.certificate, "PERCPUD_KEY_FILE=" + files.key});
  ASSERT_TRUE(ran.ok()) << ran.status();
  EXPECT_EQ(ran->exit_code, 0) << ran->err;
}

TEST_F(TlsTest, PlainTcpStaysBelow) {
  Start(kAccess);
  auto client = percpu::Client::Connect(PlainPort());
  ASSERT_TRUE(client.ok()) << client.status();
  EXPECT_TRUE(client->GetStats().ok());
  EXPECT_TRUE(absl::IsPermissionDenied(client->Allocate({.size_bytes = 8}).status()));
}

// --- Who does not get in -----------------------------------------------------------

TEST_F(TlsTest, PeersThatNothingVouchesForAreRefused) {
  Start(kAccess);
  const std::string other = pki_.Authority("other");
  const char kNames[] = "URI:spiffe://td/ops/ann";
  PemFiles foreign = pki_.Issue(other, "foreign", {.names = kNames});
  foreign.ca = ca_ + ".pem";
  const PemFiles good = Client(kNames);
  const std::pair<const char*, PemFiles> rows[] = {
      {"peer did not return a certificate", {.certificate = {}, .key = {}, .ca = good.ca}},
      {"unable to get local issuer certificate", foreign},
      {"certificate has expired", pki_.Issue(ca_, "expired", {.names = kNames, .days = -1})},
      {"certificate purpose", pki_.Issue(ca_, "serving", {.names = kNames, .usage = "serverAuth"})},
      {"has more than one URI", Client("URI:spiffe://td/ops/ann,URI:spiffe://td/ops/bob")},
      {"has neither SPIFFE id nor DNS name", Client("email:ann@example.com")},
  };
  for (const auto& [why, files] : rows) {
    SCOPED_TRACE(why);
    EXPECT_EQ(PingOnce(Channel(files)).error_code(), grpc::StatusCode::UNAVAILABLE);
    EXPECT_TRUE(AwaitLog(why));
  }
  // Plain text gets nowhere on that port.
  auto plain = percpu::Client::Connect(TlsPort(), {.retry = {.max_retries = 0}});
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_TRUE(absl::IsUnavailable(plain->Ping()));
  EXPECT_EQ(Percpuctl(good, {"ping"}).exit_code, 0);
}

TEST_F(TlsTest, AClientRefusesAnotherGatewayAndFilesThatAreOfNoUse) {
  Start(kAccess);
  const PemFiles good = Client("URI:spiffe://td/app/1");
  PemFiles misled = good;
  misled.ca = pki_.Authority("other") + ".pem";
  const RunResult refused = Percpuctl(misled, {"ping"});
  EXPECT_EQ(refused.exit_code, 4) << refused.err;
  EXPECT_EQ(Percpuctl(good, {"--server-name", "db7.example", "ping"}).exit_code, 4);

  const auto connect = [&](const PemFiles& files) {
    return percpu::Client::Connect(SdkAddress(), CallsAs(files)).status();
  };
  EXPECT_TRUE(connect(good).ok()) << connect(good);
  PemFiles mixed = good;
  mixed.key = Client("URI:spiffe://td/app/2").key;
  EXPECT_THAT(connect(mixed).message(),
              HasSubstr("tls.key_file: " + mixed.key + ": is not the key of the certificate"));
  const PemFiles expired = pki_.Issue(ca_, "late", {.days = -1});
  EXPECT_THAT(connect(expired).message(), HasSubstr("has expired"));
  chmod(good.key.c_str(), 0644);
  EXPECT_THAT(connect(good).message(), HasSubstr("every user may read"));
  WriteText(good.key, "");
  EXPECT_THAT(connect(good).message(), HasSubstr("is empty"));
  EXPECT_EQ(Percpuctl(good, {"ping"}).exit_code, 2);
}

TEST_F(TlsTest, WithoutCertificatesAPeerIsNobodyWhereThatIsAllowed) {
  Start(kAccess, {"--tls-client-cert-auth", "false"});
  const PemFiles nobody{.certificate = {}, .key = {}, .ca = ca_ + ".pem"};
  EXPECT_EQ(Percpuctl(nobody, {"ping"}).exit_code, 0) << log();
  EXPECT_EQ(Percpuctl(nobody, {"stats"}).exit_code, 1);
  EXPECT_EQ(Percpuctl(Client("URI:spiffe://td/app/1"), {"stats"}).exit_code, 0);
}

// --- Sessions ----------------------------------------------------------------------

TEST_F(TlsTest, ATokenIsWorthSomethingFromItsOwnIdentityOnly) {
  Start(kAccess);
  const auto owner = Channel(Client("URI:spiffe://td/app/1"));
  const std::string token = OpenSession(owner);
  EXPECT_TRUE(AllocWith(owner, token).ok());
  const grpc::Status stolen = AllocWith(Channel(Client("URI:spiffe://td/app/2")), token);
  EXPECT_EQ(stolen.error_code(), grpc::StatusCode::UNAUTHENTICATED) << stolen.error_message();
  EXPECT_EQ(AllocWith(Channel(Client("URI:spiffe://td/ops/ann")), token).error_code(),
            grpc::StatusCode::UNAUTHENTICATED);
  // A user of this host cannot use it; and a user's is worth nothing over TLS.
  const auto local = grpc::CreateChannel(daemon_->address, grpc::InsecureChannelCredentials());
  EXPECT_EQ(AllocWith(local, token).error_code(), grpc::StatusCode::UNAUTHENTICATED);
  const std::string users = OpenSession(local);
  EXPECT_TRUE(AllocWith(local, users).ok());
  EXPECT_EQ(AllocWith(owner, users).error_code(), grpc::StatusCode::UNAUTHENTICATED);
  // Another connection of the same identity is as good as the first.
  EXPECT_TRUE(AllocWith(Channel(Client("URI:spiffe://td/app/1")), token).ok());
}

TEST_F(TlsTest, WhatAPeerSaysOfItselfIsNotPassedOn) {
  Start(kAccess);
  const auto channel = Channel(Client("DNS:scrape.example"));
  grpc::ClientContext context;
  SetDeadline(context);
  context.AddMetadata(abi::v1::kOnBehalfKey, "tls:spiffe:spiffe://td/ops/ann");
  v1::AllocRequest request;
  request.add_sizes_bytes(8);
  v1::AllocResponse response;
  EXPECT_EQ(v1::MemoryService::NewStub(channel)->Alloc(&context, request, &response).error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
}

TEST_F(TlsTest, SessionsWorkOverTlsAndAreCountedByIdentity) {
  Start(absl::StrCat(kAccess, "quotas { remote_sessions_per_opener: 1 }"));
  const auto open = [&](const PemFiles& files) {
    percpu::RemoteSessionOptions options{.calls = CallsAs(files), .command = "loader"};
    return percpu::RemoteSession::Open(SdkAddress(), options);
  };
  const PemFiles first = Client("URI:spiffe://td/app/1");
  auto session = open(first);
  ASSERT_TRUE(session.ok()) << session.status();
  const auto area = (*session)->client().Allocate({.size_bytes = 8});
  ASSERT_TRUE(area.ok()) << area.status();
  for (int i = 0; i < 100; ++i) EXPECT_TRUE((*session)->client().Add(*area, 1).ok());
  EXPECT_EQ((*session)->client().Sum(*area).value(), 100);
  // From the same host; the identity is full, and another is not.
  const absl::Status full = open(first).status();
  EXPECT_THAT(full.message(), HasSubstr("spiffe:spiffe://td/app/1")) << full;
  EXPECT_TRUE(open(Client("URI:spiffe://td/app/2")).ok());
  // It ends with its session.
  session->reset();
  EXPECT_TRUE(open(first).ok());
}

}  // namespace
}  // namespace percpud::testing
