// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The local fast lane: what is said over a side-door connection of version 2,
// after the Welcome (handoff.h).
//
//   client                                        daemon
//     [ Alloc 7 | Alloc 8 | Free 9 ]  -------->           one message, three requests
//     [ Add 10 ]                      -------->
//                                     <--------   [ 7: pointers | 8: error | 9: freed ]
//                                     <--------   [ 10: value ]
//
// A message is one SEQPACKET packet: records behind each other, with nothing before,
// between or after them. The client sends requests, the daemon sends answers.
//
//   request   +-------+------+----------+----+--------+------------------------+
//             | bytes | kind | reserved | id | number | body of the kind       |
//             +-------+------+----------+----+--------+------------------------+
//   byte      0       4      6          8    16       24                   bytes
//
//   answer    +-------+------+------+----+-------------------------------------+
//             | bytes | kind | code | id | body of the kind, or LaneError      |
//             +-------+------+------+----+-------------------------------------+
//   byte      0       4      6      8    16                                bytes
//
// Every request is answered, once, in the order of the requests. The daemon may put
// the answers to several messages into one, or the answers to one into several.
// A client may send the next request before it has the answers to the last ones.
// The daemon stops reading a connection while the client does not read its answers;
// the session lives on, however long that takes.
//
// `number` is for Alloc and Free. A client numbers them upwards within its session. A
// request that comes again under its number, over this connection, a later one or gRPC,
// gets the answer of the first time, even after a crash of the daemon. 0 says
// that the request never comes again. Every other kind is sent with 0.
//
// A record's length is a multiple of 8, and says exactly what the record holds.
// Padding and reserved fields are zero. Integers are in host order. A message that
// breaks these rules is malformed: the daemon serves nothing of it, sends a
// Refusal (handoff.h) and hangs up. So it does with a message that carries descriptors. An
// empty message ends the session, as closing does.
//
// A request of a kind that the daemon does not know is well-formed; it is answered
// with UNIMPLEMENTED. Kinds 16 to 31 are kept for metrics (lane_metrics.h).

#ifndef PERCPUD_PROTO_ABI_V1_LANE_H_
#define PERCPUD_PROTO_ABI_V1_LANE_H_

#include <cstddef>
#include <cstdint>

namespace percpud::abi::v1 {

// The longest message, of either side. It bounds the entries of an Alloc or Free; the
// daemon's own limit of a batch applies besides, and is answered with an error.
inline constexpr std::size_t kLaneMessageBytes = 65536;
// The most requests in one message.
inline constexpr std::uint32_t kLaneMessageRequests = 256;
// The daemon cuts longer texts of an error.
inline constexpr std::uint32_t kLaneReasonBytes = 48;
inline constexpr std::uint32_t kLaneTextBytes = 184;

// Records begin and end at multiples of this.
inline constexpr std::size_t kLaneAlign = 8;

enum class LaneKind : std::uint16_t {
  // Does nothing. No body, neither in the request nor in the answer.
  kPing = 1,
  // Grants areas, all or none.
  kAlloc = 2,
  // Takes areas back, all or none.
  kFree = 3,
  // Adds to an integer in one unit.
  kAdd = 4,
  // Finds a variable by name, or makes it.
  kOpenVariable = 5,

