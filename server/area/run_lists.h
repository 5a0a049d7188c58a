// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The free runs of a unit, in a list for each class of lengths:
//
//   class 2     slot 17 <-> slot 3 <-> slot 250     runs of 2 granules
//   class 3     slot 80
//   class 65    slot 4000                           runs of 80 to 95 granules
//
// Runs shorter than 64 granules have a class each, longer ones four per doubling
// (segregated fit; the classes of TLSF, Masmano et al., 2004). Before a run lies
// a taken granule, so no two begin in the same pair of granules, and the pair's
// number, its slot, is where a list keeps its links: outside the memory that is
// handed out, which clients write and which has to read zero.

#ifndef PERCPUD_SERVER_AREA_RUN_LISTS_H_
#define PERCPUD_SERVER_AREA_RUN_LISTS_H_

#include <array>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>

#include "server/area/bits.h"

namespace percpud {

// The classes, for run_lists alone.
namespace run_classes {

inline constexpr std::uint32_t kExact = 64;
// REQUIRES: length >= kExact.
constexpr std::uint32_t OfLong(std::uint32_t length) {
  assert(length >= kExact);
  constexpr std::uint32_t kExactLog2 = std::countr_zero(kExact);
  const auto log2 = static_cast<std::uint32_t>(std::bit_width(length) - 1);
  return kExact + (log2 - kExactLog2) * 4 + ((length >> (log2 - 2)) & 3);
}
// The classes of runs shorter than a page, which are most. A look-up is one load in place
// of fifteen instructions, up to three times in a change.
inline constexpr std::uint32_t kTabled = 1024;
inline constexpr auto kOfShort = [] {
  std::array<std::uint8_t, kTabled> classes{};
  for (std::uint32_t length = 0; length < kTabled; ++length) {
    classes[length] = static_cast<std::uint8_t>(length < kExact ? length : OfLong(length));
  }
  return classes;
}();

}  // namespace run_classes

// A view over words that the caller owns and that must outlive it. Heads that
// are zero are empty lists; links are read only where a run is in a list, so
// nobody needs to clear them. Not thread safe.
class RunLists {
 public:
  using Word = bits::Word;
  using Slot = std::uint32_t;
  static constexpr std::uint32_t kExact = run_classes::kExact;
  // Up to runs of 2^31 granules.
  static constexpr std::uint32_t kClasses = 192;
  static constexpr Slot kNone = ~Slot{0};

  // 0 is no run.
  [[nodiscard]] static constexpr std::uint32_t ClassOf(std::uint32_t length) {
    return length < run_classes::kTabled ? run_classes::kOfShort[length]
                                         : run_classes::OfLong(length);
  }
  static constexpr Slot SlotOf(std::uint32_t begin) { return begin / 2; }

  static std::size_t HeadWords() { return kClasses / bits::kWordBits + kClasses / 2; }
  static std::size_t LinkWords(std::uint32_t size) {
    const std::size_t slots = size / 2 + 1;
    return IsWide(size) ? slots : (slots + 1) / 2;
  }

  RunLists() = default;
  RunLists(Word* heads, Word* links, std::uint32_t size)
      : occupied_(heads),
        heads_(reinterpret_cast<std::uint32_t*>(heads + kClasses / bits::kWordBits)),
        links_(links),
        is_wide_(IsWide(size)) {}

  // Whether the class was empty before.
  bool Insert(std::uint32_t size_class, Slot slot) {
    const std::uint32_t head = heads_[size_class];
    SetLinks(slot, {.previous = 0, .next = head});
    heads_[size_class] = slot + 1;
    if (head == 0) {
      bits::Set(occupied_, size_class);
      return true;
    }
    SetPrevious(head - 1, slot + 1);
    return false;
  }
  // Whether the class is empty now. REQUIRES: the run is in that list.
  bool Remove(std::uint32_t size_class, Slot slot) {
    const Links links = LinksOf(slot);
    assert(links.previous != 0 || First(size_class) == slot);
    if (links.next != 0) SetPrevious(links.next - 1, links.previous);
    if (links.previous != 0) {
      SetNext(links.previous - 1, links.next);
      return false;
    }
    heads_[size_class] = links.next;
    if (links.next != 0) return false;
    bits::Clear(occupied_, size_class);
    return true;
  }

  // Puts `to` in the place of `from`. REQUIRES: `from` is in that list.
  void Move(std::uint32_t size_class, Slot from, Slot to) {
    const Links links = LinksOf(from);
    assert(links.previous != 0 || First(size_class) == from);
    SetLinks(to, links);
    if (links.next != 0) SetPrevious(links.next - 1, to + 1);
    if (links.previous != 0) {
      SetNext(links.previous - 1, to + 1);
    } else {
      heads_[size_class] = to + 1;
    }
  }

  // The first run of a list, and the neighbours of a run in one; kNone at the ends.
  [[nodiscard]] Slot First(std::uint32_t size_class) const { return heads_[size_class] - 1; }
  [[nodiscard]] Slot After(Slot slot) const { return LinksOf(slot).next - 1; }
  [[nodiscard]] Slot Before(Slot slot) const { return LinksOf(slot).previous - 1; }
  [[nodiscard]] bool IsOccupied(std::uint32_t size_class) const {
    return bits::Test(occupied_, size_class);
  }
  // The lowest class at or after `from` with a run; kClasses if there is none.
  [[nodiscard]] std::uint32_t NextOccupied(std::uint32_t from) const {
    return bits::FindNextSet(occupied_, from, kClasses);
  }
  // The highest class with a run; 0 if there is none.
  [[nodiscard]] std::uint32_t LastOccupied() const {
    const std::uint32_t end = bits::FindLastSetEnd(occupied_, 0, kClasses);
    return end == 0 ? 0 : end - 1;
  }

 private:
  // Slots plus one; 0 ends a list.
  struct Links {
    std::uint32_t previous;
    std::uint32_t next;
  };
  // Two to a slot: 16 bits each where that is enough, 32 otherwise.
  static constexpr bool IsWide(std::uint32_t size) { return size / 2 + 1 >= 0xffff; }

  [[nodiscard]] std::uint16_t* Narrow(Slot slot) const {
    return reinterpret_cast<std::uint16_t*>(links_) + std::size_t{2} * slot;
  }
  [[nodiscard]] std::uint32_t* Wide(Slot slot) const {
    return reinterpret_cast<std::uint32_t*>(links_) + std::size_t{2} * slot;
  }
  [[nodiscard]] Links LinksOf(Slot slot) const {
    if (is_wide_) return {.previous = Wide(slot)[0], .next = Wide(slot)[1]};
    return {.previous = Narrow(slot)[0], .next = Narrow(slot)[1]};
  }
  void SetLinks(Slot slot, Links links) {
    SetPrevious(slot, links.previous);
    SetNext(slot, links.next);
  }
  void SetPrevious(Slot slot, std::uint32_t previous) {
    if (is_wide_) {
      Wide(slot)[0] = previous;
    } else {
      Narrow(slot)[0] = static_cast<std::uint16_t>(previous);
    }
  }
  void SetNext(Slot slot, std::uint32_t next) {
    if (is_wide_) {
      Wide(slot)[1] = next;
    } else {
      Narrow(slot)[1] = static_cast<std::uint16_t>(next);
    }
  }

  // Bit c: class c has a run.
  Word* occupied_ = nullptr;
  // Slots plus one, by class.
  std::uint32_t* heads_ = nullptr;
  Word* links_ = nullptr;
  bool is_wide_ = false;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_AREA_RUN_LISTS_H_
