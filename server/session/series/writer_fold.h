// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What becomes of a writer's cells when it is closed, when its session ends, or at the
// first start after both the writer and the daemon died:
//
//   read     the cells, without the lock; nobody stores to them any more
//   commit   in one commit: each cell's row goes, and what it leaves is with the series
//   free     the blocks, when the last cell has gone
//
// A cell's row and what it left are changed together, so however often the daemon is killed
// on the way, each cell is folded once. Cells of one commit are kSlice at most.

#ifndef PERCPUD_SERVER_SESSION_SERIES_WRITER_FOLD_H_
#define PERCPUD_SERVER_SESSION_SERIES_WRITER_FOLD_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "server/metrics/metric_tables.h"
#include "server/metrics/writer_table.h"
#include "server/percpu/allocator/allocator.h"
#include "server/session/access/caller.h"
#include "server/session/books.h"
#include "server/session/series/requests.h"
#include "server/session/transaction.h"

namespace percpud {

// What a writer leaves that is folded.
enum class Leaves : std::uint8_t {
  kByMode,
  // It is the same as another, which has all that it had set.
  kNothing,
};

// Used by one thread. Writers are folded by any number of them at a time.
class WriterFold {
 public:
  // Both outlive the object. `now_ns` is nanoseconds since boot.
  WriterFold(Allocator& allocator, Books& books, std::uint64_t now_ns)
      : allocator_(allocator), books_(books), now_ns_(now_ns) {}

  // Folds a writer; returns how many cells that were. Does nothing if there is none. May
  // sleep.
  std::uint64_t Run(WriterId writer, Leaves leaves = Leaves::kByMode);
  // Forgets what dead writers have left that died up to `until_ns`, of the families that show
  // each by itself. Returns how many those were.
  std::uint64_t ForgetDead(std::uint64_t until_ns);

 private:
  struct Cell {
    FamilyId family;
    SeriesId series;
    metrics::CellPlace place;
    metrics::WriterCell value{};
  };
  // What of a series' writers changes when one dies.
  struct Fold {
    SeriesId series;
    // What is to be kept: of all the dead, or of this one.
    std::optional<std::pair<WriterId, metrics::SeriesWriter>> left;
    // Dead ones that give way.
    std::vector<WriterId> dropped;
  };

  // Folds a slice; false once there is no such writer.
  bool RunSlice(WriterId writer, Leaves leaves, std::uint64_t& folded);
  // Takes the row of the writer's namespace; null if there is no such writer any more.
  static metrics::Writer* Hold(Transaction& tx, WriterId writer);
  static std::vector<Cell> Choose(const Tables& tables, const metrics::Writer& writer);
  static bool HasRoomForDead(const Tables& tables, const metrics::Writer& writer,
                             std::size_t cells);
  // `may_stay`: there is room for one more dead writer.
  [[nodiscard]] Fold FoldOne(const Tables& tables, const metrics::Writer& writer, const Cell& cell,
                             bool may_stay) const;
  static void PutRecords(Transaction& tx, const metrics::Writer& writer,
                         const std::vector<Fold>& folds, bool is_last);
  static void Apply(Tables& tables, WriterId writer, std::vector<Fold> folds, bool is_last);
  // One that is dead and to be forgotten.
  struct Dead {
    FamilyId family;
    SeriesId series;
    WriterId writer;
  };
  std::uint64_t ForgetDeadOf(NamespaceId name_space, std::uint64_t until_ns);
  // Adds those of a slice of the namespace's series, from `from` on, which moves; false at
  // the end.
  static bool ListDead(const Tables& tables, NamespaceId name_space, std::uint64_t until_ns,
                       SeriesFrom& from, std::vector<Dead>& out);
  std::uint64_t Forget(NamespaceId name_space, const std::vector<Dead>& found);

  Allocator& allocator_;
  Books& books_;
  const std::uint64_t now_ns_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_SERIES_WRITER_FOLD_H_
