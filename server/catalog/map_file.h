// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The file that LMDB maps: its size, its room, and the number of its last commit.
//
//   +-------+---------------------------+------------------+------+----------+
//   | metas | pages in use, pages freed | not used yet     | re-  | number   |
//   |       |                           |                  | serve| page     |
//   +-------+---------------------------+------------------+------+----------+
//    0       2                           last page + 1            size - 1 page
//
// LMDB falls back to the commit before the last when the last one's meta page is
// damaged, and does not say so. So each commit's number is written to the file's last
// page, which LMDB never gets to, before it is answered. A daemon that is killed between
// the two leaves a file that is one commit ahead of its number.

#ifndef PERCPUD_SERVER_CATALOG_MAP_FILE_H_
#define PERCPUD_SERVER_CATALOG_MAP_FILE_H_

#include <lmdb.h>

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/clock.h"
#include "server/base/units.h"

namespace percpud::catalog {

// Not thread safe, but for size().
class MapFile {
 public:
  struct Options {
    // The directory, and what errors call it.
    std::string path;
    std::string shown_path;
    // The size of a file that is made, and the most that one may grow to.
    Bytes initial;
    Bytes limit;
    // Tells when a disk that was full is asked again. Outlives the file.
    const Clock* clock = nullptr;
  };

  // How long the refusal of a full disk stands before the disk is asked again.
  static constexpr absl::Duration kFullPause = absl::Milliseconds(100);

  explicit MapFile(Options options) : options_(std::move(options)) {}
  ~MapFile();
  MapFile(const MapFile&) = delete;
  MapFile& operator=(const MapFile&) = delete;

  // Opens it with room for `tables` tables. Every page of it has a place on the disk
  // then, so that a full disk refuses to let it grow, and never faults.
  // Errors: CatalogFull, CatalogFailed, OsRefused.
  absl::Status Open(unsigned tables);
  // Makes the file larger by half, or by what the disk has. A disk that was full within
  // the last kFullPause is not asked again. Errors: CatalogFull, CatalogFailed.
  absl::Status Grow();
  // Whether a transaction that writes `weight` fits, with the reserve for deletions left.
  // Pages that were freed are room.
  [[nodiscard]] bool HasRoom(Bytes weight) const;
  // Writes the last commit's number. To be called after each.
  void NoteCommit();

  [[nodiscard]] MDB_env* env() const { return env_; }
  [[nodiscard]] Bytes size() const { return size_; }

  // Returns the number in the file at `data`; nullopt if it has none, as files of the first
  // format. Errors: OsRefused, which says nothing of what is in the file.
  static absl::StatusOr<std::optional<std::uint64_t>> ReadCommitNumber(const std::string& data);
  // Whether a file whose last commit is `found` is as its daemon left it.
  static constexpr bool Fits(std::uint64_t number, std::uint64_t found) {
    return found == number || found == number + 1;
  }

 private:
  // Grows, and asks the disk in any case.
  absl::Status TryGrow();
  // An errno; unless it is 0, the file is to be cut to its size again.
  [[nodiscard]] int Extend(Bytes size) const;
  [[nodiscard]] int Back(Bytes size) const;
  // Maps the last page of a file of that size, in place of the one that was mapped. An errno.
  [[nodiscard]] int MapNumber(Bytes size);
  [[nodiscard]] int fd() const;
  [[nodiscard]] std::uint64_t last_commit() const;
  [[nodiscard]] Bytes used() const;
  [[nodiscard]] Bytes freed() const;
  [[nodiscard]] Bytes CountFreed() const;

  const Options options_;
  MDB_env* env_ = nullptr;
  Bytes size_;
  // The list of free pages as it was counted after a commit. Only a commit changes it.
  struct FreedPages {
    std::uint64_t commit = 0;
    Bytes bytes;
  };
  mutable std::optional<FreedPages> freed_;
  // The disk's last refusal, and how long it stands.
  absl::Status full_;
  BootTime full_until_ = BootTime::InfinitePast();
  // The last page, mapped beside LMDB's own map.
  void* number_page_ = nullptr;
};

}  // namespace percpud::catalog

#endif  // PERCPUD_SERVER_CATALOG_MAP_FILE_H_
