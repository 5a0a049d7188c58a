// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_TYPES_H_
#define PERCPUD_CLIENT_SDK_PERCPU_TYPES_H_

#include <cstdint>
#include <string>

namespace percpu {

// A percpu pointer: the arena offset of unit 0's copy. Not an address. Unit u's
// copy lies at the pointer plus u's offset (Client::UnitMap). 0 is null.
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

enum class Region { kDynamic, kReserved };

// The width of an integer in shared memory.
enum class Width { k32, k64 };

// One area wanted.
struct AreaSpec {
  std::uint64_t size_bytes = 0;
  // A power of two up to a page.
  std::uint32_t alignment = 8;
};

// What a variable is for; shown, and compared when it is opened again.
enum class VariableType { kBytes, kCounter, kGauge, kHistogram };

// A variable wanted by name.
struct VariableSpec {
  // Letters, digits and ._-/: up to 128.
  std::string name;
  VariableType type = VariableType::kBytes;
  // 0, without `create` only: whatever it has.
  std::uint64_t size_bytes = 0;
  std::uint32_t alignment = 8;
  // Make it if there is none.
  bool create = false;
};

// What holds for every area of a call.
struct AllocateOptions {
  Region region = Region::kDynamic;
  // Only memory that is there already: no new chunk, no new page.
  bool no_grow = false;
  // Free text that introspection shows.
  std::string tag;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_TYPES_H_
