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
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/strings/string_view.h"
#include "server/base/identity.h"
#include "server/base/units.h"
#include "server/metrics/series_writers.h"

namespace percpud::metrics {

// A writer that did not ask for a number.
inline constexpr std::uint32_t kNoSlot = std::numeric_limits<std::uint32_t>::max();

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

  // REQUIRES: neither its number, nor its label within session and namespace, nor its slot is
  // there, and a session has one slot in a namespace.
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
  // The least number that no writer of the namespace has, and that is not a label of one of
  // the session's.
  [[nodiscard]] std::uint32_t FreeSlot(NamespaceId name_space, SessionId session) const;
  [[nodiscard]] std::vector<WriterId> ListOf(SessionId session) const;
  [[nodiscard]] std::size_t CountOf(SessionId session) const;

  [[nodiscard]] const std::map<WriterId, Writer>& all() const { return writers_; }
  // The writers' blocks by pointer.
  [[nodiscard]] const absl::btree_map<PercpuPtr, Bytes>& blocks() const { return blocks_; }
  [[nodiscard]] bool IsBlock(PercpuPtr pointer) const { return blocks_.contains(pointer); }

 private:
  // Rows stay where they are.
  std::map<WriterId, Writer> writers_;
  absl::btree_map<std::tuple<SessionId, NamespaceId, std::string>, WriterId> by_session_;
  absl::btree_map<std::pair<SessionId, NamespaceId>, WriterId> numbered_;
  absl::btree_set<std::pair<NamespaceId, std::uint32_t>> slots_;
  absl::btree_map<PercpuPtr, Bytes> blocks_;
};

}  // namespace percpud::metrics

#endif  // PERCPUD_SERVER_METRICS_WRITER_TABLE_H_
