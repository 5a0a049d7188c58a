// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Peers of many hosts at a gateway: in a network of the test's own, whose addresses are all its.

#include <arpa/inet.h>
#include <grpcpp/client_context.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "percpud/v1/memory.grpc.pb.h"
#include "tests/integration/tls_rig.h"

namespace percpud::testing {
namespace {

constexpr char kAccess[] = R"(access { clients: "spiffe:spiffe://td/app/*" })";
constexpr char kServed[] = "10.9.0.1";

class TlsManyHostsTest : public TlsTest {
 protected:
  void SetUp() override {
    if (unshare(CLONE_NEWNET) != 0) GTEST_SKIP() << "a network of its own is root's";
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"link", "set", "lo", "up"},
          {"address", "add", absl::StrCat(kServed, "/16"), "dev", "lo"}}) {
      std::vector<std::string> argv{"/usr/sbin/ip"};
      argv.insert(argv.end(), words.begin(), words.end());
      const auto ran = RunToEnd(argv);
      ASSERT_TRUE(ran.ok() && ran->exit_code == 0) << ran.status();
    }
  }
  void StartThere(std::vector<std::string> more = {}) {
    more.insert(more.end(), {"--listen", absl::StrCat("tls:", kServed, ":0")});
    Start(kAccess, more);
    const std::string words = absl::StrCat("serving on tls:", kServed, ":");
    const std::string text = log();
    ASSERT_NE(text.find(words), std::string::npos) << text;
    port_ = static_cast<std::uint16_t>(std::atoi(text.c_str() + text.find(words) + words.size()));
  }
  // A connection of host number `host`.
  [[nodiscard]] UniqueFd ConnectFrom(std::uint32_t host) const {
    UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in own{};
    own.sin_family = AF_INET;
    own.sin_addr.s_addr = htonl((10U << 24) + (9U << 16) + (1U << 8) + host);
    if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&own), sizeof(own)) != 0) return {};
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port_);
    inet_pton(AF_INET, kServed, &to.sin_addr);
    if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0) return {};
    return fd;
  }
  // Whether a peer on another host is served.
  [[nodiscard]] bool IsServed(const PemFiles& files) const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetSslTargetNameOverride("localhost");
    const auto channel = grpc::CreateCustomChannel(absl::StrCat(kServed, ":", port_),
                                                   CredentialsOf(files), arguments);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    v1::PingResponse response;
    return v1::MemoryService::NewStub(channel)->Ping(&context, {}, &response).ok();
  }

  std::uint16_t port_ = 0;
};

// More than there are places, each of a host of its own, which no limit of one host reaches.
TEST_F(TlsManyHostsTest, SilentHandshakesOfManyHostsMakeWay) {
  StartThere();
  const PemFiles client = Client("URI:spiffe://td/app/1");
  std::vector<UniqueFd> silent;
  for (std::uint32_t host = 1; host <= 200; ++host) {
    silent.push_back(ConnectFrom(host));
    ASSERT_TRUE(silent.back().ok());
    if (host % 2 == 0) send(silent.back().get(), "\x16\x03", 2, MSG_NOSIGNAL);
  }
  // At the first attempt, without waiting for the others' time to be over.
  EXPECT_TRUE(IsServed(client)) << log();
  EXPECT_EQ(log().find("its handshake takes longer"), std::string::npos);
}

// They have said hello and wait for their turn, which they waste, and come again.
TEST_F(TlsManyHostsTest, HostsThatWasteTheirTurnsMakeWay) {
  StartThere();
  const PemFiles client = Client("URI:spiffe://td/app/1");
  const std::string hello = ClientHello();
  ASSERT_GT(hello.size(), 100U);
  constexpr std::uint32_t kHosts = 120;
  std::atomic<bool> is_over = false;
  // Hosts that have had a turn.
  std::atomic<std::uint32_t> answered = 0;
  std::thread flood([&] {
    std::vector<UniqueFd> all(kHosts);
    std::vector<bool> has_heard(kHosts);
    while (!is_over) {
      for (std::uint32_t i = 0; i < kHosts; ++i) {
        std::array<char, 4096> answer;
        const ssize_t got =
            all[i].ok() ? recv(all[i].get(), answer.data(), answer.size(), MSG_DONTWAIT) : 0;
        if (got > 0 && !has_heard[i]) {
          has_heard[i] = true;
          ++answered;
        }
        if (got > 0 || (got < 0 && errno == EAGAIN)) continue;
        all[i] = ConnectFrom(i + 1);
        if (all[i].ok()) send(all[i].get(), hello.data(), hello.size(), MSG_NOSIGNAL);
      }
    }
  });
  while (answered < kHosts) std::this_thread::yield();
  constexpr int kAttempts = 5;
  for (int i = 0; i < kAttempts; ++i) EXPECT_TRUE(IsServed(client)) << i << log();
  is_over = true;
  flood.join();
}

}  // namespace
}  // namespace percpud::testing
