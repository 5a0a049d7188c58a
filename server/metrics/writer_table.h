// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Who sets gauges, and where: writers as rows.
//
//   writer 31 (session 7, "4711") --+-- cell of series 12 ---+
//                                   +-- cell of series 13    |   series 12: 31 lives in ...,
//   writer 40 (session 9, "4712") --+-- cell of series 12 ---+   40 lives in ..., 25 has left 3.5
//
// A block is an area that is cut into one writer's cells, first those of one unit, then
// those of the next: a cell is in one unit, and every unit's copy has others. So a gauge
// of one process takes as much on a machine of 64 CPUs as on one of 2.

#ifndef PERCPUD_SERVER_METRICS_WRITER_TABLE_H_
#define PERCPUD_SERVER_METRICS_WRITER_TABLE_H_

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "server/base/identity.h"
#include "server/base/units.h"
#include "server/cells/layout.h"

namespace percpud::metrics {

using cells::WriterCell;

// Stands for all the dead of a series whose cells are folded. No writer has this number.
inline constexpr WriterId kTheDead{0};
// A writer that did not ask for a number.
inline constexpr std::uint32_t kNoSlot = std::numeric_limits<std::uint32_t>::max();

// Where a writer's cell is: `cell` is unit 0's copy, of which `unit` has the writer's.
struct CellPlace {
  PercpuPtr cell;
  UnitId unit;
};

// What a series knows of one writer.
struct SeriesWriter {
  // Null if the writer is dead.
  CellPlace place;
  // What a dead writer has left.
  WriterCell left{};
  // Nanoseconds since boot when it died.
  std::uint64_t died_ns = 0;
  // A dead writer's; the living have theirs in the table.
  std::string label;

  [[nodiscard]] bool IsLive() const { return place.cell != PercpuPtr(0); }
};

// Writers of one series by number; the first is kTheDead, if there is anything of them.
using SeriesWriters = absl::btree_map<WriterId, SeriesWriter>;

struct WriterBlock {
  PercpuPtr pointer;
  // Bytes of one unit.
  Bytes size;
};

struct Writer {
  WriterId id;
  NamespaceId name_space;
  SessionId session;
  std::string label;
  // kNoSlot if the label was not asked for as a number.
  std::uint32_t slot = kNoSlot;
  // The series that it has a cell in.
  absl::btree_map<SeriesId, FamilyId> cells;
  std::vector<WriterBlock> blocks;
  // Cells of the last block that were given out.
  std::uint32_t used = 0;
};

// Not thread safe: the books' lock guards it.
class WriterTable {
 public:
  WriterTable() = default;
  WriterTable(const WriterTable&) = delete;
  WriterTable& operator=(const WriterTable&) = delete;

  // REQUIRES: neither its number, nor its label within the session, nor its slot is there.
  Writer& Add(Writer row);
  // Its blocks go with it. REQUIRES: it is there and has no cell.
  void Remove(WriterId id);
  // REQUIRES: no block is there.
  void AddBlock(Writer& writer, const WriterBlock& block);

  // Null if there is none.
  [[nodiscard]] Writer* Find(WriterId id);
  [[nodiscard]] const Writer* Find(WriterId id) const;
  [[nodiscard]] const Writer* Find(NamespaceId name_space, SessionId session,
                                   absl::string_view label) const;
  // The session's writer whose label is a number; null if there is none.
  [[nodiscard]] const Writer* FindSlot(NamespaceId name_space, SessionId session) const;
  [[nodiscard]] bool HasSlot(NamespaceId name_space, std::uint32_t slot) const;
  // The least number that no writer of the namespace has.
  [[nodiscard]] std::uint32_t FreeSlot(NamespaceId name_space) const;
  [[nodiscard]] std::vector<WriterId> ListOf(SessionId session) const;
  // Writers of the namespace, whosoever they are, that have this label.
  [[nodiscard]] std::vector<WriterId> ListOf(NamespaceId name_space, absl::string_view label) const;
  [[nodiscard]] std::size_t CountOf(SessionId session) const;

  [[nodiscard]] const std::map<WriterId, Writer>& all() const { return writers_; }
  // The writers' blocks by pointer.
  [[nodiscard]] const absl::btree_map<PercpuPtr, Bytes>& blocks() const { return blocks_; }
  [[nodiscard]] bool IsBlock(PercpuPtr pointer) const { return blocks_.contains(pointer); }

 private:
  // Rows stay where they are.
  std::map<WriterId, Writer> writers_;
  absl::btree_map<SessionId, absl::btree_set<WriterId>> by_session_;
  absl::btree_map<std::pair<NamespaceId, std::string>, absl::btree_set<WriterId>> by_label_;
  absl::btree_set<std::pair<NamespaceId, std::uint32_t>> slots_;
  absl::btree_map<PercpuPtr, Bytes> blocks_;
};

}  // namespace percpud::metrics

#endif  // PERCPUD_SERVER_METRICS_WRITER_TABLE_H_
