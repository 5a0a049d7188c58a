// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SESSION_SERIES_WRITER_OPENING_H_
#define PERCPUD_SERVER_SESSION_SERIES_WRITER_OPENING_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "server/metrics/metric_tables.h"
#include "server/metrics/writer_table.h"
#include "server/percpu/allocator/area_spec.h"
#include "server/percpu/layout/alloc_info.h"
#include "server/session/access/caller.h"
#include "server/session/access/quota.h"
#include "server/session/books.h"
#include "server/session/series/requests.h"
#include "server/session/transaction.h"

namespace percpud {

// The part of an opening that is about one writer: who it is, and its cells in the series
// that it opens. Changes no row before Apply. Not thread safe: the books' lock guards what
// it looks at, and Specs and Place need none.
class WriterOpening {
 public:
  // All of it outlives the object.
  WriterOpening(const AllocInfo& info, const Caller& caller, const OpeningWanted& wanted)
      : info_(info), caller_(caller), wanted_(wanted) {}

  // Errors: WriterNeedsSession, TextOverLimit, BadText: each series of a writer is refused so.
  [[nodiscard]] absl::Status Check() const;
  // Fills in the writer's cell of an answer's series; false if it has none there.
  bool Answer(const Tables& tables, NamespaceId name_space, Opening& out, std::size_t entry) const;

  // Plans cells for `series` different series, of a writer that is found or made, and charges the
  // session. Errors: QuotaExceeded, with nothing charged. REQUIRES: Check() is OK.
  absl::Status Plan(Tables& tables, NamespaceId name_space, std::size_t series);
  // The areas that are to be granted for them.
  [[nodiscard]] std::vector<AreaSpec> Specs() const;
  // Gives each series of the answer its cell. REQUIRES: an area for each of Specs().
  void Place(std::span<const PercpuPtr> areas, Opening& out);
  // Refunds what Plan charged. REQUIRES: the session lives.
  void Refund(Tables& tables);

  [[nodiscard]] bool IsEmpty() const { return cells_.empty(); }
  [[nodiscard]] const std::vector<metrics::WriterBlock>& blocks() const { return blocks_; }
  // Adds what watchers are told.
  void AddChanges(NamespaceId name_space, std::vector<metrics::Change>& out) const;
  void PutRecords(Transaction& tx) const;
  // REQUIRES: the families and series of the opening are in the tables.
  void Apply(Tables& tables);

 private:
  struct Cell {
    FamilyId family;
    metrics::CellPlace place;
  };
  [[nodiscard]] const metrics::Writer* Find(const Tables& tables, NamespaceId name_space) const;
  [[nodiscard]] std::string LabelOf(const Tables& tables) const;
  // The writers that give way in the series: those of the same label, where labels are shown.
  [[nodiscard]] std::vector<WriterId> Overtaken(const Tables& tables, FamilyId family,
                                                SeriesId series) const;

  const AllocInfo& info_;
  const Caller& caller_;
  const OpeningWanted& wanted_;
  // The writer as it will be, without its cells; its number is 0 before Plan.
  metrics::Writer row_;
  bool is_new_ = false;
  // Series that cells are planned for, and cells that the last block has left for them.
  std::size_t planned_ = 0;
  std::uint32_t used_ = 0;
  std::optional<metrics::WriterBlock> last_block_;
  Usage charged_;
  std::vector<metrics::WriterBlock> blocks_;
  absl::btree_map<SeriesId, Cell> cells_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_SERIES_WRITER_OPENING_H_
