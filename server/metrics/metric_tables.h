// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Namespaces, families and series as rows.
//
//   namespace "shop" --+-- family "hits" --+-- series GET,/     cells in a block
//                      |                   +-- series PUT,/     cells in the same block
//                      +-- family ...      +-- ...
//
// A block is an area that is cut into the cells of one family's series, so that those of
// a family lie side by side:
//
//   unit 0  [ GET,/ | PUT,/ | free | free ]
//   unit 1  [ GET,/ | PUT,/ | free | free ]
//
// A transaction that changes anything of a namespace holds the namespace's row: nobody
// else changes anything of it meanwhile. It enters what it makes when that is committed,
// so what is found here is settled.

#ifndef PERCPUD_SERVER_METRICS_METRIC_TABLES_H_
#define PERCPUD_SERVER_METRICS_METRIC_TABLES_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "server/base/identity.h"
#include "server/base/row_state.h"
#include "server/base/units.h"
#include "server/cells/layout.h"
#include "server/metrics/change_log.h"
#include "server/metrics/shape.h"
#include "server/metrics/writer_table.h"

namespace percpud::metrics {

using cells::CountSum;

struct Series {
  SeriesId id;
  // Null if writers have the cells.
  PercpuPtr cells;
  // Nanoseconds since 1970: when it was made, reset or hidden last.
  std::uint64_t created_ns = 0;
  // Sessions up to this one may still write to the cells of a hidden or retired one.
  SessionId last_writer = kNoSession;
  // Removed: not shown until it moves off its baseline or is opened again.
  bool hidden = false;
  // Takes what the family has no room for.
  bool overflow = false;
  // Nobody finds it any more; another of the same values may be there.
  bool retired = false;
  // Each label value behind its length.
  std::string values;
  // What readers subtract from each cell; null: nothing.
  std::unique_ptr<std::vector<CountSum>> baseline;
  // Writers of a gauge that is set; null: there is none.
  std::unique_ptr<SeriesWriters> writers;
  // When it was hidden or retired, since this daemon started: watchers are to pass it before
  // its memory is granted again.
  std::uint64_t out_revision = 0;

  [[nodiscard]] bool HasLiveWriters() const;
};

// Finds series by their label values.
struct ByValues {
  using is_transparent = void;
  static absl::string_view Key(absl::string_view values) { return values; }
  static absl::string_view Key(const Series* series) { return series->values; }
  template <typename T>
  std::size_t operator()(const T& key) const {
    return absl::Hash<absl::string_view>()(Key(key));
  }
  template <typename A, typename B>
  bool operator()(const A& a, const B& b) const {
    return Key(a) == Key(b);
  }
};

// An area of one family's cells.
struct Block {
  std::uint32_t used = 0;
  // Slot by slot: whether a series has it.
  std::vector<bool> taken;
};

struct Family {
  FamilyId id;
  NamespaceId name_space;
  // The namespace's, when it was opened first in it: one of an earlier generation gives way
  // to a family of another shape.
  std::uint64_t generation = 0;
  // It has given way: nobody finds it any more.
  bool replaced = false;
  // Sessions up to this one may still write to the cells of a replaced one.
  SessionId last_writer = kNoSession;
  // When it was replaced, since this daemon started.
  std::uint64_t out_revision = 0;
  std::uint64_t created_ns = 0;
  std::uint32_t max_series = 0;
  std::uint32_t ttl_seconds = 0;
  Shape shape;
  absl::btree_map<SeriesId, std::unique_ptr<Series>> series;
  absl::flat_hash_set<const Series*, ByValues, ByValues> by_values;
  std::map<PercpuPtr, Block> blocks;
  // Null before the family was full for the first time.
  const Series* overflow = nullptr;
  // Openings that wanted another shape, and series that found the family full.
  std::uint64_t refused = 0;
  std::uint64_t overflowed = 0;

