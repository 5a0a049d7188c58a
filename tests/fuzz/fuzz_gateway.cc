// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "proto/percpud/abi/v1/wire.h"
#include "server/base/clock.h"
#include "server/gateway/ledger.h"
#include "server/gateway/limits.h"
#include "server/gateway/peer_session.h"
#include "tests/fuzz/targets.h"
#include "tests/support/http2_frames.h"
#include "tests/unit/gateway/http2_rig.h"

namespace percpud::fuzz::gateway {
namespace {

using percpud::gateway::Exchange;
using percpud::gateway::Field;
using percpud::gateway::Fields;
using percpud::gateway::Ledger;
using percpud::gateway::PeerSession;
using percpud::gateway::Role;
using percpud::gateway::testing::FakeDaemon;
using percpud::gateway::testing::ToBytes;
using percpud::testing::CallHeader;
using percpud::testing::Frame;
using percpud::testing::Literal;
using percpud::testing::Message;
using percpud::testing::Preface;

constexpr std::uint32_t kMessageLimit = 2000;
constexpr char kPeer[] = "plain:127.0.0.1";
constexpr std::array<const char*, 6> kPaths{
    "/percpud.v1.MemoryService/Ping",
    "/percpud.v1.IntrospectionService/Watch",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    "/percpud.v1.MemoryService/Alloc",
    "/percpud.v1.MemoryService/Explode",
    "*"};
// The first of them may be called by a viewer.
constexpr std::size_t kAllowedPaths = 3;

// What of a header is out of the ordinary.
std::string Extra(std::uint32_t kind) {
  switch (kind % 12) {
    case 1:
      return Literal(abi::v1::kOnBehalfKey, "plain:10.0.0.1");
    case 2:
      return Literal(abi::v1::kTokenKey, "AAAAAAAAAAAAAAAAAAAAAA==");
    case 3:
      return Literal("grpc-encoding", "gzip");
    case 4: {
      std::string out;
      for (int i = 0; i < 50; ++i) out += Literal("x", std::string(120, 'y'));
      return out;
    }
    case 5:
      return Literal("Upper", "case");
    case 6:
      return "\xbe";
    case 7:
      return "\xff\xff\xff\xff\xff\x0f";
    case 8:
      return Literal("grpc-timeout", "99999999S");
    case 9:
      return Literal(":path", "/percpud.v1.MemoryService/Alloc");
    case 10:
      return Literal("connection", "close");
    default:
      return "";
  }
}

// Reads what percpud was given of a call, as it reads it: what differs from the contract.
absl::Status JudgeRequest(const std::string& bytes) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    if (bytes[at] != 0) return absl::InternalError("a compressed message was passed on");
    if (bytes.size() - at < 5) return absl::OkStatus();
    std::uint64_t length = 0;
    for (std::size_t i = 1; i < 5; ++i) {
      length = length << 8 | static_cast<unsigned char>(bytes[at + i]);
    }
    if (length > kMessageLimit)
      return absl::InternalError("a message over the limit was passed on");
    at += 5 + length;
  }
  return absl::OkStatus();
}

absl::Status JudgeHead(const Fields& head) {
  const auto count = [&head](const char* name) {
    return std::count_if(head.begin(), head.end(),
                         [name](const Field& field) { return field.name == name; });
  };
  if (count(abi::v1::kOnBehalfKey) != 1 || Find(head, abi::v1::kOnBehalfKey) != kPeer) {
    return absl::InternalError("the peer is not named, or another one is");
  }
  if (count(abi::v1::kTokenKey) != 0) return absl::InternalError("a token was passed on");
  if (count(":path") != 1 || count(":method") != 1) {
    return absl::InternalError("a head is not one call's");
  }
  const auto* const end = kPaths.begin() + kAllowedPaths;
  const bool may = std::any_of(kPaths.begin(), end,
                               [&head](const char* path) { return Find(head, ":path") == path; });
  return may ? absl::OkStatus()
             : absl::InternalError("a call was passed on that no viewer may make");
}

// What goes to the peer is whole frames, none larger than HTTP/2's first limit.
absl::Status JudgeOutput(const std::string& bytes) {
  constexpr std::size_t kHead = 9;
  constexpr std::size_t kLargest = 16384;
  std::size_t at = 0;
  while (at < bytes.size()) {
    if (bytes.size() - at < kHead) return absl::InternalError("half a frame");
    std::size_t length = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      length = length << 8 | static_cast<unsigned char>(bytes[at + i]);
    }
    if (length > kLargest) return absl::InternalError("a frame that is too large");
    at += kHead + length;
  }
  return at == bytes.size() ? absl::OkStatus() : absl::InternalError("half a frame");
}

