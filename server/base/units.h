// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// A type per unit. Sizes, counts and identities of different kinds never mix
// without a named conversion, so "bits or bytes?" is a question for the
// compiler rather than for a comment.

#ifndef PERCPUD_SERVER_BASE_UNITS_H_
#define PERCPUD_SERVER_BASE_UNITS_H_

#include <bit>
#include <cassert>
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <utility>

namespace percpud {

// A count of something: adds and subtracts with its own kind, scales by plain
// integers, and compares. Overflow is the caller's duty; untrusted values are
// bounded (limits.h) before they become a Quantity.
template <typename Tag, typename RepT>
class Quantity {
 public:
  using Rep = RepT;

  constexpr Quantity() = default;
  template <std::integral I>
  constexpr explicit Quantity(I value) : value_(static_cast<Rep>(value)) {}

  [[nodiscard]] constexpr Rep value() const { return value_; }
  [[nodiscard]] static constexpr Quantity Max() {
    return Quantity(std::numeric_limits<Rep>::max());
  }

  constexpr Quantity& operator+=(Quantity other) {
    value_ += other.value_;
    return *this;
  }
  // REQUIRES: no more is taken than there is.
  constexpr Quantity& operator-=(Quantity other) {
    assert(other.value_ <= value_);
    value_ -= other.value_;
    return *this;
  }
  friend constexpr Quantity operator+(Quantity a, Quantity b) { return a += b; }
  friend constexpr Quantity operator-(Quantity a, Quantity b) { return a -= b; }
  template <std::integral I>
  friend constexpr Quantity operator*(Quantity a, I factor) {
    return Quantity(a.value_ * static_cast<Rep>(factor));
  }
  // How many times `b` goes into `a`.
  friend constexpr Rep operator/(Quantity a, Quantity b) { return a.value_ / b.value_; }
  friend constexpr Quantity operator%(Quantity a, Quantity b) {
    return Quantity(a.value_ % b.value_);
  }
  friend constexpr bool operator==(Quantity, Quantity) = default;
  friend constexpr auto operator<=>(Quantity a, Quantity b) { return a.value_ <=> b.value_; }

 private:
  Rep value_ = 0;
};

// An identity: compares, hashes and prints, but has no arithmetic.
template <typename Tag, typename RepT>
class Id {
 public:
  using Rep = RepT;

  constexpr Id() = default;
  template <std::integral I>
  constexpr explicit Id(I value) : value_(static_cast<Rep>(value)) {}

  [[nodiscard]] constexpr Rep value() const { return value_; }
  friend constexpr bool operator==(Id, Id) = default;
  friend constexpr auto operator<=>(Id a, Id b) { return a.value_ <=> b.value_; }

  template <typename H>
  friend H AbslHashValue(H h, Id id) {
    return H::combine(std::move(h), id.value_);
  }

 private:
  Rep value_ = 0;
};

using Bytes = Quantity<struct BytesTag, std::uint64_t>;
using Pages = Quantity<struct PagesTag, std::uint64_t>;
// The 4-byte allocation unit; all hints of an area map count granules.
using Granules = Quantity<struct GranulesTag, std::uint32_t>;

// A logical CPU as the operating system numbers it.
using CpuId = Id<struct CpuIdTag, std::uint32_t>;
// One CPU's copy of a chunk, counted over all groups, ghosts included.
using UnitId = Id<struct UnitIdTag, std::uint32_t>;
using GroupId = Id<struct GroupIdTag, std::uint32_t>;
using ChunkId = Id<struct ChunkIdTag, std::uint32_t>;
using NumaNodeId = Id<struct NumaNodeIdTag, std::uint32_t>;
// A page of the arena, counted from its start.
using PageId = Id<struct PageIdTag, std::uint64_t>;
// Log2 of a block's size in pages.
using Order = Id<struct OrderTag, std::uint8_t>;
// Arena offset of unit 0's copy of a byte; 0 is never granted and means null.
using PercpuPtr = Id<struct PercpuPtrTag, std::uint64_t>;

inline constexpr Bytes kGranuleSize{4};
// Granularity of unit sizes and of area map blocks. The arena's own page may
// be larger (2 MiB hugetlb); it is always a multiple of this.
inline constexpr Bytes kBasePageSize{4096};

// REQUIRES: `step` is not zero.
template <typename Q>
constexpr Q RoundUp(Q value, Q step) {
  assert(step != Q(0));
  return Q((value.value() + step.value() - 1) / step.value() * step.value());
}
template <typename Q>
constexpr Q RoundDown(Q value, Q step) {
  assert(step != Q(0));
  return Q(value.value() / step.value() * step.value());
}
constexpr bool IsPowerOfTwo(Bytes value) { return std::has_single_bit(value.value()); }

constexpr Bytes ToBytes(Granules g) {
  return Bytes(std::uint64_t{g.value()} * kGranuleSize.value());
}
// Granules that hold `size`, rounded up. REQUIRES: fits 32 bits.
constexpr Granules ToGranules(Bytes size) {
  assert(size <= ToBytes(Granules::Max()));
  return Granules((size.value() + kGranuleSize.value() - 1) / kGranuleSize.value());
}
constexpr Bytes ToBytes(Pages pages, Bytes page_size) {
  return Bytes(pages.value() * page_size.value());
}
constexpr Pages ToPages(Bytes size, Bytes page_size) {
  return Pages((size.value() + page_size.value() - 1) / page_size.value());
}
constexpr Pages BlockPages(Order order) { return Pages(std::uint64_t{1} << order.value()); }
// The smallest order whose block holds `pages`. REQUIRES: pages > 0.
constexpr Order OrderFor(Pages pages) {
  assert(pages > Pages(0));
  return Order(static_cast<unsigned>(std::bit_width(pages.value() - 1)));
}
constexpr PageId Advance(PageId page, Pages by) { return PageId(page.value() + by.value()); }
constexpr PercpuPtr Advance(PercpuPtr ptr, Bytes by) { return PercpuPtr(ptr.value() + by.value()); }

// "64KiB", "192MiB", "100B": the largest binary unit that divides the value.
std::string Format(Bytes value);
// "0x1a40": how a percpu pointer is written in logs and errors.
std::string Format(PercpuPtr ptr);

}  // namespace percpud

#endif  // PERCPUD_SERVER_BASE_UNITS_H_
