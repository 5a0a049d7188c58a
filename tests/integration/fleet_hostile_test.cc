// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Users of a host who mean its percpud-fleet ill, and a disk that takes nothing.

#include <gmock/gmock.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "percpud/fleet/v1/fleet.grpc.pb.h"
#include "percpud/fleet/v1/reading.grpc.pb.h"
#include "percpud/v1/reading.grpc.pb.h"
#include "server/base/unique_fd.h"
#include "tests/support/pki.h"
#include "tests/support/process.h"
#include "tests/support/raw_http2.h"
#include "tests/support/text_file.h"

namespace percpud::testing {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(60);

class FleetHostileTest : public ::testing::Test {
 protected:
  // An agent whose etcd is not there, which is nothing special to it.
  void Start(const std::vector<std::string>& more = {}) {
    WriteText(dir_.path() + "/boot-id", "b1");
    std::vector<std::string> argv{BinaryPath("percpud-fleet"),
                                  "--etcd",
                                  "http://127.0.0.1:1",
                                  "--host",
                                  "own",
                                  "--percpud",
                                  "unix:" + percpud_,
                                  "--listen",
                                  "unix:" + socket_,
                                  "--state-dir",
                                  dir_.path(),
                                  "--boot-id-file",
                                  dir_.path() + "/boot-id"};
    argv.insert(argv.end(), more.begin(), more.end());
    auto started = Process::Spawn(argv);
    ASSERT_TRUE(started.ok()) << started.status();
    agent_.emplace(*std::move(started));
    ASSERT_TRUE(Await([this] { return Connect().ok(); })) << agent_->err();
  }
  void TearDown() override {
    if (!agent_) return;
    agent_->Kill(SIGTERM);
    EXPECT_EQ(agent_->Wait(kPatience).value_or(-1), 0) << agent_->err();
  }

  template <typename Condition>
  static bool Await(const Condition& condition) {
    const absl::Time deadline = absl::Now() + kPatience;
    while (!condition()) {
      if (absl::Now() > deadline) return false;
      absl::SleepFor(absl::Milliseconds(10));
    }
    return true;
  }
  [[nodiscard]] UniqueFd Connect() const {
    UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socket_.copy(address.sun_path, sizeof(address.sun_path) - 1);
    if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
      return {};
    }
    return fd;
  }
  [[nodiscard]] grpc::Status Ask() const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    const auto channel =
        grpc::CreateCustomChannel("unix:" + socket_, grpc::InsecureChannelCredentials(), arguments);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    fleet::v1::GetStatusResponse response;
    return fleet::v1::FleetService::NewStub(channel)->GetStatus(&context, {}, &response);
  }
  // A sum over a connection of its own.
  [[nodiscard]] grpc::Status Sum(const std::string& family, absl::Duration deadline) const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    const auto stub = fleet::v1::FleetReadingService::NewStub(grpc::CreateCustomChannel(
        "unix:" + socket_, grpc::InsecureChannelCredentials(), arguments));
    grpc::ClientContext context;
    fleet::v1::SumFamilyRequest request;
    request.set_family(family);
    auto& patience = *request.mutable_asking()->mutable_deadline();
    patience.set_seconds(absl::ToInt64Seconds(deadline));
    patience.set_nanos(
        static_cast<std::int32_t>(absl::ToInt64Nanoseconds(deadline % absl::Seconds(1))));
    fleet::v1::SumFamilyResponse response;
    return stub->SumFamily(&context, request, &response);
  }
  [[nodiscard]] std::ptrdiff_t Descriptors() const {
    return std::distance(
        std::filesystem::directory_iterator(absl::StrCat("/proc/", agent_->pid(), "/fd")), {});
  }

  const TempDir dir_;
  const std::string socket_ = dir_.path() + "/fleet.sock";
  // Nothing serves there, unless a test does.
  const std::string percpud_ = dir_.path() + "/percpud.sock";
  std::optional<Process> agent_;
};

// A percpud that answers nothing before it is told to.
class Silent final : public v1::ReadingService::Service {
 public:
  explicit Silent(const std::string& socket) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("unix:" + socket, grpc::InsecureServerCredentials());
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  grpc::Status ReadFamily(grpc::ServerContext*, const v1::ReadFamilyRequest*,
                          v1::ReadFamilyResponse*) override {
    ++calls;
    go_on.WaitForNotification();
    return {grpc::StatusCode::NOT_FOUND, "none"};
  }
  std::atomic<int> calls = 0;
  absl::Notification go_on;

 private:
  std::unique_ptr<grpc::Server> server_;
};

