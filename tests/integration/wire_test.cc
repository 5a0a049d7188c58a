// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What the real daemon does on the wire: what it offers beside its own
// services, and what it makes of peers that do not behave.

#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "percpud/v1/memory.grpc.pb.h"
#include "tests/support/process.h"

namespace percpud {
namespace {

using ::testing::HasSubstr;

constexpr absl::Duration kPatience = absl::Seconds(20);

std::shared_ptr<grpc::Channel> Connect(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

void SetDeadline(grpc::ClientContext& context) {
  context.set_deadline(absl::ToChronoTime(absl::Now() + kPatience));
}

grpc::Status Ping(const std::shared_ptr<grpc::Channel>& channel) {
  const auto stub = v1::MemoryService::NewStub(channel);
  grpc::ClientContext context;
  SetDeadline(context);
  v1::PingResponse response;
  return stub->Ping(&context, {}, &response);
}

grpc::ByteBuffer ToBuffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

std::string ToString(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string out;
  if (!buffer.Dump(&slices).ok()) return out;
  for (const grpc::Slice& slice : slices) {
    out.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return out;
}

// One request and one answer of a method, stream or not, whose messages are
// not part of the packages: as bytes.
std::optional<std::string> RawCall(const std::shared_ptr<grpc::Channel>& channel,
                                   const std::string& method, const std::string& request) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  SetDeadline(context);
  grpc::CompletionQueue queue;
  const auto call = stub.PrepareCall(&context, method, &queue);
  const auto step = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };
  grpc::ByteBuffer response;
  grpc::Status status;
  call->StartCall(nullptr);
  bool answered = step();
  if (answered) {
    call->WriteLast(ToBuffer(request), {}, nullptr);
    answered = step();
  }
  if (answered) {
    call->Read(&response, nullptr);
    answered = step();
  }
  context.TryCancel();
  call->Finish(&status, nullptr);
  step();
  queue.Shutdown();
  if (!answered) return std::nullopt;
  return ToString(response);
}

class WireTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto daemon = testing::StartDaemon(
        dir_, {"--cpus", "4", "--arena-size", "16MiB", "--listen", "127.0.0.1:0"});
    ASSERT_TRUE(daemon.ok()) << daemon.status();
    daemon_.emplace(*std::move(daemon));
    channel_ = Connect(daemon_->address);
  }

  void TearDown() override {
    channel_.reset();
    daemon_->process.Kill(SIGTERM);
    const absl::StatusOr<int> status = daemon_->process.Wait(kPatience);
    ASSERT_TRUE(status.ok()) << status.status();
    EXPECT_EQ(*status, 0) << daemon_->process.err();
  }

  // A plain connection to the Unix socket; closed by its reader.
  int RawConnect() {
    const std::string path(absl::StripPrefix(daemon_->address, "unix:"));
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    return fd;
  }

  // Where the daemon says it listens on TCP; its log may lag its word.
  std::string TcpAddress() {
    constexpr char kBefore[] = "serving on 127.0.0.1:";
    const absl::Time limit = absl::Now() + kPatience;
    while (absl::Now() < limit) {
      const std::string log = daemon_->process.err();
      const std::size_t at = log.find(kBefore);
      const std::size_t end = log.find('\n', at);
      if (at == std::string::npos || end == std::string::npos) continue;
      const std::size_t begin = at + std::strlen("serving on ");
      return log.substr(begin, end - begin);
    }
    ADD_FAILURE() << daemon_->process.err();
    return "";
  }

  testing::TempDir dir_;
  std::optional<testing::RunningDaemon> daemon_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(WireTest, TcpIsServedOnRequestAndByOneDaemonOnly) {
  const std::string address = TcpAddress();
  EXPECT_TRUE(Ping(Connect(address)).ok());
  const auto second =
      testing::RunToEnd({testing::BinaryPath("percpud"), "--listen", address, "--cpus", "4"});
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->exit_code, 1);
  EXPECT_THAT(second->err, HasSubstr("another daemon"));
  EXPECT_TRUE(Ping(Connect(address)).ok());
}

TEST_F(WireTest, HealthAnswers) {
  const auto stub = grpc::health::v1::Health::NewStub(channel_);
  for (const char* service : {"", "percpud.v1.MemoryService", "percpud.v1.IntrospectionService"}) {
    grpc::ClientContext context;
    SetDeadline(context);
    grpc::health::v1::HealthCheckRequest request;
    request.set_service(service);
    grpc::health::v1::HealthCheckResponse response;
    ASSERT_TRUE(stub->Check(&context, request, &response).ok()) << service;
    EXPECT_EQ(response.status(), grpc::health::v1::HealthCheckResponse::SERVING);
  }
}

