// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_SUPPORT_INTERVAL_MODEL_H_
#define PERCPUD_TESTS_SUPPORT_INTERVAL_MODEL_H_

#include <cstdint>
#include <iterator>
#include <map>

namespace percpud::testing {

// One unit's areas, as naive as can be: a sorted map of what is taken. The
// yard stick for area maps and chunks; units of any kind, as long as they agree.
class IntervalModel {
 public:
  IntervalModel(std::uint64_t begin, std::uint64_t end) : begin_(begin), end_(end) {}

  // False if the range is not free or leaves [begin, end).
  bool Take(std::uint64_t offset, std::uint64_t size) {
    if (offset < begin_ || offset + size > end_) return false;
    const auto after = taken_.lower_bound(offset);
    if (after != taken_.end() && after->first < offset + size) return false;
    if (after != taken_.begin()) {
      const auto before = std::prev(after);
      if (before->first + before->second > offset) return false;
    }
    taken_.emplace_hint(after, offset, size);
    used_ += size;
    return true;
  }

  // The size of the area that began there, 0 if none did.
  std::uint64_t Release(std::uint64_t offset) {
    const auto area = taken_.find(offset);
    if (area == taken_.end()) return 0;
    const std::uint64_t size = area->second;
    taken_.erase(area);
    used_ -= size;
    return size;
  }

  // Calls visit(begin, end) for each free gap until it returns true.
  template <typename Visit>
  bool AnyGap(Visit visit) const {
    std::uint64_t at = begin_;
    for (const auto& [offset, size] : taken_) {
      if (offset > at && visit(at, offset)) return true;
      at = offset + size;
    }
    return end_ > at && visit(at, end_);
  }

  [[nodiscard]] bool Fits(std::uint64_t size, std::uint64_t align) const {
    return AnyGap([&](std::uint64_t begin, std::uint64_t end) {
      return (begin + align - 1) / align * align + size <= end;
    });
  }

  [[nodiscard]] std::uint64_t LongestGap() const {
    std::uint64_t longest = 0;
    AnyGap([&](std::uint64_t begin, std::uint64_t end) {
      if (end - begin > longest) longest = end - begin;
      return false;
    });
    return longest;
  }

  // Offset -> size.
  [[nodiscard]] const std::map<std::uint64_t, std::uint64_t>& taken() const { return taken_; }
  [[nodiscard]] std::uint64_t free() const { return end_ - begin_ - used_; }

 private:
  const std::uint64_t begin_;
  const std::uint64_t end_;
  std::uint64_t used_ = 0;
  std::map<std::uint64_t, std::uint64_t> taken_;
};

}  // namespace percpud::testing

#endif  // PERCPUD_TESTS_SUPPORT_INTERVAL_MODEL_H_
