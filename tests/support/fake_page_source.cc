// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/support/fake_page_source.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "server/base/errors.h"

namespace percpud::testing {
namespace {

// A test that cannot go on ends here.
void Require(bool holds, const char* what, Bytes offset, Bytes length) {
  if (holds) return;
  std::fprintf(stderr, "page source: %s: offset %s, length %s\n", what, Format(offset).c_str(),
               Format(length).c_str());
  std::abort();
}

std::byte* MapUntouchable(Bytes size) {
  void* const base =
      ::mmap(nullptr, size.value(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  Require(base != MAP_FAILED, "mmap failed", Bytes(0), size);
  return static_cast<std::byte*>(base);
}

}  // namespace

HeapPageSource::HeapPageSource(Bytes size, Bytes page_size)
    : size_(size),
      page_size_(page_size),
      base_(MapUntouchable(size)),
      populated_(size / page_size),
      node_(size / page_size) {}

HeapPageSource::~HeapPageSource() { ::munmap(base_, size_.value()); }

absl::Status HeapPageSource::Populate(Bytes offset, Bytes length) {
  CheckRange(offset, length);
  Mark(offset, length, true);
  return absl::OkStatus();
}

absl::Status HeapPageSource::Release(Bytes offset, Bytes length) {
  CheckRange(offset, length);
  // Private memory comes back zeroed.
  Require(::madvise(base_ + offset.value(), length.value(), MADV_DONTNEED) == 0, "madvise failed",
          offset, length);
  Mark(offset, length, false);
  return absl::OkStatus();
}

absl::Status HeapPageSource::PreferNode(Bytes offset, Bytes length, NumaNodeId node) {
  CheckRange(offset, length);
  std::fill_n(node_.begin() + static_cast<std::ptrdiff_t>(offset / page_size_), length / page_size_,
              node);
  return absl::OkStatus();
}

Pages HeapPageSource::populated_pages() const {
  return Pages(std::count(populated_.begin(), populated_.end(), true));
}

void HeapPageSource::CheckRange(Bytes offset, Bytes length) const {
  Require(offset % page_size_ == Bytes(0) && length % page_size_ == Bytes(0), "not whole pages",
          offset, length);
  Require(offset <= size_ && length <= size_ - offset, "out of range", offset, length);
}

void HeapPageSource::Mark(Bytes offset, Bytes length, bool populated) {
  const int access = populated ? PROT_READ | PROT_WRITE : PROT_NONE;
  Require(::mprotect(base_ + offset.value(), length.value(), access) == 0, "mprotect failed",
          offset, length);
  const auto first = populated_.begin() + static_cast<std::ptrdiff_t>(offset / page_size_);
  std::fill_n(first, length / page_size_, populated);
}

absl::Status NullPageSource::Populate(Bytes /*offset*/, Bytes length) {
  populated_ += static_cast<std::int64_t>(length.value());
  return absl::OkStatus();
}

absl::Status NullPageSource::Release(Bytes /*offset*/, Bytes length) {
  populated_ -= static_cast<std::int64_t>(length.value());
  return absl::OkStatus();
}

absl::Status FailingPageSource::Populate(Bytes offset, Bytes length) {
  if (countdown_ > 0 && --countdown_ == 0) return errors::PopulateFailed(offset, length, ENOMEM);
  return real_.Populate(offset, length);
}

absl::Status FailingPageSource::Release(Bytes offset, Bytes length) {
  return real_.Release(offset, length);
}

absl::Status FailingPageSource::PreferNode(Bytes offset, Bytes length, NumaNodeId node) {
  return real_.PreferNode(offset, length, node);
}

}  // namespace percpud::testing
