// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/hostile/floods.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "percpu/internal/door/admission.h"
#include "proto/percpud/abi/v1/lane_requests.h"
#include "proto/percpud/abi/v1/wire.h"
#include "server/base/unique_fd.h"
#include "tests/support/raw_http2.h"

namespace percpud::bench {
namespace {

using testing::RawHttp2;

constexpr int kFrames = 5000;
constexpr char kPing[] = "/percpud.v1.MemoryService/Ping";

std::string Big32(std::uint32_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>((value >> shift) & 0xffU));
  }
  return out;
}

UniqueFd ConnectUnix(const std::string& path, int type) {
  UniqueFd fd(socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, path.c_str(), std::min(path.size(), sizeof(name.sun_path) - 1));
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof(name)) != 0) fd.reset();
  return fd;
}

UniqueFd ConnectTcp(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(static_cast<std::uint16_t>(std::atoi(address.c_str() + colon + 1)));
  inet_pton(AF_INET, address.substr(0, colon).c_str(), &name.sin_addr);
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof(name)) != 0) fd.reset();
  return fd;
}

UniqueFd Connect(const std::string& address) {
  constexpr absl::string_view kUnix = "unix:";
  if (!absl::StartsWith(address, kUnix)) return ConnectTcp(address);
  return ConnectUnix(address.substr(kUnix.size()), SOCK_STREAM);
}

std::string DoorOf(const std::string& address) {
  return address.substr(std::strlen("unix:")) + abi::v1::kDoorSuffix;
}

// Sends one frame until the daemon hangs up, or often enough.
std::function<void(const std::string&)> Frames(std::uint8_t type, std::uint8_t flags,
                                               std::uint32_t stream, std::string payload,
                                               bool begins_headers = false) {
  return [=](const std::string& address) {
    UniqueFd socket = Connect(address);
    if (!socket.ok()) return;
    RawHttp2 peer(std::move(socket));
    if (begins_headers) peer.Send(RawHttp2::kHeaders, 0, stream, "");
    for (int i = 0; i < kFrames; ++i) {
      if (!peer.Send(static_cast<RawHttp2::FrameType>(type), flags, stream, payload)) return;
    }
  };
}

void ResetCalls(const std::string& address) {
  UniqueFd socket = Connect(address);
  if (!socket.ok()) return;
  RawHttp2 peer(std::move(socket));
  for (int i = 0; i < kFrames; ++i) {
    if (!peer.Send(RawHttp2::kReset, 0, peer.Call(kPing), Big32(8))) return;
  }
}

void AskAndReadNothing(const std::string& address) {
  UniqueFd socket = Connect(address);
  if (!socket.ok()) return;
  RawHttp2 peer(std::move(socket), /*window=*/0);
  for (int i = 0; i < 100; ++i) peer.Call(kPing);
  peer.AwaitHangUp(absl::Milliseconds(50));
}

void HalfCalls(const std::string& address) {
  UniqueFd socket = Connect(address);
  if (!socket.ok()) return;
  RawHttp2 peer(std::move(socket));
  for (int i = 0; i < 200; ++i) peer.Call(kPing, {}, /*half=*/true);
  peer.AwaitHangUp(absl::Milliseconds(50));
}

void ConnectAndLeave(const std::string& address) {
  for (int i = 0; i < 100; ++i) Connect(address);
}

void KnockSilently(const std::string& address) {
  std::vector<UniqueFd> silent;
  for (int i = 0; i < 200; ++i) silent.push_back(ConnectUnix(DoorOf(address), SOCK_SEQPACKET));
}

absl::StatusOr<percpu::Admission> Enter(const std::string& address) {
  return percpu::Knock(DoorOf(address), {.wanted = percpu::MapMode::kNone, .abilities = 3},
                       {.deadline = percpu::Deadline::After(absl::Seconds(5))});
}

void EnterAndLeave(const std::string& address) {
  for (int i = 0; i < 100; ++i) static_cast<void>(Enter(address));
}

// Sends lane messages that `write` makes, and reads answers only if there is no room.
template <typename Write>
void Ask(const std::string& address, bool reads, Write write) {
  const auto admission = Enter(address);
  if (!admission.ok()) return;
  const int door = admission->door.get();
  using Message = std::array<std::byte, abi::v1::kLaneMessageBytes>;
  const auto memory = std::make_unique<Message>();
  const auto heard = std::make_unique<Message>();
  abi::v1::LaneRequestWriter writer(*memory);
  write(writer);
  for (int i = 0; i < kFrames; ++i) {
    const abi::v1::LaneBytes message = writer.message();
    if (send(door, message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) continue;
    if (!reads || errno != EAGAIN) return;
    if (recv(door, heard->data(), heard->size(), 0) <= 0) return;
  }
}

void PingWithoutEnd(const std::string& address) {
  Ask(address, /*reads=*/true, [](abi::v1::LaneRequestWriter& writer) {
    while (writer.Ping(1)) {
    }
  });
}

void PingAndReadNothing(const std::string& address) {
  Ask(address, /*reads=*/false, [](abi::v1::LaneRequestWriter& writer) {
    while (writer.Ping(1)) {
    }
  });
}

// Each asks for more than the quota of a batch in units, so that all of it is undone.
void RefusedBatches(const std::string& address) {
  const std::vector<std::uint64_t> sizes(4000, 64 << 10);
  Ask(address, /*reads=*/true, [&](abi::v1::LaneRequestWriter& writer) {
    writer.Alloc(1, 0, {.sizes = sizes, .alignments = {}, .tag = {}});
  });
}

}  // namespace

std::vector<Flood> AllFloods() {
  constexpr std::uint8_t kPriority = 2;
  constexpr std::uint8_t kNoKind = 0xee;
  const std::string window = std::string("\0\4", 2) + Big32(0x7fffffff);
  return {
      {"PING frames", Way::kGrpc, Frames(RawHttp2::kPing, 0, 0, "12345678")},
      {"SETTINGS frames", Way::kGrpc, Frames(RawHttp2::kSettings, 0, 0, window)},
      {"WINDOW_UPDATE frames", Way::kGrpc, Frames(RawHttp2::kWindowUpdate, 0, 0, Big32(1))},
      {"PRIORITY frames", Way::kGrpc, Frames(kPriority, 0, 1, Big32(0) + "\x10")},
      {"unknown frames", Way::kGrpc, Frames(kNoKind, 0, 0, std::string(100, 'x'))},
      {"empty CONTINUATIONs", Way::kGrpc,
       Frames(RawHttp2::kContinuation, 0, 1, "", /*begins_headers=*/true)},
      {"calls reset at once", Way::kGrpc, ResetCalls},
      {"answers unread", Way::kGrpc, AskAndReadNothing},
      {"half calls", Way::kGrpc, HalfCalls},
      {"connections", Way::kGrpc, ConnectAndLeave},
      {"silent knocks", Way::kDoor, KnockSilently},
      {"admissions", Way::kDoor, EnterAndLeave},
      {"lane pings", Way::kDoor, PingWithoutEnd},
      {"lane answers unread", Way::kDoor, PingAndReadNothing},
      {"lane batches refused", Way::kDoor, RefusedBatches},
  };
}

}  // namespace percpud::bench