TEST_F(WireTest, ReflectionListsTheServices) {
  // ServerReflectionRequest{list_services: ""}, field 7.
  const auto answer = RawCall(
      channel_, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", {"\x3a\x00", 2});
  ASSERT_TRUE(answer);
  for (const char* service :
       {"percpud.v1.MemoryService", "percpud.v1.IntrospectionService", "grpc.health.v1.Health"}) {
    EXPECT_THAT(*answer, HasSubstr(service));
  }
}

TEST_F(WireTest, ChannelzAnswers) {
  const auto answer = RawCall(channel_, "/grpc.channelz.v1.Channelz/GetServers", "");
  ASSERT_TRUE(answer);
  EXPECT_FALSE(answer->empty());
}

TEST_F(WireTest, WhatNobodyServesIsUnimplemented) {
  EXPECT_FALSE(RawCall(channel_, "/percpud.v1.MemoryService/Explode", ""));
  EXPECT_TRUE(Ping(channel_).ok());
}

TEST_F(WireTest, AMessageThatIsNoneIsRefused) {
  EXPECT_FALSE(RawCall(channel_, "/percpud.v1.MemoryService/Alloc", "\xff\xff\xff\xff"));
  EXPECT_FALSE(RawCall(channel_, "/percpud.v1.IntrospectionService/Resolve", "\x09\x01"));
  EXPECT_TRUE(Ping(channel_).ok());
}

TEST_F(WireTest, AnOversizedMessageIsRefusedAndTheConnectionLivesOn) {
  const auto stub = v1::MemoryService::NewStub(channel_);
  v1::WriteRequest request;
  request.set_data(std::string(5 << 20, 'x'));
  for (int i = 0; i < 3; ++i) {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::WriteResponse response;
    EXPECT_EQ(stub->Write(&context, request, &response).error_code(), grpc::RESOURCE_EXHAUSTED);
  }
  EXPECT_TRUE(Ping(channel_).ok());
}

TEST_F(WireTest, GarbageCostsItsSenderTheConnectionAndNobodyElse) {
  ASSERT_TRUE(Ping(channel_).ok());
  const std::vector<std::string> openings = {
      std::string(100000, 'x'), std::string(1000, '\0'), "GET / HTTP/1.1\r\n\r\n",
      // A proper start, then a frame of 16 MiB that never comes.
      absl::StrCat("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", std::string(9, '\xff'))};
  for (const std::string& opening : openings) {
    const int fd = RawConnect();
    // The daemon may hang up before all is sent.
    const ssize_t sent = send(fd, opening.data(), opening.size(), MSG_NOSIGNAL);
    EXPECT_GT(sent, 0);
    char answer[4096];
    while (recv(fd, answer, sizeof(answer), 0) > 0) {
    }
    close(fd);
    EXPECT_TRUE(Ping(channel_).ok());
  }
}

TEST_F(WireTest, ConnectionsThatSayNothingCostNothing) {
  std::vector<int> silent;
  for (int i = 0; i < 200; ++i) silent.push_back(RawConnect());
  EXPECT_TRUE(Ping(channel_).ok());
  for (const int fd : silent) close(fd);
  EXPECT_TRUE(Ping(Connect(daemon_->address)).ok());
}

// What a peer sends compressed could inflate to any size: it is refused unread.
TEST_F(WireTest, CompressedCallsAreRefusedAndOthersServed) {
  const auto stub = v1::MemoryService::NewStub(channel_);
  for (const auto algorithm : {GRPC_COMPRESS_GZIP, GRPC_COMPRESS_DEFLATE}) {
    grpc::ClientContext context;
    SetDeadline(context);
    context.set_compression_algorithm(algorithm);
    v1::AllocRequest request;
    for (int i = 0; i < 4096; ++i) request.add_sizes_bytes(8);
    v1::AllocResponse response;
    const grpc::Status status = stub->Alloc(&context, request, &response);
    EXPECT_EQ(status.error_code(), grpc::UNIMPLEMENTED) << status.error_message();
  }
  grpc::ClientContext context;
  SetDeadline(context);
  v1::PingResponse response;
  EXPECT_TRUE(stub->Ping(&context, {}, &response).ok());
}

}  // namespace
}  // namespace percpud
