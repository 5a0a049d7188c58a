// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_GATEWAY_LIMITS_H_
#define PERCPUD_SERVER_GATEWAY_LIMITS_H_

#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"
#include "server/base/limits.h"

// What a peer of the gateway may cost, and what all of them may cost together.
namespace percpud::gateway {

// --- Places. One host may have no more than its part, and no more than are still free. ---
inline constexpr std::uint32_t kMaxConnections = 256;
inline constexpr std::uint32_t kMaxConnectionsPerHost = 128;
// Connections that are in their TLS handshake.
inline constexpr std::uint32_t kMaxHandshakes = 64;
inline constexpr std::uint32_t kMaxHandshakesPerHost = 16;
// All calls share one connection to percpud.
inline constexpr std::uint32_t kMaxCalls = kMaxCallsPerConnection;
inline constexpr std::uint32_t kMaxCallsPerHost = 64;
// Streams of one connection, with those whose calls are refused. More than a host may have
// calls, so that a peer who asks for too many is told so and keeps its connection.
inline constexpr std::uint32_t kMaxStreamsOfConnection = 2 * kMaxCallsPerHost;

// --- Memory -----------------------------------------------------------------------------
// Bytes of one call that wait in the gateway, each way: HTTP/2's first window.
inline constexpr std::uint32_t kBuffer = 65535;
// A header as it comes in, packed. Twice of what is let through, so that one that is a
// little too large gets an answer and does not cost the connection.
inline constexpr std::size_t kMaxHeaderBlock = 2 * kMaxHeaders.value();
// Bytes that wait for a peer's socket.
inline constexpr std::size_t kOutput = 64 << 10;
// The address space of the process.
inline constexpr std::uint64_t kAddressSpace = std::uint64_t{256} << 20;

// --- Work: a call is one unit, and so is a message. A host that is in debt is not read. --
inline constexpr double kWorkPerSecond = 8000;
inline constexpr double kWorkPerSecondOfConnection = 4000;
inline constexpr double kWorkPerSecondOfAll = 16000;
inline constexpr double kWorkBurst = 256;
// Connections, frames and bytes cost something too.
inline constexpr double kWorkPerFrame = 1.0 / 16;
inline constexpr double kWorkPerConnection = 4;
inline constexpr double kWorkPerHandshake = 16;
// Handshakes have a rate besides (TlsOptions), and this many may come at once.
inline constexpr double kHandshakeBurst = 8;
inline constexpr double kWorkPerByte = 1.0 / (4 << 10);

// --- Deadlines ----------------------------------------------------------------------------
// A new connection makes its first call within this time.
inline constexpr absl::Duration kFirstCall = absl::Seconds(10);
// A TLS handshake is done within this time.
inline constexpr absl::Duration kHandshake = absl::Seconds(5);
// A peer that takes longer for its part of it has to give way to others of its host.
inline constexpr absl::Duration kAnswer = absl::Seconds(1);
// A call whose request is one message has it complete within this time.
inline constexpr absl::Duration kWholeRequest = absl::Seconds(10);
// A peer takes something of what waits for it within this time.
inline constexpr absl::Duration kUnread = absl::Seconds(5);
// A connection without a call is closed after this time.
inline constexpr absl::Duration kIdle = absl::Minutes(5);
// A peer with calls that says nothing is asked after this time whether it is there, and has
// kUnread to answer.
inline constexpr absl::Duration kSilent = absl::Minutes(1);
// What is left of calls when the gateway ends.
inline constexpr absl::Duration kGoodbye = absl::Seconds(2);
// A gateway whose loop does not come round within this time is ended by the kernel.
inline constexpr absl::Duration kStuck = absl::Seconds(30);

}  // namespace percpud::gateway

#endif  // PERCPUD_SERVER_GATEWAY_LIMITS_H_
