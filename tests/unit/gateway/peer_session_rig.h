// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_UNIT_GATEWAY_PEER_SESSION_RIG_H_
#define PERCPUD_TESTS_UNIT_GATEWAY_PEER_SESSION_RIG_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "server/base/clock.h"
#include "server/gateway/ledger.h"
#include "server/gateway/peer_session.h"
#include "tests/unit/gateway/http2_rig.h"

namespace percpud::gateway::testing {

inline constexpr char kPing[] = "/percpud.v1.MemoryService/Ping";

// A session whose peer, whose percpud and whose clock are the test's.
class PeerSessionTest : public ::testing::Test {
 protected:
  PeerSessionTest() { Begin(); }

  void Begin() {
    session_ = std::make_unique<PeerSession>(
        PeerSession::Options{.peer = {.on_behalf = "plain:127.0.0.1", .most = Role::kViewer},
                             .message_limit = Bytes(1 << 20),
                             .has_output = [this] { ++outputs_; }},
        daemon_, *host_);
  }
  // What the session has for the peer.
  std::string Output() {
    std::string out;
    EXPECT_TRUE(session_->Send(out, std::size_t{64} << 20, now_).ok());
    return out;
  }
  absl::Status Input(const std::string& bytes) { return session_->Receive(ToBytes(bytes), now_); }
  // Lets client and session talk until neither has more to say.
  absl::Status Talk(Client& client) {
    while (true) {
      const std::string asked = client.Output();
      if (!asked.empty()) {
        if (absl::Status status = Input(asked); !status.ok()) return status;
      }
      const std::string answered = Output();
      client.Input(answered);
      if (asked.empty() && answered.empty()) return absl::OkStatus();
    }
  }
  static std::string StatusOf(const Client::Answer& answer) {
    return std::string(Find(answer.fields, "grpc-status"));
  }
  // Sends `count` of one frame, in pieces as a socket gives them. Returns the first refusal.
  absl::Status Flood(const std::string& frame, int count) {
    std::string piece;
    for (int i = 0; i < count; ++i) {
      piece += frame;
      if (piece.size() < 16 << 10 && i + 1 < count) continue;
      if (absl::Status status = Input(piece); !status.ok()) return status;
      Output();
      piece.clear();
    }
    return absl::OkStatus();
  }

  BootTime now_ = BootTime();
  int outputs_ = 0;
  FakeDaemon daemon_;
  Ledger ledger_;
  std::shared_ptr<Host> host_ = ledger_.HostOf("127.0.0.1");
  std::unique_ptr<PeerSession> session_;
};

}  // namespace percpud::gateway::testing

#endif  // PERCPUD_TESTS_UNIT_GATEWAY_PEER_SESSION_RIG_H_
