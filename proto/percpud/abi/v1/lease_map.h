// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The map of a lease, version 1: what lives where in a chunk that one client
// process sub-allocates. It lies in pages of the arena handed out with the
// lease, apart from the chunk's data.
//
//   byte 0        64                              64 + granules   total_bytes
//   +------------+-------------------------------+---------------+
//   | header     | one state byte per granule    | zero padding  |
//   +------------+-------------------------------+---------------+
//
//   unit 0     [area of 12 B ][free][area of 8 B][ 8 B, cached ][ 5000 B ...
//   state byte  3   0    0    0     2    0        82   0         65 240 240 ..
//
// State bytes:
//   0            free, or inside an area
//   1 .. 64      a live area of that size class begins here
//   65           a live large area begins here; its size in granules follows
//   81 .. 145    the same codes + 80: freed, and kept by a thread for reuse
//   161 .. 225   the same codes + 160: freed by a thread that does not own it,
//                not yet seen by the owner
//   240 .. 255   four bits of a large area's size: eight of them, the lowest
//                bits first, follow its first granule
//
// Why bytes, and why one per granule. An area becomes live, and ceases to be,
// by one store of one byte, so a process killed at any instruction leaves a map
// that says which areas live. The byte also tells the size, so a free needs no
// search. Granule by granule, a 4-byte counter costs 4 bytes of each unit; a
// coarser grain would round it up in every unit to save one byte in one place.
// What follows from the state bytes (free runs, the map of taken granules) is
// not stored here: each reader derives it, and nothing a stranger scribbles
// into this memory can lead a reader's search astray.
//
// Who writes. The leaseholder alone, while the lease lasts; the daemon makes
// the pages zero before it grants a lease, and never writes or trusts them
// later: it copies them, validates the copy, and shows that. A copy taken while
// the holder works can be torn; one that fails is taken again before it is
// called corrupt. After the holder's death the next holder of a kept lease
// validates a copy and turns all that is not live to free.
//
// Order of stores. Size digits before the byte that makes a large area live;
// that byte to 0 before its digits are cleared. A digit that follows no large
// area is thus no fault while `phase` is kInUse; a clean map has none.
//
// Versions. A reader refuses a version it does not know. Fields are only ever
// added in `reserved`, which is zero until then; a change of a size class or of
// a state is a new version.

#ifndef PERCPUD_PROTO_PERCPUD_ABI_V1_LEASE_MAP_H_
#define PERCPUD_PROTO_PERCPUD_ABI_V1_LEASE_MAP_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace percpud::abi::v1 {

// "PCPLEASE", read as little endian.
inline constexpr std::uint64_t kLeaseMagic = 0x455341454c504350;
inline constexpr std::uint32_t kLeaseVersion = 1;
inline constexpr std::uint32_t kLeaseGranuleBytes = 4;
inline constexpr std::size_t kLeaseMapAlign = 64;

// Values of LeaseMapHeader::phase.
inline constexpr std::uint32_t kLeaseClean = 1;  // closed in order: every area is live or free
inline constexpr std::uint32_t kLeaseInUse = 2;  // a process works on it, or died doing so

struct LeaseMapHeader {
  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t header_bytes;
  std::uint64_t total_bytes;
  // Granules of a unit that the map covers; state bytes that follow.
  std::uint32_t granules;
  std::uint32_t granule_bytes;
  // Percpu pointer to a live area of this lease, where the holder finds the
  // rest of its data; 0 if it set none.
  std::uint64_t root;
  std::uint32_t phase;
  // Processes that have held the lease with this map, modulo 2^32.
  std::uint32_t holders;
  std::array<std::uint64_t, 2> reserved;
};
static_assert(sizeof(LeaseMapHeader) == 64);
static_assert(offsetof(LeaseMapHeader, magic) == 0);
static_assert(offsetof(LeaseMapHeader, version) == 8);
static_assert(offsetof(LeaseMapHeader, header_bytes) == 12);
static_assert(offsetof(LeaseMapHeader, total_bytes) == 16);
static_assert(offsetof(LeaseMapHeader, granules) == 24);
static_assert(offsetof(LeaseMapHeader, granule_bytes) == 28);
static_assert(offsetof(LeaseMapHeader, root) == 32);
static_assert(offsetof(LeaseMapHeader, phase) == 40);
static_assert(offsetof(LeaseMapHeader, holders) == 44);
static_assert(offsetof(LeaseMapHeader, reserved) == 48);

// --- Size classes: exact to 64 bytes, then eight a doubling, so that at most a
// --- ninth of an area is waste.
inline constexpr std::uint32_t kLeaseClasses = 64;
inline constexpr std::uint32_t kLeaseLargestClass = 4096;

// Bytes of class 1 .. kLeaseClasses.
constexpr std::uint32_t LeaseClassBytes(std::uint32_t size_class) {
  if (size_class <= 16) return size_class * kLeaseGranuleBytes;
  const std::uint32_t step = (size_class - 17) % 8 + 1;
  return (64U << ((size_class - 17) / 8)) / 8 * (8 + step);
}
static_assert(LeaseClassBytes(16) == 64 && LeaseClassBytes(17) == 72 && LeaseClassBytes(24) == 128);
static_assert(LeaseClassBytes(kLeaseClasses) == kLeaseLargestClass);

// --- State bytes
inline constexpr std::uint8_t kLeaseFree = 0;
inline constexpr std::uint8_t kLeaseLarge = kLeaseClasses + 1;
inline constexpr std::uint8_t kLeaseCached = 80;
inline constexpr std::uint8_t kLeaseRemote = 160;
inline constexpr std::uint8_t kLeaseDigit = 240;
inline constexpr std::uint32_t kLeaseDigits = 8;
static_assert(kLeaseLarge < kLeaseCached && kLeaseCached + kLeaseLarge < kLeaseRemote &&
              kLeaseRemote + kLeaseLarge < kLeaseDigit);
// A large area is longer than its own digits.
static_assert(kLeaseLargestClass / kLeaseGranuleBytes > kLeaseDigits);

}  // namespace percpud::abi::v1

#endif  // PERCPUD_PROTO_PERCPUD_ABI_V1_LEASE_MAP_H_
