// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Peers over TCP that mean harm, against the real gateway and daemon: neither grows, an
// honest client of this host does not notice, and honest peers over TCP are served again.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "percpu/client.h"
#include "tests/integration/gateway_rig.h"
#include "tests/support/http2_frames.h"

namespace percpud::testing {
namespace {

constexpr char kPing[] = "/percpud.v1.MemoryService/Ping";
// What gateway and daemon may grow by, each, under any of this.
#ifdef PERCPUD_ASAN
// What is freed stays in quarantine.
constexpr std::uint64_t kGrowthKib = 512 << 10;
#else
constexpr std::uint64_t kGrowthKib = 64 << 10;
#endif

// Sends for as long as the peer takes it, `seconds` at most, reading if `reads`; returns
// whether the peer has hung up.
bool Pour(const std::string& address, const std::string& hello, const std::string& piece,
          absl::Duration time, bool reads) {
  const UniqueFd fd = ConnectTcp(address);
  const absl::Time end = absl::Now() + time;
  std::string left = hello;
  while (absl::Now() < end) {
    if (left.empty()) left = piece;
    const ssize_t sent = send(fd.get(), left.data(), left.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      left.erase(0, static_cast<std::size_t>(sent));
      continue;
    }
    if (errno != EAGAIN) return true;
    char answer[16384];
    if (reads && recv(fd.get(), answer, sizeof(answer), MSG_DONTWAIT) == 0) return true;
    pollfd ready{.fd = fd.get(), .events = POLLOUT, .revents = 0};
    if (reads) ready.events |= POLLIN;
    poll(&ready, 1, 50);
  }
  return false;
}

std::string Repeat(const std::string& piece, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += piece;
  return out;
}

// Calls that are given up at once, each of a stream of its own.
std::string Resets(int count) {
  std::string out;
  for (int i = 0; i < count; ++i) {
    const auto stream = static_cast<std::uint32_t>(2 * i + 1);
    out +=
        Frame(1, 4, stream, CallHeader(kPing)) + Frame(3, 0, stream, std::string("\0\0\0\x8", 4));
  }
  return out;
}

std::string Calls(int count, const char* path, bool is_complete) {
  std::string out;
  for (int i = 0; i < count; ++i) {
    const auto stream = static_cast<std::uint32_t>(2 * i + 1);
    out += Frame(1, 4, stream, CallHeader(path));
    if (is_complete) out += Frame(0, 1, stream, Message(""));
  }
  return out;
}

struct Attack {
  const char* name;
  std::string hello;
  std::string piece;
  bool reads = true;
};

std::vector<Attack> Attacks() {
  const std::string varint("\0\x7f", 2);
  return {
      {"Settings", Preface(), Repeat(Frame(4, 0, 0, std::string("\0\4\0\1\0\0", 6)), 200)},
      {"SettingsUnread", Preface(), Repeat(Frame(4, 0, 0, ""), 200), false},
      {"Pings", Preface(), Repeat(Frame(6, 0, 0, "12345678"), 200)},
      {"PingsUnread", Preface(), Repeat(Frame(6, 0, 0, "12345678"), 200), false},
      {"Windows", Preface(), Repeat(Frame(8, 0, 0, std::string("\0\0\0\1", 4)), 200)},
      {"EmptyData", Preface() + Calls(1, kPing, false), Repeat(Frame(0, 0, 1, ""), 200)},
      {"Priorities", Preface(), Repeat(Frame(2, 0, 5, std::string(5, '\0')), 200)},
      {"UnknownFrames", Preface(), Repeat(Frame(0x77, 0, 0, ""), 2000)},
      {"RapidReset", Preface(), Resets(20'000)},
      {"CallsUnread", Preface(), Calls(20'000, kPing, true), false},
      {"HalfCalls", Preface(), Calls(20'000, kPing, false)},
      {"Reflection", Preface(),
       Calls(200, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", false)},
      {"HeaderWithoutEnd", Preface() + Frame(1, 0, 1, CallHeader(kPing)),
       Frame(9, 0, 1, std::string(16384, '\x80'))},
      {"EmptyContinuations", Preface() + Frame(1, 0, 1, CallHeader(kPing)),
       Repeat(Frame(9, 0, 1, ""), 200)},
      {"Varint", Preface() + Frame(1, 0, 1, varint), Frame(9, 0, 1, std::string(16384, '\x80'))},
      {"HugeMessage",
       Preface() + Calls(1, kPing, false) + Frame(0, 0, 1, std::string("\0\xff\xff\xff\xff", 5)),
       Repeat(Frame(0, 0, 1, std::string(16384, 'x')), 10)},
      {"Garbage", "", std::string(16384, '\xff')},
  };
}

class GatewayFloodTest : public GatewayTest, public ::testing::WithParamInterface<Attack> {};

TEST_P(GatewayFloodTest, HurtsNobodyOnTheHost) {
  Start();
  const std::string address = TcpAddress();
  percpu::Client local = *percpu::Client::Connect(daemon_->address);
  ASSERT_TRUE(local.Ping().ok());
  const std::uint64_t daemon_before = ResidentKib(percpud());
  const pid_t serving = gateway();
  const std::uint64_t gateway_before = ResidentKib(serving);
  // Five connections, one after the other: who is cut off comes again.
  for (int round = 0; round < 5; ++round) {
    Pour(address, GetParam().hello, GetParam().piece, absl::Milliseconds(300), GetParam().reads);
    const auto area = local.Allocate({.size_bytes = 8});
    ASSERT_TRUE(area.ok()) << area.status();
    EXPECT_TRUE(local.Free(*area).ok());
    EXPECT_LT(ResidentKib(percpud()), daemon_before + kGrowthKib);
    EXPECT_LT(ResidentKib(serving), gateway_before + kGrowthKib);
  }
  // The same gateway serves an honest peer, at once or when what it was left with is over.
  percpu::Client remote = *percpu::Client::Connect(address);
  EXPECT_TRUE(Await([&remote] { return remote.Ping().ok(); })) << daemon_->process.err();
  EXPECT_EQ(gateway(), serving) << daemon_->process.err();
}

INSTANTIATE_TEST_SUITE_P(Attacks, GatewayFloodTest, ::testing::ValuesIn(Attacks()),
                         [](const auto& test) { return test.param.name; });

class GatewayHostileTest : public GatewayTest {};

TEST_F(GatewayHostileTest, ConnectionsThatSayNothingMakeWay) {
  Start();
  const std::string address = TcpAddress();
  constexpr int kSilent = 400;
  std::vector<UniqueFd> silent;
  silent.reserve(kSilent);
  for (int i = 0; i < kSilent; ++i) silent.push_back(ConnectTcp(address));
  percpu::Client remote = *percpu::Client::Connect(address);
  EXPECT_TRUE(Await([&remote] { return remote.Ping().ok(); })) << daemon_->process.err();
  // A connection that was not sent away for another one ends when its time is over.
  EXPECT_TRUE(Await([&silent] {
    return std::all_of(silent.begin(), silent.end(), [](const UniqueFd& fd) {
      char byte = 0;
      pollfd ready{.fd = fd.get(), .events = POLLIN, .revents = 0};
      if (poll(&ready, 1, 0) == 0) return false;
      // The gateway's settings, and then the end.
      while (recv(fd.get(), &byte, 1, MSG_DONTWAIT) > 0) {
      }
      return recv(fd.get(), &byte, 1, MSG_DONTWAIT) == 0 || errno == ECONNRESET;
    });
  }));
}

TEST_F(GatewayHostileTest, AnswersThatNobodyReadsAreBounded) {
  Start({"--remote", "viewer", "--unit-size", "2MiB"});
  percpu::Client local = *percpu::Client::Connect(daemon_->address);
  const auto area = local.Allocate({.size_bytes = 1 << 20});
  ASSERT_TRUE(area.ok()) << area.status();
  // Touched once, so that what is read does not count as growth.
  ASSERT_TRUE(local.Write(*area, percpu::Unit{0}, std::string(1 << 20, 'x')).ok());
  const std::uint64_t daemon_before = ResidentKib(percpud());
  const pid_t serving = gateway();
  const std::uint64_t gateway_before = ResidentKib(serving);
  // ReadRequest{pointer, length_bytes: 1 MiB}.
  std::string request(1, '\x9');
  for (int shift = 0; shift < 64; shift += 8)
    request += static_cast<char>(percpu::Value(*area) >> shift);
  request += std::string("\x18\x80\x80\x40", 4);
  std::vector<UniqueFd> peers;
  for (int peer = 0; peer < 8; ++peer) {
    peers.push_back(ConnectTcp(TcpAddress()));
    std::string bytes = Preface();
    for (std::uint32_t stream = 1; stream < 64; stream += 2) {
      bytes += Frame(1, 4, stream, CallHeader("/percpud.v1.MemoryService/Read"));
      bytes += Frame(0, 1, stream, Message(request));
    }
    EXPECT_GT(send(peers.back().get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), 0);
  }
  std::uint64_t daemon_most = 0;
  std::uint64_t gateway_most = 0;
  percpu::Client remote = *percpu::Client::Connect(TcpAddress());
  // Until the first of them have been reset, and a peer that reads is served.
  EXPECT_TRUE(Await([&] {
    daemon_most = std::max(daemon_most, ResidentKib(percpud()));
    gateway_most = std::max(gateway_most, ResidentKib(serving));
    return remote.Read(*area, percpu::Unit{0}, 1 << 20).ok();
  })) << daemon_->process.err();
  EXPECT_LT(daemon_most, daemon_before + 3 * kGrowthKib);
  EXPECT_LT(gateway_most, gateway_before + kGrowthKib);
  EXPECT_EQ(gateway(), serving);
}

}  // namespace
}  // namespace percpud::testing
