// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// TCP through the real gateway: what peers can do, whom percpud takes them for, and what
// the death of either process means to the other and to everybody else.

#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "percpu/client.h"
#include "percpu/session.h"
#include "percpud/v1/introspection.grpc.pb.h"
#include "percpud/v1/memory.grpc.pb.h"
#include "proto/percpud/abi/v1/wire.h"
#include "tests/integration/gateway_rig.h"

namespace percpud::testing {
namespace {

using ::testing::HasSubstr;

std::shared_ptr<grpc::Channel> Connect(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 200);
  arguments.SetMaxReceiveMessageSize(-1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

void SetDeadline(grpc::ClientContext& context) {
  context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(20)));
}

grpc::Status Ping(const std::shared_ptr<grpc::Channel>& channel, const char* behalf = nullptr) {
  grpc::ClientContext context;
  SetDeadline(context);
  if (behalf != nullptr) context.AddMetadata(abi::v1::kOnBehalfKey, behalf);
  v1::PingResponse response;
  return v1::MemoryService::NewStub(channel)->Ping(&context, {}, &response);
}

// Whether Pings are answered over that address, sooner or later.
bool AwaitPing(const std::string& address) {
  const auto channel = Connect(address);
  return Await([&channel] { return Ping(channel).ok(); });
}

TEST_F(GatewayTest, ClientsAndPercpuctlAreServedOverTcp) {
  Start({"--remote", "viewer"});
  auto client = percpu::Client::Connect(TcpAddress());
  ASSERT_TRUE(client.ok()) << client.status();
  EXPECT_TRUE(client->Ping().ok());
  EXPECT_TRUE(client->GetStats().ok());
  EXPECT_TRUE(client->ListVariables().ok());
  for (const char* const command : {"ping", "info", "chunk"}) {
    std::vector<std::string> argv{BinaryPath("percpuctl"), "--address", TcpAddress(), command};
    if (std::string(command) == "chunk") argv.emplace_back("list");
    const auto ran = RunToEnd(argv);
    ASSERT_TRUE(ran.ok()) << ran.status();
    EXPECT_EQ(ran->exit_code, 0) << command << ran->err;
  }
}

TEST_F(GatewayTest, NobodyOverTcpIsMoreThanAViewerAndAStrangerIsLess) {
  Start();
  auto client = percpu::Client::Connect(TcpAddress());
  ASSERT_TRUE(client.ok()) << client.status();
  EXPECT_TRUE(client->Ping().ok());
  EXPECT_TRUE(absl::IsPermissionDenied(client->GetStats().status()));
  const absl::Status alloc = client->Allocate({.size_bytes = 8}).status();
  EXPECT_TRUE(absl::IsPermissionDenied(alloc)) << alloc;
}

TEST_F(GatewayTest, OnlyTheGatewaySaysOnWhoseBehalfItCalls) {
  Start();
  const grpc::Status local = Ping(Connect(daemon_->address), "plain:10.0.0.1");
  EXPECT_EQ(local.error_code(), grpc::PERMISSION_DENIED) << local.error_message();
  EXPECT_THAT(local.error_message(), HasSubstr("only percpud-gateway"));
  // Over TCP the claim is dropped on the way.
  EXPECT_TRUE(Ping(Connect(TcpAddress()), "plain:10.0.0.1").ok());
}

TEST_F(GatewayTest, ATokenIsWorthNothingOverPlainTcp) {
  Start();
  const auto session = percpu::Session::Open(daemon_->address);
  ASSERT_TRUE(session.ok()) << session.status();
  const auto stub = v1::IntrospectionService::NewStub(Connect(TcpAddress()));
  grpc::ClientContext context;
  SetDeadline(context);
  context.AddMetadata(abi::v1::kTokenKey, std::string(16, 'x'));
  v1::GetStatsResponse response;
  EXPECT_EQ(stub->GetStats(&context, {}, &response).error_code(), grpc::PERMISSION_DENIED);
}

TEST_F(GatewayTest, LongAnswersComeWholeAndLongRequestsAreRefused) {
  Start({"--remote", "viewer", "--unit-size", "2MiB"});
  constexpr std::size_t kBytes = 1 << 20;
  percpu::Client local = *percpu::Client::Connect(daemon_->address);
  const auto area = local.Allocate({.size_bytes = kBytes});
  ASSERT_TRUE(area.ok()) << area.status();
  std::string bytes(kBytes, '\0');
  for (std::size_t i = 0; i < kBytes; ++i) bytes[i] = static_cast<char>(i * 2654435761U >> 13);
  ASSERT_TRUE(local.Write(*area, percpu::Unit{1}, bytes).ok());
  percpu::Client remote = *percpu::Client::Connect(TcpAddress());
  for (int i = 0; i < 5; ++i) {
    const auto read = remote.Read(*area, percpu::Unit{1}, kBytes);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_TRUE(*read == bytes);
  }
  const auto stub = v1::MemoryService::NewStub(Connect(TcpAddress()));
  grpc::ClientContext context;
  SetDeadline(context);
  v1::SumRequest request;
  request.GetReflection()->MutableUnknownFields(&request)->AddLengthDelimited(
      1000, std::string(5 << 20, 'x'));
  v1::SumResponse response;
  EXPECT_EQ(stub->Sum(&context, request, &response).error_code(), grpc::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(remote.Ping().ok());
}

// --- What the gateway is -----------------------------------------------------------

TEST_F(GatewayTest, TheGatewayMayDoNothingButServe) {
  Start();
  // It gives everything up before it serves.
  ASSERT_TRUE(AwaitPing(TcpAddress()));
  const pid_t pid = gateway();
  for (const char* const set : {"CapInh", "CapPrm", "CapEff", "CapAmb"}) {
    EXPECT_EQ(StatusField(pid, set), "\t0000000000000000") << set;
  }
  EXPECT_EQ(StatusField(pid, "NoNewPrivs"), "\t1");
  EXPECT_EQ(StatusField(pid, "Threads"), "\t1");
  if (geteuid() == 0) EXPECT_THAT(StatusField(pid, "Uid"), HasSubstr("65534"));
  const std::string limits = ReadProc(pid, "limits");
  EXPECT_THAT(limits, HasSubstr("Max processes             0                    0"));
  EXPECT_THAT(limits, HasSubstr("Max open files            384                  384"));
#ifndef PERCPUD_ASAN
  EXPECT_THAT(limits, HasSubstr("Max address space         268435456            268435456"));
#endif
}

// --- Death -------------------------------------------------------------------------

TEST_F(GatewayTest, AGatewayThatIsKilledIsStartedAgainAndNobodyElseNotices) {
  Start();
  const std::string address = TcpAddress();
  auto session = percpu::Session::Open(daemon_->address);
  ASSERT_TRUE(session.ok()) << session.status();
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(AwaitPing(address)) << daemon_->process.err();
    const pid_t killed = gateway();
    ASSERT_NE(killed, 0);
    kill(killed, SIGKILL);
    // A connection that comes in between waits.
    EXPECT_TRUE(AwaitPing(address)) << daemon_->process.err();
    EXPECT_TRUE(Await([&] { return gateway() != 0 && gateway() != killed; }));
    const auto area = (*session)->client().Allocate({.size_bytes = 8});
    ASSERT_TRUE(area.ok()) << area.status();
    EXPECT_TRUE((*session)->client().Free(*area).ok());
  }
  EXPECT_THAT(daemon_->process.err(), HasSubstr("percpud-gateway has ended (signal 9)"));
}

TEST_F(GatewayTest, TheGatewayEndsWithItsPercpud) {
  Start();
  ASSERT_TRUE(AwaitPing(TcpAddress()));
  const pid_t pid = gateway();
  daemon_->process.Kill(SIGKILL);
  EXPECT_TRUE(Await([pid] { return !IsAlive(pid); }));
  ASSERT_TRUE(daemon_->process.Wait(kGatewayPatience).ok());
  daemon_.reset();
}

TEST_F(GatewayTest, ADrainEndsStreamsOverTcpInOrder) {
  Start({"--remote", "viewer"});
  const auto stub = v1::IntrospectionService::NewStub(Connect(TcpAddress()));
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kGatewayPatience));
  const auto stream = stub->Watch(&context, {});
  v1::WatchResponse response;
  ASSERT_TRUE(stream->Read(&response));
  const pid_t pid = gateway();
  daemon_->process.Kill(SIGTERM);
  while (stream->Read(&response)) {
  }
  const grpc::Status status = stream->Finish();
  EXPECT_TRUE(status.ok()) << status.error_message();
  const auto ended = daemon_->process.Wait(kGatewayPatience);
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(*ended, 0);
  EXPECT_FALSE(IsAlive(pid));
  daemon_.reset();
}