  // Null if there is none.
  [[nodiscard]] Series* Find(absl::string_view values) const;
};

// Above all sessions' numbers.
inline constexpr SessionId kNoWriter{~std::uint64_t{0}};

struct Namespace {
  NamespaceId id;
  std::string name;
  // Who made it, and so may write to it: a user, or a host that came by TCP.
  UserId owner = kNobody;
  std::string host;
  // Members of this group may write to it too.
  std::optional<UserGroupId> group;
  std::uint64_t generation = 1;
  std::uint64_t created_ns = 0;
  // Entered while it is being made; changing while a transaction holds it.
  RowState state = RowState::kSettled;
  // Families that were not replaced by number, by name, and by every name that they show.
  absl::btree_map<FamilyId, const Family*> families;
  absl::flat_hash_map<std::string, Family*> by_name;
  absl::flat_hash_map<std::string, Family*> shown;
  // Families that were replaced.
  absl::btree_set<FamilyId> replaced;
  // Sessions that may have any series of it open.
  absl::btree_set<SessionId> joined;
  // All of them, hidden ones too.
  std::uint64_t series = 0;
  // Hidden and retired ones, which are looked through for those that nobody can write to any
  // more.
  std::uint64_t hidden = 0;
  // While it is among the joined, none of them can go: nobody needs to look.
  SessionId least_writer = kNoWriter;
  // What the catalog needs for all that is in it, and how much of that its owner is charged.
  Bytes record_bytes;
  Bytes charged;
};

// What the catalog needs to remember a namespace, a family, or a series and its baseline. Its
// live writers are not counted: their sessions pay for them.
Bytes RecordBytesOf(const Namespace& name_space);
Bytes RecordBytesOf(const Family& family);
Bytes RecordBytesOf(const Shape& shape, const Series& series);

// Not thread safe: the books' lock guards it.
class MetricTables {
 public:
  MetricTables() = default;
  MetricTables(const MetricTables&) = delete;
  MetricTables& operator=(const MetricTables&) = delete;

  // --- Numbers --------------------------------------------------------------------
  // A number that nothing had before.
  std::uint64_t NextId() { return ++last_id_; }
  void SkipTo(std::uint64_t last_id, std::uint64_t revision);
  [[nodiscard]] std::uint64_t last_id() const { return last_id_; }
  // What changed, and how often: its revision goes up with every change of what there is.
  [[nodiscard]] ChangeLog& log() { return log_; }
  [[nodiscard]] const ChangeLog& log() const { return log_; }

  // --- Namespaces -----------------------------------------------------------------
  // REQUIRES: neither name nor number is there.
  Namespace& Add(Namespace row);
  // One that was entered and not committed. REQUIRES: it is there, and nothing is in it.
  void Withdraw(NamespaceId id);
  // Null if there is none that is committed.
  [[nodiscard]] Namespace* Find(absl::string_view name);
  [[nodiscard]] const Namespace* Find(absl::string_view name) const;
  // Whatever its state; null if there is none.
  [[nodiscard]] Namespace* Find(NamespaceId id);
  [[nodiscard]] const Namespace* Find(NamespaceId id) const;
  // Whether no transaction holds what has this name.
  [[nodiscard]] bool IsSettled(absl::string_view name) const;
  [[nodiscard]] const std::map<NamespaceId, Namespace>& namespaces() const { return namespaces_; }
  [[nodiscard]] std::size_t CountOf(UserId owner, absl::string_view host) const;
  // The session may have any series of the namespace open from now on.
  void Join(Namespace& name_space, SessionId session);
  // What it has joined, in that order.
  [[nodiscard]] std::span<const NamespaceId> JoinedBy(SessionId session) const;
  // The session leaves all that it has joined; returns what those were.
  std::vector<NamespaceId> LeaveAll(SessionId session);

