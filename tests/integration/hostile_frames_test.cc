// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Hostile peers of the gRPC socket that speak HTTP/2 by hand.

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/integration/hostile_rig.h"
#include "tests/support/raw_http2.h"

namespace percpud {
namespace {

using testing::RawHttp2;

constexpr char kPing[] = "/percpud.v1.MemoryService/Ping";
constexpr int kFlood = 2000;

std::string Big32(std::uint32_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>((value >> shift) & 0xffU));
  }
  return out;
}

class HostileFramesTest : public testing::HostileRig {
 protected:
  // Has attackers open a connection and do so much over it, again and again.
  template <typename Over>
  void AttackOver(Over over) {
    Attack([this, over] {
      UniqueFd socket = ConnectGrpc();
      if (!socket.ok()) return;
      RawHttp2 peer(std::move(socket));
      over(peer);
    });
    ExpectHonestIsServed();
  }
  static void Flood(RawHttp2& peer, std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                    const std::string& payload) {
    for (int i = 0; i < kFlood; ++i) {
      if (!peer.Send(static_cast<RawHttp2::FrameType>(type), flags, stream, payload)) return;
    }
  }
};

TEST_F(HostileFramesTest, PingsWithoutEnd) {
  AttackOver([](RawHttp2& peer) { Flood(peer, RawHttp2::kPing, 0, 0, "12345678"); });
}

TEST_F(HostileFramesTest, PrioritiesWithoutEnd) {
  constexpr std::uint8_t kPriority = 2;
  AttackOver([](RawHttp2& peer) { Flood(peer, kPriority, 0, 1, Big32(1) + "\x10"); });
}

TEST_F(HostileFramesTest, FramesOfNoKnownKind) {
  constexpr std::uint8_t kNoKind = 0xee;
  AttackOver([](RawHttp2& peer) { Flood(peer, kNoKind, 0xff, 0x7fffffff, std::string(100, 'x')); });
}

TEST_F(HostileFramesTest, ContinuationsWithoutAByteInThem) {
  AttackOver([](RawHttp2& peer) {
    peer.Send(RawHttp2::kHeaders, 0, 1, "");
    Flood(peer, RawHttp2::kContinuation, 0, 1, "");
  });
}

// Each change of the window walks all open streams.
TEST_F(HostileFramesTest, WindowsThatChangeUnderManyStreams) {
  AttackOver([](RawHttp2& peer) {
    for (int i = 0; i < 100; ++i) peer.Call(kPing, {}, /*half=*/true);
    for (int i = 0; i < kFlood; ++i) {
      const std::uint32_t window = i % 2 == 0 ? 0 : 0x7fffffff;
      if (!peer.Send(RawHttp2::kSettings, 0, 0, std::string("\0\4", 2) + Big32(window))) return;
    }
  });
}

TEST_F(HostileFramesTest, ASettingsFrameOfThousandsOfEntries) {
  std::string payload;
  for (int i = 0; i < 2700; ++i) payload += std::string("\0\1", 2) + Big32(i % 2 == 0 ? 0 : 65536);
  AttackOver([payload](RawHttp2& peer) {
    for (int i = 0; i < 50 && peer.Send(RawHttp2::kSettings, 0, 0, payload); ++i) {
    }
  });
}

// One header of 4 KiB enters the table; a byte names it again.
TEST_F(HostileFramesTest, AHeaderThatIsNamedThousandsOfTimes) {
  constexpr char kIndexed = '\x40';
  constexpr char kNewest = '\xbe';
  // The value's length, 4000, as an integer with a prefix of seven bits.
  const std::string large = std::string(1, kIndexed) + std::string("\1x", 2) +
                            std::string("\x7f\xa1\x1e", 3) + std::string(4000, 'v');
  AttackOver([large](RawHttp2& peer) {
    const std::string block = RawHttp2::HeaderBlock(kPing) + large + std::string(8000, kNewest);
    peer.Send(RawHttp2::kHeaders, RawHttp2::kEndHeaders, 1, block);
    peer.AwaitHangUp(absl::Milliseconds(20));
  });
}