// A peer, percpud and a host, all by hand, and the session between them.
class Player {
 public:
  Player() { Connect(); }

  absl::Status Perform(const Op& op);
  // What always holds at the end.
  absl::Status Finish();
  [[nodiscard]] std::uint64_t performed() const { return performed_; }

 private:
  void Connect();
  void Call(const Op& op);
  void Data(const Op& op);
  void AnyFrame(const Op& op);
  void Noise(const Op& op);
  absl::Status Deliver(std::size_t piece);
  absl::Status Read(std::size_t most);
  void Answer(const Op& op);
  void CutDaemon();
  [[nodiscard]] absl::Status Judge() const;
  [[nodiscard]] std::uint32_t Stream(std::uint32_t number) const {
    return number % 4 == 3 ? number : next_stream_ - 2;
  }

  BootTime now_;
  FakeDaemon daemon_;
  Ledger ledger_;
  std::shared_ptr<percpud::gateway::Host> host_ = ledger_.HostOf("127.0.0.1");
  std::unique_ptr<PeerSession> session_;
  // The session has refused its peer, and gets no more.
  bool is_refused_ = false;
  std::uint32_t next_stream_ = 1;
  // Not delivered yet.
  std::string pending_;
  std::uint64_t performed_ = 0;
};

void Player::Connect() {
  session_.reset();
  session_ = std::make_unique<PeerSession>(
      PeerSession::Options{.peer = {.on_behalf = kPeer, .most = Role::kViewer},
                           .message_limit = Bytes(kMessageLimit),
                           .has_output = [] {}},
      daemon_, *host_);
  daemon_.heads.clear();
  daemon_.requests.clear();
  is_refused_ = false;
  next_stream_ = 1;
  pending_ = Preface();
}

void Player::Call(const Op& op) {
  const std::string block = CallHeader(kPaths[op.a % kPaths.size()]) + Extra(op.c);
  const std::uint32_t stream = op.b % 16 == 15 ? op.a % 64 : next_stream_;
  if (stream == next_stream_) next_stream_ += 2;
  constexpr std::uint8_t kEndStream = 1;
  constexpr std::uint8_t kEndHeaders = 4;
  const auto end = static_cast<std::uint8_t>(op.b % 2 == 0 ? 0 : kEndStream);
  // In one frame, or cut in two.
  if (op.b % 8 < 6) {
    pending_ += Frame(1, kEndHeaders | end, stream, block);
  } else {
    const std::size_t cut = op.a % block.size();
    pending_ += Frame(1, end, stream, block.substr(0, cut));
    pending_ += Frame(9, kEndHeaders, stream, block.substr(cut));
  }
}

void Player::Data(const Op& op) {
  std::string payload;
  switch (op.c % 6) {
    case 0:
      payload = Message(std::string(op.a % kMessageLimit, 'm'));
      break;
    case 1:
      payload = Message("x", static_cast<char>(op.a));
      break;
    case 2:
      payload = Message(std::string(kMessageLimit + 1, 'l'));
      break;
    case 3:
      payload = Message(std::string(op.a % kMessageLimit, 'p')).substr(0, op.a % 7);
      break;
    case 4:
      payload = std::string(op.a % 9000, '\0');
      break;
    default:
      break;
  }
  pending_ += Frame(0, static_cast<std::uint8_t>(op.b % 4 == 3), Stream(op.c / 6), payload);
}

void Player::AnyFrame(const Op& op) {
  constexpr std::array<std::size_t, 8> kSizes{0, 1, 4, 5, 6, 8, 9, 300};
  const std::string payload(kSizes[op.a / 16 % kSizes.size()], static_cast<char>(op.a >> 8));
  pending_ += Frame(static_cast<std::uint8_t>(op.a % 16), static_cast<std::uint8_t>(op.b),
                    Stream(op.c), payload);
}

void Player::Noise(const Op& op) {
  std::uint32_t state = op.a + 1;
  for (std::uint32_t i = 0; i < op.b; ++i) {
    state = state * 1664525 + 1013904223;
    pending_ += static_cast<char>(state >> 24);
  }
}