  // --- Families and series --------------------------------------------------------
  // Adds an empty one to its namespace, which finds it unless it was replaced.
  // REQUIRES: the namespace is there, the number is not.
  Family& Add(Family row);
  [[nodiscard]] Family* Find(FamilyId id);
  [[nodiscard]] const Family* Find(FamilyId id) const;
  // By number, which rises.
  [[nodiscard]] const std::map<FamilyId, Family>& families() const { return families_; }
  // REQUIRES: the family has no series of these values that is not retired.
  Series& Add(Family& family, Series row);
  // The series' writers, made if there are none.
  SeriesWriters& WritersOf(const Family& family, Series& series);
  // Its slot becomes free. REQUIRES: it is one of the family's.
  void Remove(Family& family, SeriesId id);
  // Hides the series, whose last writer was noted before, or shows it again.
  void SetHidden(Family& family, Series& series, bool hidden);
  // Has nobody find the series, or the family, from now on. Its last writer was noted before.
  void Retire(Family& family, Series& series);
  void Replace(Family& family);
  // Forgets a replaced family. REQUIRES: it has neither series nor blocks.
  void RemoveFamily(FamilyId id);
  // Counts an opening that wanted another shape, or a series that found the family full.
  void CountRefused(Family& family);
  void CountOverflowed(Family& family);
  // Families that have a time to live and were not replaced, and how often those changed.
  [[nodiscard]] const absl::btree_set<FamilyId>& expiring() const { return expiring_; }
  [[nodiscard]] std::uint64_t expiring_changes() const { return expiring_changes_; }
  // Families that have counted since the catalog was told.
  [[nodiscard]] const absl::btree_set<FamilyId>& untold() const { return untold_; }
  void NoteTold(FamilyId id) { untold_.erase(id); }

  // --- Blocks ---------------------------------------------------------------------
  // Adds a block of `slots`, all free. REQUIRES: no other block is there.
  void AddBlock(Family& family, PercpuPtr pointer, std::uint32_t slots);
  // REQUIRES: no series has a slot of it.
  void RemoveBlock(Family& family, PercpuPtr pointer);
  [[nodiscard]] bool IsBlock(PercpuPtr pointer) const { return blocks_.contains(pointer); }
  // The families' blocks by pointer.
  [[nodiscard]] const absl::btree_map<PercpuPtr, FamilyId>& blocks() const { return blocks_; }
  // Takes the slot of `cells`, false if no free slot is there. REQUIRES: the family's
  // cells are in an area.
  static bool TakeSlot(Family& family, PercpuPtr cells);

 private:
  // Series whose last writer is `last_writer` are to be looked through.
  void NoteOut(NamespaceId name_space, SessionId last_writer);
  static void FreeSlot(Family& family, PercpuPtr cells);

  std::uint64_t last_id_ = 0;
  ChangeLog log_;
  // Rows stay where they are.
  std::map<NamespaceId, Namespace> namespaces_;
  absl::flat_hash_map<std::string, Namespace*> by_name_;
  absl::flat_hash_map<SessionId, std::vector<NamespaceId>> joined_;
  std::map<FamilyId, Family> families_;
  absl::btree_set<FamilyId> expiring_;
  std::uint64_t expiring_changes_ = 0;
  absl::btree_set<FamilyId> untold_;
  absl::btree_map<PercpuPtr, FamilyId> blocks_;
};

// The block that `cells` are in. REQUIRES: they are a slot of the family's.
PercpuPtr BlockOf(const Family& family, PercpuPtr cells);
// The first `count` free slots of the family's blocks, fewer if there are not as many.
std::vector<PercpuPtr> FreeSlots(const Family& family, std::size_t count);
// Slots of the blocks to be added for `count` more series.
std::vector<std::uint32_t> PlanBlocks(const Family& family, std::size_t count);
// What a block of `slots` takes of each unit.
Bytes BlockBytes(const Shape& shape, std::uint32_t slots);

}  // namespace percpud::metrics

#endif  // PERCPUD_SERVER_METRICS_METRIC_TABLES_H_
