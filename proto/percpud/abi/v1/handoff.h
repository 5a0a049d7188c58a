// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The side door's messages, over a Unix SEQPACKET socket:
//
//   client                                 daemon
//     Hello                 ------------>
//                           <------------  Welcome, with two descriptors
//                                          (the arena, then the layout page),
//                                          or Refusal; then it hangs up
//     (the connection stays open: it is the session's life)
//
// Who the client is, the daemon asks the kernel. Either side ends the session by
// closing. Integers are in host order. A message of another size, a wrong magic or
// a descriptor from the client is garbage, and answered by hanging up.
//
// Versions. The Welcome says which version is spoken from then on: the Hello's, or a
// lower one. A daemon that does not know a Hello's version refuses it with
// FAILED_PRECONDITION; the client may connect again with a lower one.
//   1  After the Welcome nothing more is said. Anything the client sends ends the
//      session.
//   2  After the Welcome the connection is the local fast lane (lane.h).

#ifndef PERCPUD_PROTO_ABI_V1_HANDOFF_H_
#define PERCPUD_PROTO_ABI_V1_HANDOFF_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace percpud::abi::v1 {

inline constexpr std::uint32_t kHelloMagic = 0x31486370;    // "pcH1"
inline constexpr std::uint32_t kWelcomeMagic = 0x31576370;  // "pcW1"
inline constexpr std::uint32_t kRefusalMagic = 0x31526370;  // "pcR1"
inline constexpr std::uint32_t kHandoffVersion = 1;
// The first version with a lane, and the highest.
inline constexpr std::uint32_t kHandoffLaneVersion = 2;

// How the arena is to be mapped.
enum class MapMode : std::uint32_t {
  // Not at all; the Welcome brings the layout page alone.
  kNone = 0,
  kReadOnly = 1,
  kReadWrite = 2,
};

// What a client can do, as bits.
inline constexpr std::uint32_t kCanRseq = 1U << 0;
inline constexpr std::uint32_t kCanAtomic = 1U << 1;
// What it will not do: it only looks. The session gets the role of a viewer at most, and the
// arena read-only. A daemon that does not know this bit grants what it would without.
inline constexpr std::uint32_t kOnlyLooks = 1U << 2;

struct Hello {
  std::uint32_t magic;
  std::uint32_t version;
  // MapMode.
  std::uint32_t wanted;
  std::uint32_t abilities;
  // The token of a session that this process had before the daemon restarted,
  // to go on with; zero for a new one. Refused with NOT_FOUND if it has ended.
  std::array<std::uint8_t, 16> resume;
};
static_assert(sizeof(Hello) == 32);

struct Welcome {
  std::uint32_t magic;
  std::uint32_t version;
  std::uint64_t session;
  // 128 random bits; rides in gRPC metadata as "percpud-token-bin".
  std::array<std::uint8_t, 16> token;
  // MapMode: what is granted, which may be less than was wanted.
  std::uint32_t granted;
  std::uint32_t reserved;
};
static_assert(offsetof(Welcome, session) == 8);
static_assert(offsetof(Welcome, token) == 16);
static_assert(offsetof(Welcome, granted) == 32);
static_assert(sizeof(Welcome) == 40);

struct Refusal {
  std::uint32_t magic;
  // google.rpc.Code.
  std::uint32_t code;
  // Ends with the first zero, or with the array.
  std::array<char, 248> message;
};
static_assert(sizeof(Refusal) == 256);

}  // namespace percpud::abi::v1

#endif  // PERCPUD_PROTO_ABI_V1_HANDOFF_H_
