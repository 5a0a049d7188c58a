// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The bounds of a unit's runs: where each begins, and whether it is taken.
//
//   granules   0    10   14      40              size
//   runs       | a  |    |   b   |               |
//   begins     1    1    1       1               1     the end counts as a begin
//   taken      1    0    1       0               1     of the run that begins there
//
// What lies inside a run is said nowhere, so an area of 32 KiB costs what one of
// four bytes does. The kernel keeps such a map beside one with a bit for every
// taken granule; here it is the only one.

#ifndef PERCPUD_SERVER_AREA_BOUND_MAP_H_
#define PERCPUD_SERVER_AREA_BOUND_MAP_H_

#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>

#include "server/area/bits.h"

namespace percpud {

// A view over words that the caller owns and that must outlive it. Positions
// count granules. Not thread safe.
class BoundMap {
 public:
  using Word = bits::Word;

  static std::size_t StorageWords(std::uint32_t size) {
    return std::size_t{2} * Cells(size) + bits::WordsFor(Cells(size));
  }

  BoundMap() = default;
  BoundMap(Word* storage, std::uint32_t size)
      : cells_(reinterpret_cast<Cell*>(storage)),
        summary_(storage + std::size_t{2} * Cells(size)) {}

  [[nodiscard]] bool IsBegin(std::uint32_t at) const { return Bit(CellOf(at).begins, at); }
  [[nodiscard]] bool IsTakenBegin(std::uint32_t at) const { return Bit(CellOf(at).taken, at); }
  [[nodiscard]] bool IsFreeBegin(std::uint32_t at) const {
    return Bit(CellOf(at).begins & ~CellOf(at).taken, at);
  }

  void AddBegin(std::uint32_t at) {
    CellOf(at).begins |= Mask(at);
    bits::Set(summary_, at / bits::kWordBits);
  }
  // REQUIRES: the run that begins there is free.
  void RemoveBegin(std::uint32_t at) {
    assert(IsFreeBegin(at));
    CellOf(at).begins &= ~Mask(at);
    if (CellOf(at).begins == 0) bits::Clear(summary_, at / bits::kWordBits);
  }
  // REQUIRES: a run begins there.
  void SetTaken(std::uint32_t at) {
    assert(IsBegin(at));
    CellOf(at).taken |= Mask(at);
  }
  void SetFree(std::uint32_t at) { CellOf(at).taken &= ~Mask(at); }

  // The first begin at or after `at`. REQUIRES: there is one.
  [[nodiscard]] std::uint32_t Next(std::uint32_t at) const {
    const Word here = CellOf(at).begins & (~Word{0} << (at % bits::kWordBits));
    if (here != 0) return Base(at) + static_cast<std::uint32_t>(std::countr_zero(here));
    return NextFar(at / bits::kWordBits + 1);
  }
  // The last begin at or before `at`. REQUIRES: there is one.
  [[nodiscard]] std::uint32_t Previous(std::uint32_t at) const {
    const std::uint32_t above = bits::kWordBits - 1 - at % bits::kWordBits;
    const Word here = CellOf(at).begins & (~Word{0} >> above);
    if (here != 0) return Base(at) + Highest(here);
    return PreviousFar(at / bits::kWordBits - 1);
  }

  // Bounds, as they lie in the words of granules 64 * `cell` onwards.
  struct Cell {
    Word begins;
    Word taken;
  };
  static std::uint32_t Cells(std::uint32_t size) { return size / bits::kWordBits + 1; }
  [[nodiscard]] const Cell& cell(std::uint32_t cell) const { return cells_[cell]; }
  // What says which cells have a begin.
  [[nodiscard]] const Word* summary() const { return summary_; }

 private:
  static Word Mask(std::uint32_t at) { return Word{1} << (at % bits::kWordBits); }
  static bool Bit(Word word, std::uint32_t at) { return (word >> (at % bits::kWordBits) & 1) != 0; }
  static std::uint32_t Base(std::uint32_t at) { return at & ~(bits::kWordBits - 1); }
  static std::uint32_t Highest(Word word) {
    return bits::kWordBits - 1 - static_cast<std::uint32_t>(std::countl_zero(word));
  }
  [[nodiscard]] Cell& CellOf(std::uint32_t at) const { return cells_[at / bits::kWordBits]; }

  // The first begin in `cell` or a later one; the last in it or an earlier one.
  [[nodiscard]] std::uint32_t NextFar(std::uint32_t cell) const {
    std::uint32_t word = cell / bits::kWordBits;
    Word with = summary_[word] & (~Word{0} << (cell % bits::kWordBits));
    while (with == 0) with = summary_[++word];
    const std::uint32_t found =
        word * bits::kWordBits + static_cast<std::uint32_t>(std::countr_zero(with));
    return found * bits::kWordBits +
           static_cast<std::uint32_t>(std::countr_zero(cells_[found].begins));
  }
  [[nodiscard]] std::uint32_t PreviousFar(std::uint32_t cell) const {
    std::uint32_t word = cell / bits::kWordBits;
    Word with = summary_[word] & (~Word{0} >> (bits::kWordBits - 1 - cell % bits::kWordBits));
    while (with == 0) with = summary_[--word];
    const std::uint32_t found = word * bits::kWordBits + Highest(with);
    return found * bits::kWordBits + Highest(cells_[found].begins);
  }

  Cell* cells_ = nullptr;
  // Bit c: cell c has a begin.
  Word* summary_ = nullptr;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_AREA_BOUND_MAP_H_