  // What these say is in lane_metrics.h.
  // Finds series of one namespace, or makes them: each one is refused by itself.
  kOpenSeries = 16,
  // Has series count from 0 again, or go.
  kRemoveSeries = 17,
  // Ends a writer before its process ends.
  kCloseWriter = 18,
  kListFamilies = 19,
  kReadSeries = 20,
  // Has a whole namespace count from 0 again.
  kResetNamespace = 21,
  // Says what has changed of families and series (lane_metrics_watch.h).
  kWatchSeries = 22,
};

struct LaneRequestHeader {
  // The record's length, with this header.
  std::uint32_t bytes;
  // LaneKind.
  std::uint16_t kind;
  std::uint16_t reserved;
  // The client's name for the request; comes back with the answer.
  std::uint64_t id;
  std::uint64_t number;
};
static_assert(offsetof(LaneRequestHeader, bytes) == 0);
static_assert(offsetof(LaneRequestHeader, kind) == 4);
static_assert(offsetof(LaneRequestHeader, reserved) == 6);
static_assert(offsetof(LaneRequestHeader, id) == 8);
static_assert(offsetof(LaneRequestHeader, number) == 16);
static_assert(sizeof(LaneRequestHeader) == 24);

struct LaneAnswerHeader {
  // The record's length, with this header.
  std::uint32_t bytes;
  // The request's.
  std::uint16_t kind;
  // google.rpc.Code. 0 is OK, and the kind's body follows; else LaneError.
  std::uint16_t code;
  std::uint64_t id;
};
static_assert(offsetof(LaneAnswerHeader, bytes) == 0);
static_assert(offsetof(LaneAnswerHeader, kind) == 4);
static_assert(offsetof(LaneAnswerHeader, code) == 6);
static_assert(offsetof(LaneAnswerHeader, id) == 8);
static_assert(sizeof(LaneAnswerHeader) == 16);

// Why a request was refused. Then `reason_bytes` of the refusal's name, as in
// google.rpc.ErrorInfo.reason, then `text_bytes` for people.
struct LaneError {
  std::uint16_t reason_bytes;
  std::uint16_t text_bytes;
  std::uint32_t reserved;
};
static_assert(offsetof(LaneError, reason_bytes) == 0);
static_assert(offsetof(LaneError, text_bytes) == 2);
static_assert(offsetof(LaneError, reserved) == 4);
static_assert(sizeof(LaneError) == 8);
// The errors of a whole message fit into one.
static_assert(kLaneMessageRequests * (sizeof(LaneAnswerHeader) + sizeof(LaneError) +
                                      kLaneReasonBytes + kLaneTextBytes) <=
              kLaneMessageBytes);

// --- Alloc. Then sizes[sizes] of u64, alignments[alignments] of u32, and the tag. The
// --- fields mean what they do in percpud.v1.AllocRequest.
struct LaneAlloc {
  std::uint32_t sizes;
  // None, one for all, or one a size.
  std::uint32_t alignments;
  // percpud.v1.Region.
  std::uint8_t region;
  // 0 or 1.
  std::uint8_t no_grow;
  std::uint16_t tag_bytes;
  std::uint32_t reserved;
};
static_assert(offsetof(LaneAlloc, sizes) == 0);
static_assert(offsetof(LaneAlloc, alignments) == 4);
static_assert(offsetof(LaneAlloc, region) == 8);
static_assert(offsetof(LaneAlloc, no_grow) == 9);
static_assert(offsetof(LaneAlloc, tag_bytes) == 10);
static_assert(offsetof(LaneAlloc, reserved) == 12);
static_assert(sizeof(LaneAlloc) == 16);

// The body of Alloc's answer and of Free's request: then pointers[pointers] of u64.
struct LanePointers {
  std::uint32_t pointers;
  std::uint32_t reserved;
};
static_assert(offsetof(LanePointers, pointers) == 0);
static_assert(offsetof(LanePointers, reserved) == 4);
static_assert(sizeof(LanePointers) == 8);

// Free's answer.
struct LaneFreed {
  // Bytes of one unit given back.
  std::uint64_t freed_bytes;
};
static_assert(sizeof(LaneFreed) == 8);

// --- Add.
// For `unit`: the unit of the CPU that the daemon happens to run on.
inline constexpr std::uint32_t kLaneAnyUnit = 0xffff'ffff;

struct LaneAdd {
  // A multiple of the width.
  std::uint64_t pointer;
  std::int64_t delta;
  std::uint32_t unit;
  // 4 or 8 bytes.
  std::uint32_t width;
};
static_assert(offsetof(LaneAdd, pointer) == 0);
static_assert(offsetof(LaneAdd, delta) == 8);
static_assert(offsetof(LaneAdd, unit) == 16);
static_assert(offsetof(LaneAdd, width) == 20);
static_assert(sizeof(LaneAdd) == 24);

struct LaneAdded {
  // The unit's value after the addition, sign extended.
  std::int64_t value;
  // The unit that was added to.
  std::uint32_t unit;
  std::uint32_t reserved;
};
static_assert(offsetof(LaneAdded, value) == 0);
static_assert(offsetof(LaneAdded, unit) == 8);
static_assert(offsetof(LaneAdded, reserved) == 12);
static_assert(sizeof(LaneAdded) == 16);

// --- OpenVariable. Then the name. The fields mean what they do in
// --- percpud.v1.OpenVariableRequest.
struct LaneOpenVariable {
  std::uint64_t size;
  std::uint32_t alignment;
  std::uint16_t name_bytes;
  // percpud.v1.VariableType.
  std::uint8_t type;
  // 0 or 1.
  std::uint8_t create;
};
static_assert(offsetof(LaneOpenVariable, size) == 0);
static_assert(offsetof(LaneOpenVariable, alignment) == 8);
static_assert(offsetof(LaneOpenVariable, name_bytes) == 12);
static_assert(offsetof(LaneOpenVariable, type) == 14);
static_assert(offsetof(LaneOpenVariable, create) == 15);
static_assert(sizeof(LaneOpenVariable) == 16);

// For `maker`: a process of which the kernel named no user.
inline constexpr std::uint32_t kLaneNoMaker = 0xffff'ffff;

struct LaneVariable {
  std::uint64_t pointer;
  // Bytes of one unit, rounded up to 4.
  std::uint64_t size;
  // The user who made it.
  std::uint32_t maker;
  // percpud.v1.VariableType.
  std::uint8_t type;
  // 1 if this request made it.
  std::uint8_t created;
  std::uint16_t reserved;
};
static_assert(offsetof(LaneVariable, pointer) == 0);
static_assert(offsetof(LaneVariable, size) == 8);
static_assert(offsetof(LaneVariable, maker) == 16);
static_assert(offsetof(LaneVariable, type) == 20);
static_assert(offsetof(LaneVariable, created) == 21);
static_assert(offsetof(LaneVariable, reserved) == 22);
static_assert(sizeof(LaneVariable) == 24);

}  // namespace percpud::abi::v1

#endif  // PERCPUD_PROTO_ABI_V1_LANE_H_