TEST_F(GatewayTest, WithoutItsProgramNothingIsStarted) {
  const std::string alone = absl::StrCat(dir_.path(), "/percpud");
  const auto copied = RunToEnd({"/bin/cp", BinaryPath("percpud"), alone});
  ASSERT_TRUE(copied.ok());
  const auto ran = RunToEnd({alone, "--listen", "127.0.0.1:0", "--cpus", "4"});
  ASSERT_TRUE(ran.ok()) << ran.status();
  EXPECT_EQ(ran->exit_code, 1);
  EXPECT_THAT(ran->err, HasSubstr("percpud-gateway, which cannot be run"));
}

// --- A service of its own ----------------------------------------------------------

TEST_F(GatewayTest, AsAServiceOfItsOwnItOutlivesPercpud) {
  const std::string socket = absl::StrCat(dir_.path(), "/gateway");
  const std::vector<std::string> flags{"--gateway", "unix:" + socket, "--cpus", "4"};
  std::optional<RunningDaemon> daemon(*StartDaemon(dir_, flags));
  struct stat file {};
  ASSERT_EQ(stat(socket.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777U, 0600U);
  // A gateway that root starts is "nobody" once it serves, and has to get at the socket.
  ASSERT_EQ(chmod(dir_.path().c_str(), 0755), 0);
  ASSERT_EQ(chmod(socket.c_str(), 0666), 0);
  auto gateway = Process::Spawn(
      {BinaryPath("percpud-gateway"), "--listen", "127.0.0.1:0", "--percpud", "unix:" + socket});
  ASSERT_TRUE(gateway.ok()) << gateway.status();
  std::string address;
  ASSERT_TRUE(Await([&] {
    const std::string log = gateway->err();
    const std::size_t at = log.find("127.0.0.1:");
    const std::size_t end = log.find('\n', at);
    if (at == std::string::npos || end == std::string::npos) return false;
    address = log.substr(at, end - at);
    return true;
  }));
  const auto channel = Connect(address);
  ASSERT_TRUE(Await([&channel] { return Ping(channel).ok(); })) << gateway->err();
  // Through that socket anybody could name anybody: nobody does without the metadata.
  const grpc::Status nameless = Ping(Connect("unix:" + socket));
  EXPECT_EQ(nameless.error_code(), grpc::UNAUTHENTICATED) << nameless.error_message();

  daemon->process.Kill(SIGKILL);
  ASSERT_TRUE(daemon->process.Wait(kGatewayPatience).ok());
  EXPECT_TRUE(Await([&channel] { return Ping(channel).error_code() == grpc::UNAVAILABLE; }));
  daemon.emplace(*StartDaemon(dir_, flags));
  ASSERT_EQ(chmod(socket.c_str(), 0666), 0);
  EXPECT_TRUE(Await([&channel] { return Ping(channel).ok(); })) << gateway->err();
  gateway->Kill(SIGTERM);
  const auto ended = gateway->Wait(kGatewayPatience);
  ASSERT_TRUE(ended.ok()) << ended.status();
#ifndef PERCPUD_ASAN
  // The search for leaks at the end may not look into a process without privileges.
  EXPECT_EQ(*ended, 0);
#endif
}

}  // namespace
}  // namespace percpud::testing
