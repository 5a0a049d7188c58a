// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// PageSources by rank: HeapPageSource is strict about its caller (unit tests),
// NullPageSource backs nothing (benchmarks of metadata work), FailingPageSource
// is any other one that fails its n-th step.

#ifndef PERCPUD_TESTS_SUPPORT_FAKE_PAGE_SOURCE_H_
#define PERCPUD_TESTS_SUPPORT_FAKE_PAGE_SOURCE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "server/arena/page_source.h"

namespace percpud::testing {

// Private memory of this process. What is not populated faults when touched; a
// range that is not whole pages inside the source aborts, naming it. Populating
// a page twice, or releasing one that is not there, is allowed, as by the real
// one. Not thread safe.
class HeapPageSource final : public PageSource {
 public:
  // REQUIRES: `size` is a multiple of `page_size`, and that of kBasePageSize.
  explicit HeapPageSource(Bytes size, Bytes page_size = kBasePageSize);
  ~HeapPageSource() override;
  HeapPageSource(const HeapPageSource&) = delete;
  HeapPageSource& operator=(const HeapPageSource&) = delete;

  [[nodiscard]] Bytes size() const override { return size_; }
  [[nodiscard]] Bytes page_size() const override { return page_size_; }
  [[nodiscard]] std::byte* base() const override { return base_; }
  absl::Status Populate(Bytes offset, Bytes length) override;
  absl::Status Release(Bytes offset, Bytes length) override;
  absl::Status PreferNode(Bytes offset, Bytes length, NumaNodeId node) override;

  [[nodiscard]] Pages populated_pages() const;
  [[nodiscard]] bool IsPopulated(PageId page) const { return populated_[page.value()]; }
  // The node that a page prefers; nullopt if none was named.
  [[nodiscard]] std::optional<NumaNodeId> NodeOf(PageId page) const { return node_[page.value()]; }

 private:
  void CheckRange(Bytes offset, Bytes length) const;
  // With the access that `populated` means.
  void Mark(Bytes offset, Bytes length, bool populated);

  const Bytes size_;
  const Bytes page_size_;
  std::byte* const base_;
  std::vector<bool> populated_;
  std::vector<std::optional<NumaNodeId>> node_;
};

// Promises memory and has none: nothing may touch base().
class NullPageSource final : public PageSource {
 public:
  explicit NullPageSource(Bytes size, Bytes page_size = kBasePageSize)
      : size_(size), page_size_(page_size) {}

  [[nodiscard]] Bytes size() const override { return size_; }
  [[nodiscard]] Bytes page_size() const override { return page_size_; }
  [[nodiscard]] std::byte* base() const override { return nullptr; }
  absl::Status Populate(Bytes offset, Bytes length) override;
  absl::Status Release(Bytes offset, Bytes length) override;
  // What is populated and not released.
  [[nodiscard]] std::int64_t populated() const { return populated_; }

 private:
  const Bytes size_;
  const Bytes page_size_;
  std::int64_t populated_ = 0;
};

// Another source, but the n-th Populate from now on is refused.
class FailingPageSource final : public PageSource {
 public:
  explicit FailingPageSource(PageSource& real) : real_(real) {}

  // 0: never.
  void FailNth(std::uint64_t n) { countdown_ = n; }

  [[nodiscard]] Bytes size() const override { return real_.size(); }
  [[nodiscard]] Bytes page_size() const override { return real_.page_size(); }
  [[nodiscard]] std::byte* base() const override { return real_.base(); }
  absl::Status Populate(Bytes offset, Bytes length) override;
  absl::Status Release(Bytes offset, Bytes length) override;
  absl::Status PreferNode(Bytes offset, Bytes length, NumaNodeId node) override;

 private:
  PageSource& real_;
  std::uint64_t countdown_ = 0;
};

}  // namespace percpud::testing

#endif  // PERCPUD_TESTS_SUPPORT_FAKE_PAGE_SOURCE_H_