class FleetWithASilentPercpudTest : public FleetHostileTest {
 protected:
  FleetWithASilentPercpudTest() {
    WriteText(dir_.path() + "/incarnation", "i1 b1");
    WriteText(dir_.path() + "/view.json", R"({"fleet": "default", "hosts": [{"name": "own",
        "state": "HOST_STATE_UP", "record": {"incarnation": "i1", "weight": 1}}]})");
    Start();
  }
  ~FleetWithASilentPercpudTest() override { AnswerAll(); }
  // percpud answers, and all callers are answered.
  void AnswerAll() {
    if (!silent_.go_on.HasBeenNotified()) silent_.go_on.Notify();
    for (std::thread& caller : callers_) caller.join();
    callers_.clear();
  }
  // Asks on another thread, whose answer has that code.
  void Call(const std::string& family, absl::Duration deadline, grpc::StatusCode code) {
    callers_.emplace_back([this, family, deadline, code] {
      const grpc::Status status = Sum(family, deadline);
      EXPECT_EQ(status.error_code(), code) << status.error_message();
    });
  }

  Silent silent_{percpud_};
  std::vector<std::thread> callers_;
};

// Hosts have a minute if callers say so, and an agent that is to end does not wait for that.
TEST_F(FleetWithASilentPercpudTest, TheAgentEndsThoughAHostDoesNotAnswer) {
  constexpr int kCallers = 8;
  for (int i = 0; i < kCallers; ++i) {
    Call(absl::StrCat("f", i), absl::Minutes(1), grpc::StatusCode::UNAVAILABLE);
  }
  EXPECT_TRUE(Await([&] { return silent_.calls > 0; })) << agent_->err();
  agent_->Kill(SIGTERM);
  // Well before the hosts' minute is over.
  EXPECT_EQ(agent_->Wait(absl::Seconds(20)).value_or(-1), 0) << agent_->err();
  agent_.reset();
}

// A server of many processes, each of which asks for the same.
TEST_F(FleetWithASilentPercpudTest, WorkersOfOneUserShareARoundAndOneThread) {
  Call("hits", absl::Minutes(1), grpc::StatusCode::NOT_FOUND);
  ASSERT_TRUE(Await([&] { return silent_.calls == 1; })) << agent_->err();
  const std::ptrdiff_t before = Descriptors();
  constexpr int kWorkers = 10;
  for (int i = 0; i < kWorkers; ++i) {
    Call("hits", absl::Minutes(1), grpc::StatusCode::NOT_FOUND);
  }
  ASSERT_TRUE(Await([&] { return Descriptors() >= before + kWorkers; }));
  // Another sum of the same user has its turn.
  for (int i = 0; i < 3; ++i) {
    const grpc::Status other = Sum("other", absl::Milliseconds(200));
    EXPECT_THAT(other.error_message(), ::testing::HasSubstr("own (no answer in time)"));
  }
  AnswerAll();
  // One round for them all, and one for each of the others.
  EXPECT_EQ(silent_.calls, 4);
}

TEST_F(FleetWithASilentPercpudTest, ConnectionsWithACallMakeWayLast) {
  Call("hits", absl::Minutes(1), grpc::StatusCode::NOT_FOUND);
  ASSERT_TRUE(Await([&] { return silent_.calls == 1; })) << agent_->err();
  constexpr int kProcesses = 100;
  for (int i = 0; i < kProcesses; ++i) {
    const grpc::Status status = Ask();
    EXPECT_TRUE(status.ok()) << status.error_message();
  }
  std::vector<UniqueFd> idle;
  for (int i = 0; i < kProcesses; ++i) {
    idle.push_back(Connect());
    ASSERT_TRUE(idle.back().ok());
  }
  // The call that is under way since before all of them goes on.
  AnswerAll();
}

TEST_F(FleetHostileTest, CallersWhoDoNotReadHoldNobodyUp) {
  Start();
  std::vector<std::unique_ptr<RawHttp2>> deaf;
  for (int i = 0; i < 12; ++i) {
    deaf.push_back(std::make_unique<RawHttp2>(Connect(), /*window=*/0));
    for (int call = 0; call < 4; ++call) {
      deaf.back()->Call("/percpud.fleet.v1.FleetService/GetStatus");
    }
    // The answer's header comes, and its message may not.
    EXPECT_TRUE(deaf.back()->Await(RawHttp2::kHeaders, kPatience));
  }
  const grpc::Status status = Ask();
  EXPECT_TRUE(status.ok()) << status.error_message();
}

TEST_F(FleetHostileTest, ConnectionsOfOneUserMakeWayForItsNext) {
  Start();
  std::vector<UniqueFd> idle;
  for (int i = 0; i < 300; ++i) {
    idle.push_back(Connect());
    ASSERT_TRUE(idle.back().ok());
  }
  const grpc::Status status = Ask();
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_LT(Descriptors(), 100);
  // The first is gone, behind what it was greeted with, and the last is there.
  char byte = 0;
  while (recv(idle.front().get(), &byte, 1, 0) > 0) {
  }
  EXPECT_EQ(recv(idle.front().get(), &byte, 1, MSG_DONTWAIT), 0);
  EXPECT_GT(send(idle.back().get(), "PRI", 3, MSG_NOSIGNAL), 0);
  // Descriptors are given back.
  idle.clear();
  EXPECT_TRUE(Await([this] { return Descriptors() < 40; }));
}

