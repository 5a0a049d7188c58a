// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_ARENA_ARENA_H_
#define PERCPUD_SERVER_ARENA_ARENA_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/arena/page_source.h"
#include "server/base/memory_room.h"
#include "server/base/unique_fd.h"
#include "server/base/units.h"

namespace percpud {

// One memfd of fixed size, sealed against shrinking and growing, mapped whole
// and shared. Sparse: an arena costs memory only where it is populated.
//
// Owns the descriptor and the mapping. Thread safe, see PageSource.
class Arena final : public PageSource {
 public:
  struct Options {
    Bytes size;
    // kBasePageSize, or kHugePageSize for hugetlb.
    Bytes page_size = kBasePageSize;
    // Asks the system for huge pages all the same, where it has some: see
    // transparent_huge_pages.h. REQUIRES: kBasePageSize.
    bool transparent_huge_pages = false;
    std::string kind = "memfd: ends with the daemon";
  };

  // Errors: BadConfig (arena_size no multiple of the page, over the limit; a
  // page size the system does not offer), FAILED_PRECONDITION with the command
  // that mends it when no huge page is there, otherwise what the system said.
  static absl::StatusOr<std::unique_ptr<Arena>> Create(const Options& options);

  // Makes an arena over memory that exists already: a memfd that somebody kept, or
  // a file of a memory file system. Errors besides Create's: BadConfig if it has
  // another size. A file cannot be sealed, so a process that maps it for writing
  // could cut it short.
  static absl::StatusOr<std::unique_ptr<Arena>> Adopt(UniqueFd fd, const Options& options);

  ~Arena() override;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  [[nodiscard]] Bytes size() const override { return size_; }
  [[nodiscard]] Bytes page_size() const override { return page_size_; }
  [[nodiscard]] std::byte* base() const override { return base_; }
  [[nodiscard]] absl::string_view kind() const override { return kind_; }
  absl::Status Populate(Bytes offset, Bytes length) override;
  absl::Status Release(Bytes offset, Bytes length) override;
  [[nodiscard]] std::optional<Bytes> BackedBytes() const override;
  [[nodiscard]] bool MayBeBacked(Bytes offset, Bytes length) const override;
  absl::Status PreferNode(Bytes offset, Bytes length, NumaNodeId node) override;

  // Has Populate ask from now on: what it is refused is not backed. Memory that an
  // earlier daemon backed is in use already, and is not asked for. Called once, before
  // other threads populate.
  void set_room(std::unique_ptr<MemoryRoom> room) { room_ = std::move(room); }

  // Stays owned by the arena.
  [[nodiscard]] int fd() const { return fd_; }

 private:
  Arena(int fd, std::byte* base, const Options& options)
      : fd_(fd),
        base_(base),
        size_(options.size),
        page_size_(options.page_size),
        kind_(options.kind) {}

  static absl::StatusOr<std::unique_ptr<Arena>> Map(UniqueFd fd, const Options& options);
  // FAILED_PRECONDITION unless at least one huge page is to be had.
  absl::Status ProbeHugePage();
  // True of whole pages inside the arena.
  [[nodiscard]] bool HasPages(Bytes offset, Bytes length) const;

  const int fd_;
  std::byte* const base_;
  const Bytes size_;
  const Bytes page_size_;
  const std::string kind_;
  // Null: nobody is asked.
  std::unique_ptr<MemoryRoom> room_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_ARENA_ARENA_H_