absl::Status Player::Deliver(std::size_t piece) {
  std::string bytes = std::exchange(pending_, {});
  while (!bytes.empty() && !is_refused_) {
    const std::size_t size = std::min(bytes.size(), piece);
    is_refused_ = !session_->Receive(ToBytes(bytes.substr(0, size)), now_).ok();
    bytes.erase(0, size);
    if (absl::Status status = Judge(); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Player::Read(std::size_t most) {
  std::string out;
  if (!session_->Send(out, most, now_).ok()) is_refused_ = true;
  if (session_->is_over()) is_refused_ = true;
  return JudgeOutput(out);
}

void Player::Answer(const Op& op) {
  if (daemon_.open.empty()) return;
  Exchange& exchange = *daemon_.open[op.a % daemon_.open.size()];
  if (exchange.response_complete) return;
  // No more than the window that percpud has.
  const std::size_t room = percpud::gateway::kBuffer - exchange.response.size();
  if (op.c % 4 == 0) {
    exchange.response_complete = true;
    exchange.peer.OnResponseHead(exchange,
                                 percpud::gateway::AnswerOf(absl::PermissionDeniedError("no")));
  } else {
    const std::size_t size = std::min(std::size_t{op.b} * 300, room > 5 ? room - 5 : 0);
    FakeDaemon::Answer(exchange, std::string(size, 'a'), op.c % 2 == 0);
  }
}

void Player::CutDaemon() {
  for (Exchange* const exchange : std::exchange(daemon_.open, {})) {
    exchange->peer.OnDaemonGone(*exchange, absl::UnavailableError("away"));
  }
}

absl::Status Player::Judge() const {
  if (daemon_.open.size() > percpud::gateway::kMaxStreamsOfConnection) {
    return absl::InternalError("more calls are open than a connection may have");
  }
  for (const Exchange* const exchange : daemon_.open) {
    if (exchange->request.size() > percpud::gateway::kBuffer) {
      return absl::InternalError("more of a request waits than the buffer");
    }
  }
  for (const Fields& head : daemon_.heads) {
    if (absl::Status status = JudgeHead(head); !status.ok()) return status;
  }
  for (const auto& [stream, bytes] : daemon_.requests) {
    if (absl::Status status = JudgeRequest(bytes); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Player::Perform(const Op& op) {
  ++performed_;
  switch (op.kind) {
    case kConnect:
      Connect();
      break;
    case kCall:
      Call(op);
      break;
    case kData:
      Data(op);
      break;
    case kFrame:
      AnyFrame(op);
      break;
    case kNoise:
      Noise(op);
      break;
    case kDeliver:
      return Deliver(op.a % 4096 + 1);
    case kRead:
      return Read(op.a + 1);
    case kAnswer:
      Answer(op);
      break;
    case kTake:
      daemon_.takes_requests = op.a % 2 == 0;
      for (Exchange* const exchange : daemon_.open) daemon_.OnRequest(*exchange);
      break;
    case kCutDaemon:
      daemon_.is_away = op.a % 2 == 1;
      CutDaemon();
      break;
    case kWait:
      now_ += absl::Milliseconds(op.a);
      session_->LookAround(now_);
      break;
    case kGoodbye:
      session_->SayGoodbye();
      break;
    default:
      break;
  }
  return Judge();
}

absl::Status Player::Finish() {
  if (absl::Status status = Deliver(1 << 14); !status.ok()) return status;
  if (absl::Status status = Read(1 << 20); !status.ok()) return status;
  session_.reset();
  if (!daemon_.open.empty()) return absl::InternalError("percpud has a call that nobody has made");
  std::vector<percpud::gateway::Place> places;
  while (places.size() < percpud::gateway::kMaxCallsPerHost) {
    places.push_back(host_->TakeCall());
    if (!places.back().taken()) return absl::InternalError("a place was not given back");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::uint64_t> Perform(const Script& script) {
  Player player;
  for (std::size_t i = 0; i < script.ops.size(); ++i) {
    if (absl::Status status = player.Perform(script.ops[i]); !status.ok()) {
      return absl::InternalError(absl::StrCat("operation ", i, ": ", status.message()));
    }
  }
  if (absl::Status status = player.Finish(); !status.ok()) return status;
  return player.performed();
}

const Target kTarget{.name = "gateway",
                     .setup_size = 0,
                     .kinds = {"kConnect", "kCall", "kData", "kFrame", "kNoise", "kDeliver",
                               "kRead", "kAnswer", "kTake", "kCutDaemon", "kWait", "kGoodbye"},
                     .run = Perform};

}  // namespace percpud::fuzz::gateway