// A host that takes calls, and answers none until it ends.
class SilentHost final : public v1::ReadingService::Service {
 public:
  explicit SilentHost(const PemFiles& files) {
    grpc::SslServerCredentialsOptions options;
    options.pem_key_cert_pairs.push_back({ReadText(files.key), ReadText(files.certificate)});
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(options), &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~SilentHost() override {
    end_.Notify();
    server_->Shutdown();
  }
  grpc::Status ReadFamily(grpc::ServerContext* /*context*/,
                          const v1::ReadFamilyRequest* /*request*/,
                          v1::ReadFamilyResponse* /*response*/) override {
    ++calls_;
    end_.WaitForNotification();
    return grpc::Status::OK;
  }

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] int calls() const { return calls_; }

 private:
  absl::Notification end_;
  std::atomic<int> calls_ = 0;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

// Users of a host, each a process of its own.
class FleetUsersTest : public FleetHostileTest {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "another user is root's to be";
    Pki pki(dir_.path());
    const PemFiles files =
        pki.Issue(pki.Authority("ca"), "deaf", {.names = "IP:127.0.0.1", .usage = "serverAuth"});
    host_.emplace(files);
    WriteText(
        dir_.path() + "/view.json",
        absl::StrCat(
            R"({"fleet": "default", "hosts": [{"name": "deaf", "state": "HOST_STATE_UP", "record": )",
            R"({"incarnation": "x", "weight": 1, "addresses": ["tls:127.0.0.1:)", host_->port(),
            R"("]}}]})"));
    Start({"--peer-trusted-ca-file", files.ca});
    std::filesystem::permissions(dir_.path(), std::filesystem::perms(0755));
    std::filesystem::permissions(socket_, std::filesystem::perms(0666));
  }
  // percpuctl as that user, for a sum.
  [[nodiscard]] std::vector<std::string> Asking(int user, const std::string& family,
                                                const std::string& deadline) const {
    return {"/usr/bin/setpriv",
            absl::StrCat("--reuid=", user),
            "--clear-groups",
            BinaryPath("percpuctl"),
            "--timeout",
            "20s",
            "fleet",
            "sum",
            family,
            "--deadline",
            deadline,
            "--agent",
            "unix:" + socket_};
  }
  // Has the user wait for the host with as many sums as that, and for their turn.
  void Wait(int user, std::ptrdiff_t sums) {
    const std::ptrdiff_t before = Descriptors();
    const int calls = host_->calls();
    for (std::ptrdiff_t i = 0; i < sums; ++i) {
      auto started = Process::Spawn(Asking(user, absl::StrCat("f", user, "_", i), "60s"));
      ASSERT_TRUE(started.ok()) << started.status();
      waiting_.push_back(*std::move(started));
    }
    // gRPC and the agent's count of guests have a descriptor each.
    ASSERT_TRUE(Await([&] {
      return Descriptors() >= before + (2 * sums) && host_->calls() >= std::min(calls + 2, 8);
    })) << agent_->err();
  }
  void ExpectItsTurnComes(int user) {
    for (int i = 0; i < 3; ++i) {
      const auto ran = RunToEnd(Asking(user, "own", "100ms"));
      ASSERT_TRUE(ran.ok()) << ran.status();
      EXPECT_THAT(ran->err, ::testing::HasSubstr("deaf (no answer in time)"));
    }
  }

  static constexpr int kNobody = 65534;
  std::optional<SilentHost> host_;
  std::vector<Process> waiting_;
};

TEST_F(FleetUsersTest, AUserWhoWaitsForHostsHoldsNobodyUp) {
  Wait(kNobody, 12);
  ExpectItsTurnComes(kNobody - 1);
}

TEST_F(FleetUsersTest, UsersWhoHaveAllThreadsDoNotHoldRootUp) {
  for (int user = kNobody; user > kNobody - 4; --user) Wait(user, 3);
  ExpectItsTurnComes(0);
}

TEST_F(FleetHostileTest, WhatCouldNotBeWrittenIsWrittenLater) {
  const std::string fresh = dir_.path() + "/view.json.new";
  std::filesystem::create_directory(fresh);
  std::filesystem::create_directory(fresh + "/in-the-way");
  Start();
  ASSERT_TRUE(Await([this] { return absl::StrContains(agent_->err(), "files: open "); }))
      << agent_->err();
  std::filesystem::remove_all(fresh);
  EXPECT_TRUE(Await([this] { return std::filesystem::exists(dir_.path() + "/view.json"); }));
  EXPECT_TRUE(Await([this] { return absl::StrContains(agent_->err(), "files: all is well"); }));
}

}  // namespace
}  // namespace percpud::testing
