// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Identities, places and requests, as every part of the SDK uses them. They are plain
// values. Sizes are in bytes, and their names end in `_bytes`.

#ifndef PERCPUD_CLIENT_SDK_PERCPU_TYPES_H_
#define PERCPUD_CLIENT_SDK_PERCPU_TYPES_H_

#include <cassert>
#include <cstdint>
#include <optional>
#include <string>

namespace percpu {

// A percpu pointer: the arena offset of unit 0's copy. It is not an address. Unit u's copy
// lies at the pointer plus u's offset (Client::ListUnits). 0 is null.
enum class Pointer : std::uint64_t {};
inline constexpr Pointer kNull{0};

constexpr std::uint64_t Value(Pointer pointer) { return static_cast<std::uint64_t>(pointer); }
// Returns the pointer to a byte further on in the same area. REQUIRES: not null.
constexpr Pointer operator+(Pointer pointer, std::uint64_t bytes) {
  assert(pointer != kNull && Value(pointer) + bytes >= bytes);
  return Pointer{Value(pointer) + bytes};
}

// One CPU's (or shard's) copy of an area.
enum class Unit : std::uint32_t {};
constexpr std::uint32_t Value(Unit unit) { return static_cast<std::uint32_t>(unit); }

// An admitted process, as the daemon numbers it. No number is used twice. 0 is nobody.
enum class SessionId : std::uint64_t {};
constexpr std::uint64_t Value(SessionId session) { return static_cast<std::uint64_t>(session); }

// A chunk of the arena, as the daemon numbers it.
enum class ChunkId : std::uint32_t {};
constexpr std::uint32_t Value(ChunkId chunk) { return static_cast<std::uint32_t>(chunk); }

// The part of a unit that an area is taken from.
enum class Region { kDynamic, kReserved };

// The width of an integer in shared memory, in bits.
enum class Width { k32, k64 };

// An area that is asked for.
struct AreaSpec {
  std::uint64_t size_bytes = 0;
  // A power of two up to a page.
  std::uint32_t alignment = 8;
};

// Options for every area of a call.
struct AllocateOptions {
  Region region = Region::kDynamic;
  // Take only memory that is there already: no new chunk, no new page.
  bool no_grow = false;
  // A text that introspection shows.
  std::string tag;
};

// An integer of one unit after an addition.
struct AddResult {
  // Sign-extended.
  std::int64_t value = 0;
  // The unit that was added to.
  Unit unit{};
};

// The use of a variable. It is shown, and compared when the name is opened again.
enum class VariableType { kBytes, kCounter, kGauge, kHistogram };

// A variable that is asked for by name.
struct VariableSpec {
  // At most 128 letters, digits and ._-/.
  std::string name;
  VariableType type = VariableType::kBytes;
  // 0 accepts any size. It is refused with `create`.
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
  // The size in one unit, rounded up to a multiple of 4.
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