TEST_F(HostileFramesTest, StreamsThatAreResetBeforeTheyAreServed) {
  AttackOver([](RawHttp2& peer) {
    for (int i = 0; i < kFlood; ++i) {
      const std::uint32_t stream = peer.Call(kPing);
      if (!peer.Send(RawHttp2::kReset, 0, stream, Big32(8))) return;
    }
  });
}

TEST_F(HostileFramesTest, FarewellsWithoutEnd) {
  AttackOver([](RawHttp2& peer) { Flood(peer, RawHttp2::kGoAway, 0, 0, Big32(0) + Big32(0)); });
}

TEST_F(HostileFramesTest, CallsThatAreNeverFinished) {
  AttackOver([](RawHttp2& peer) {
    for (int i = 0; i < kFlood; ++i) peer.Call("/percpud.v1.MemoryService/Alloc", {}, true);
    peer.AwaitHangUp(absl::Milliseconds(20));
  });
}

TEST_F(HostileFramesTest, MessagesThatAnnounceGigabytes) {
  AttackOver([](RawHttp2& peer) {
    for (const char compressed : {'\0', '\1', '\2'}) {
      const std::uint32_t stream = peer.Call("/percpud.v1.MemoryService/Alloc", {}, true);
      peer.Send(RawHttp2::kData, 0, stream, std::string(1, compressed) + Big32(0xffffffff) + "x");
    }
    peer.AwaitHangUp(absl::Milliseconds(20));
  });
}

TEST_F(HostileFramesTest, FramesInPiecesOfOneByte) {
  AttackOver([](RawHttp2& peer) {
    const std::string frame = std::string("\0\0\x40\1\4\0\0\0\1", 9);
    for (const char byte : frame) {
      static_cast<void>(send(peer.fd(), &byte, 1, MSG_NOSIGNAL));
    }
    peer.AwaitHangUp(absl::Milliseconds(5));
  });
}

// Deadlines, methods and tokens that no library would send.
TEST_F(HostileFramesTest, HeadersThatAreNoneAreRefusedOneByOne) {
  const std::string path = kPing;
  const std::vector<std::string> headers = {RawHttp2::Literal("grpc-timeout", "0n"),
                                            RawHttp2::Literal("grpc-timeout", "-1S"),
                                            RawHttp2::Literal("grpc-timeout", "999999999999H"),
                                            RawHttp2::Literal("grpc-timeout", "1X"),
                                            RawHttp2::Literal("grpc-encoding", "no such thing"),
                                            RawHttp2::Literal("percpud-token-bin", "AA"),
                                            RawHttp2::Literal("percpud-token-bin", "!!not base64"),
                                            RawHttp2::Literal("percpud-token-bin", ""),
                                            RawHttp2::Literal("Upper", "Case"),
                                            RawHttp2::Literal("", "nameless")};
  for (const std::string& header : headers) {
    RawHttp2 peer(ConnectGrpc());
    peer.Send(RawHttp2::kHeaders, RawHttp2::kEndHeaders | RawHttp2::kEndStream, 1,
              RawHttp2::HeaderBlock(path) + header);
    // Whatever the answer is, it is one: trailers, a reset, or the end of the connection.
    const auto answer = peer.Receive(kPatience);
    EXPECT_TRUE(answer.has_value() || peer.AwaitHangUp(kPatience));
  }
  for (const std::string method :
       {"", "/", "//", "/percpud.v1.MemoryService/", "../../etc/passwd"}) {
    RawHttp2 peer(ConnectGrpc());
    peer.Call(method);
    EXPECT_TRUE(peer.Receive(kPatience).has_value()) << method;
  }
  ExpectHonestIsServed();
}

}  // namespace
}  // namespace percpud
