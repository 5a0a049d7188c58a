// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Identities, places and requests: what every part of the SDK speaks in. Plain
// values; sizes are in bytes, and a name that ends in `_bytes` says so.

#ifndef PERCPUD_CLIENT_SDK_PERCPU_TYPES_H_
#define PERCPUD_CLIENT_SDK_PERCPU_TYPES_H_

#include <cstdint>
#include <optional>
#include <string>

namespace percpu {

// A percpu pointer: the arena offset of unit 0's copy. Not an address. Unit u's
// copy lies at the pointer plus u's offset (Client::ListUnits). 0 is null.
enum class Pointer : std::uint64_t {};
inline constexpr Pointer kNull{0};

constexpr std::uint64_t Value(Pointer pointer) { return static_cast<std::uint64_t>(pointer); }
// The pointer to a byte further on in the same area.
constexpr Pointer operator+(Pointer pointer, std::uint64_t bytes) {
  return Pointer{Value(pointer) + bytes};
}

// One CPU's (or shard's) copy of an area.
enum class Unit : std::uint32_t {};
constexpr std::uint32_t Value(Unit unit) { return static_cast<std::uint32_t>(unit); }

// An admitted process, as the daemon numbers it; never used twice. 0 is nobody.
enum class SessionId : std::uint64_t {};
constexpr std::uint64_t Value(SessionId session) { return static_cast<std::uint64_t>(session); }

// A chunk of the arena, as the daemon numbers it.
enum class ChunkId : std::uint32_t {};
constexpr std::uint32_t Value(ChunkId chunk) { return static_cast<std::uint32_t>(chunk); }

// The part of a unit that an area is taken from.
enum class Region { kDynamic, kReserved };

// The width of an integer in shared memory, in bits.
enum class Width { k32, k64 };

// One area wanted.
struct AreaSpec {
  std::uint64_t size_bytes = 0;
  // A power of two up to a page.
  std::uint32_t alignment = 8;
};

// What holds for every area of a call.
struct AllocateOptions {
  Region region = Region::kDynamic;
  // Take only memory that is there already: no new chunk, no new page.
  bool no_grow = false;
  // Free text that introspection shows.
  std::string tag;
};

// An integer of one unit after an addition.
struct AddResult {
  // Sign-extended.
  std::int64_t value = 0;
  // The unit that was added to.
  Unit unit{};
};

// What a variable is for. It is shown, and compared when the name is opened again.
enum class VariableType { kBytes, kCounter, kGauge, kHistogram };

// A variable wanted by name.
struct VariableSpec {
  // Letters, digits and ._-/, at most 128 of them.
  std::string name;
  VariableType type = VariableType::kBytes;
  // 0, only without `create`: whatever size it has.
  std::uint64_t size_bytes = 0;
  std::uint32_t alignment = 8;
  // Make the variable if there is none of that name.
  bool create = false;
};

// An area with a name. It belongs to no session and stays until it is removed.
struct Variable {
  std::string name;
  VariableType type = VariableType::kBytes;
  Pointer pointer = kNull;
  // In one unit, rounded up to a multiple of 4.
  std::uint64_t size_bytes = 0;
  // The user who made it; absent if the kernel did not tell.
  std::optional<std::uint32_t> uid;
};

struct OpenedVariable {
  Variable variable;
  // True if this call made it.
  bool created = false;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_TYPES_H_
