// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/area/block_runs.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstdint>
#include <optional>
#include <span>

namespace percpud {
namespace {

using bits::Word;

// Calls visit(first bit of the word, its free granules) for the words of
// [begin, end), until it returns false.
template <typename Visit>
void ForEachFreeWord(const Word* words, std::uint32_t begin, std::uint32_t end, Visit visit) {
  if (begin >= end) return;
  bits::ForEachWord(begin, end, [&](std::uint32_t word, Word mask) {
    return visit(word * bits::kWordBits, ~words[word] & mask);
  });
}

// Free granules at the start and at the end of a word.
std::uint32_t Head(Word free) { return static_cast<std::uint32_t>(std::countr_one(free)); }
std::uint32_t Tail(Word free) { return static_cast<std::uint32_t>(std::countl_one(free)); }

// The longest of the runs seen so far, and how many are as long.
struct Longest {
  std::uint32_t length = 0;
  std::uint32_t count = 0;

  void Add(std::uint32_t run) {
    if (run > length) {
      *this = {.length = run, .count = 1};
    } else if (run == length && run > 0) {
      ++count;
    }
  }
  // Every run of set bits in the word; those shorter than the longest cost little.
  void AddAll(Word word) {
    std::uint32_t run = std::max(length, 1U);
    if (static_cast<std::uint32_t>(std::popcount(word)) < run) return;
    Word starts = bits::RunStarts(word, run);
    if (starts == 0) return;
    for (Word longer = starts & (word >> run); longer != 0; longer = starts & (word >> run)) {
      starts = longer;
      ++run;
    }
    const auto found = static_cast<std::uint32_t>(std::popcount(starts));
    count = run > length ? found : count + found;
    length = run;
  }
};

}  // namespace

BlockRuns BlockRuns::Of(const Word* words) {
  const std::uint32_t left = bits::FindNextSet(words, 0, kBits);
  const std::uint32_t right = kBits - bits::FindLastSetEnd(words, 0, kBits);
  BlockRuns runs{.left = static_cast<std::uint16_t>(left),
                 .right = static_cast<std::uint16_t>(right),
                 .inner = 0,
                 .free = static_cast<std::uint16_t>(kBits - bits::CountRange(words, 0, kBits)),
                 .inner_count = 0,
                 .best = 0};
  if (!runs.is_empty()) runs.ScanInner(words);
  return runs;
}

void BlockRuns::Take(Word* words, std::uint32_t begin, std::uint32_t end) {
  assert(bits::CountRange(words, begin, end) == 0);
  bits::SetRange(words, begin, end);
  const bool was_empty = is_empty();
  free = static_cast<std::uint16_t>(free - (end - begin));
  if (was_empty) {
    SetLeft(begin);
    SetRight(kBits - end);
  } else if (end <= left) {
    AddInner(left - end);
    SetLeft(begin);
  } else if (begin >= right_begin()) {
    AddInner(begin - right_begin());
    SetRight(kBits - end);
  } else {
    BreakInner(words, begin - bits::FindLastSetEnd(words, 0, begin),
               bits::FindNextSet(words, end, kBits) - end, end - begin);
  }
}

void BlockRuns::Release(Word* words, std::uint32_t begin, std::uint32_t end) {
  bits::ClearRange(words, begin, end);
  free = static_cast<std::uint16_t>(free + (end - begin));
  if (is_empty()) {
    *this = {
        .left = kBits, .right = kBits, .inner = 0, .free = kBits, .inner_count = 0, .best = best};
    return;
  }
  const std::uint32_t run_begin = begin == left ? 0 : bits::FindLastSetEnd(words, 0, begin);
  const std::uint32_t run_end = end == right_begin() ? kBits : bits::FindNextSet(words, end, kBits);
  if (run_begin == 0) {
    SetLeft(run_end);
    LoseInner(words, run_end - end);
  } else if (run_end == kBits) {
    SetRight(kBits - run_begin);
    LoseInner(words, begin - run_begin);
  } else {
    // Longer than what it joins, so the longest needs no second look.
    AddInner(run_end - run_begin);
  }
}

void BlockRuns::AddInner(std::uint32_t length) {
  Longest longest{.length = inner, .count = inner_count};
  longest.Add(length);
  inner = static_cast<std::uint16_t>(longest.length);
  inner_count = longest.count;
}

void BlockRuns::BreakInner(const Word* words, std::uint32_t before, std::uint32_t after,
                           std::uint32_t lost) {
  if (before + lost + after < inner || --inner_count > 0) return;
  const std::uint32_t elsewhere = free - left - right - before - after;
  if (elsewhere > 0 && elsewhere >= std::max(before, after)) return ScanInner(words);
  inner = 0;
  AddInner(before);
  AddInner(after);
}

void BlockRuns::LoseInner(const Word* words, std::uint32_t length) {
  if (length > 0 && length == inner && --inner_count == 0) ScanInner(words);
}

void BlockRuns::ScanInner(const Word* words) {
  Longest longest;
  if (free > left + right) {
    std::uint32_t run = 0;  // free granules just before the word
    ForEachFreeWord(words, left, right_begin(), [&](std::uint32_t, Word word) {
      if (~word == 0) {
        run += bits::kWordBits;
        return true;
      }
      longest.Add(run + Head(word));
      longest.AddAll(word & (~Word{0} << Head(word)) & (~Word{0} >> Tail(word)));
      run = Tail(word);
      return true;
    });
    longest.Add(run);
  }
  inner = static_cast<std::uint16_t>(longest.length);
  inner_count = longest.count;
}

std::uint32_t BlockRuns::TakeMany(Word* words, std::uint32_t count, std::uint32_t align,
                                  bool from_left, std::span<std::uint32_t> out) {
  const Word aligned = bits::AlignedBits(align);
  const std::uint32_t begin = from_left ? 0 : left;
  std::uint32_t taken = 0;
  std::uint32_t run = 0;  // free granules just before the word
  ForEachFreeWord(words, begin, kBits, [&](std::uint32_t base, Word word) {
    const auto take = [&](std::uint32_t at) {
      bits::SetRange(words, at, at + count);
      out[taken++] = at;
    };
    const std::uint32_t at = (base - run + align - 1) & ~(align - 1);
    if (run > 0 && at < base && at + count <= base + Head(word) && taken < out.size()) {
      take(at);
      if (at + count > base) word &= ~bits::MaskBetween(0, at + count - base);
    }
    for (Word starts = bits::RunStarts(word, count) & aligned; starts != 0 && taken < out.size();
         starts = bits::RunStarts(word, count) & aligned) {
      const auto bit = static_cast<std::uint32_t>(std::countr_zero(starts));
      take(base + bit);
      word &= ~bits::MaskBetween(bit, bit + count);
    }
    run = ~word == 0 ? run + bits::kWordBits : Tail(word);
    return taken < out.size();
  });
  if (taken > 0) {
    const std::uint32_t kept = best;
    *this = Of(words);
    best = kept;
  }
  return taken;
}

std::optional<std::uint32_t> BlockRuns::FindInner(const Word* words, std::uint32_t count,
                                                  std::uint32_t align) const {
  const Word aligned = bits::AlignedBits(align);
  std::uint32_t run = 0;  // free granules just before the word
  std::optional<std::uint32_t> found;
  ForEachFreeWord(words, left, right_begin(), [&](std::uint32_t base, Word word) {
    if (run + Head(word) >= count) {
      const std::uint32_t at = (base - run + align - 1) & ~(align - 1);
      if (at + count <= base + Head(word)) {
        found = at;
        return false;
      }
    }
    if (count <= bits::kWordBits && (base & (align - 1)) == 0) {
      const Word starts = bits::RunStarts(word, count) & aligned;
      if (starts != 0) {
        found = base + static_cast<std::uint32_t>(std::countr_zero(starts));
        return false;
      }
    }
    run = ~word == 0 ? run + bits::kWordBits : Tail(word);
    return true;
  });
  return found;
}

}  // namespace percpud
