// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The lane's requests that are about metrics (lane.h has the rest): what their bodies
// hold. A body is its kind's struct, and behind it what the struct counts, in the order
// that is said there:
//
//   text     as many bytes as a field says: names, help. UTF-8, without a zero at its end
//   texts    label names or label values: per text u16 length, then that many bytes
//   pad      zeros up to the next multiple of 8 within the body
//
// A namespace of zero bytes is the namespace `default`.
//
// Where a series' number is, by its cells. `pointer` is an offset in the arena:
//
//   cells        at `pointer`                          read as                 updated by
//   kInteger     u64 in every CPU's unit               sum                     Add<u64>
//   kDouble      f64 in every CPU's unit               sum                     Add<double>
//   kHistogram   {count, sum} [1 + buckets] in every   cell 0: a sum alone;    AddPair on cell
//                CPU's unit                            cell i: bucket i - 1    1 + bucket
//   kSummary     {count, sum} in every CPU's unit      sum                     AddPair
//   kWriter      {value, timestamp}, one in all,       fold of all writers'    plain stores by
//                this writer's own                     cells (fold.h)          the writer alone
//   kShared      f64, one in all: unit 0's             itself                  compare-exchange
//
// CPU c's copy is at pointer + cpu_offsets[c] (layout_page.h), as that of any area. Cells
// of 16 bytes lie at multiples of 16, others at multiples of 8. The last bucket of a
// histogram has no bound: a family of n bounds has n + 1 buckets and n + 2 cells. A
// reader subtracts the baseline that ReadSeries says, cell by cell.
//
// ListFamilies and ReadSeries are in lane_metrics_pages.h, WatchSeries in
// lane_metrics_watch.h.
//
// A cell is good for as long as the session lives that opened it, whatever becomes of
// its series; what is added to a series that was removed shows it again.

#ifndef PERCPUD_PROTO_ABI_V1_LANE_METRICS_H_
#define PERCPUD_PROTO_ABI_V1_LANE_METRICS_H_

#include <cstddef>
#include <cstdint>

#include "proto/percpud/abi/v1/lane.h"

namespace percpud::abi::v1 {

// Series in one OpenSeries: the answer to as many fits into a message.
inline constexpr std::uint32_t kLaneMostSeries = 1024;
// Refusals that an answer to OpenSeries has words for.
inline constexpr std::uint32_t kLaneMostErrors = 16;

// The numbers are those of percpud.v1.FamilyType.
enum class LaneFamilyType : std::uint8_t { kCounter = 1, kGauge = 2, kHistogram = 3, kSummary = 4 };

// The numbers are those of percpud.v1.CellKind.
enum class LaneCells : std::uint8_t {
  kInteger = 1,
  kDouble = 2,
  kHistogram = 3,
  kSummary = 4,
  kWriter = 5,
  kShared = 6,
};

// What many writers' cells come to. The numbers are those of percpud.v1.GaugeFold.
enum class LaneFold : std::uint8_t {
  // Cells of every other kind.
  kNone = 0,
  kAll = 1,
  kMin = 2,
  kMax = 3,
  kSum = 4,
  kMostRecent = 5,
};

// A family: text name, text help, text unit, texts label names[labels], pad, then f64
// bounds[bounds].
struct LaneFamily {
  // In OpenSeries: how many of its series follow. In ListFamilies: how many there are.
  std::uint32_t series;
  // More go to the overflow series; 0: the daemon's default. Said by the first to open it.
  std::uint32_t most_series;
  // A series that nobody moves for as long is removed; 0: never.
  std::uint32_t ttl_seconds;
  std::uint16_t name_bytes;
  std::uint16_t help_bytes;
  std::uint16_t unit_bytes;
  std::uint16_t labels;
  // Finite upper bounds of a histogram's buckets, rising; of other types 0.
  std::uint16_t bounds;
  // LaneFamilyType, LaneCells, LaneFold.
  std::uint8_t type;
  std::uint8_t cells;
  std::uint8_t fold;
  // 1: dead writers do not count. Of kWriter only.
  std::uint8_t live_only;
  std::uint16_t reserved;
  std::uint32_t reserved_too;
};
static_assert(offsetof(LaneFamily, series) == 0);
static_assert(offsetof(LaneFamily, most_series) == 4);
static_assert(offsetof(LaneFamily, ttl_seconds) == 8);
static_assert(offsetof(LaneFamily, name_bytes) == 12);
static_assert(offsetof(LaneFamily, help_bytes) == 14);
static_assert(offsetof(LaneFamily, unit_bytes) == 16);
static_assert(offsetof(LaneFamily, labels) == 18);
static_assert(offsetof(LaneFamily, bounds) == 20);
static_assert(offsetof(LaneFamily, type) == 22);
static_assert(offsetof(LaneFamily, cells) == 23);
static_assert(offsetof(LaneFamily, fold) == 24);
static_assert(offsetof(LaneFamily, live_only) == 25);
static_assert(offsetof(LaneFamily, reserved) == 26);
static_assert(offsetof(LaneFamily, reserved_too) == 28);
static_assert(sizeof(LaneFamily) == 32);

// --- OpenSeries. Finds series, or makes them and their families and their namespace.
// --- Text namespace, text writer's label, pad; then families: each a LaneFamily with
// --- what belongs to it, and behind it its series: texts label values[labels], pad.
struct LaneOpenSeries {
  std::uint32_t families;
  std::uint16_t namespace_bytes;
  // The label of the writer that opens cells of kWriter; none: the process's id.
  std::uint16_t writer_bytes;
  // 1: the label is a number, the least that no live writer of the namespace has.
  std::uint8_t slot;
  // 1: members of `group` may write to the namespace too, as its owner. Counts where the
  // namespace is made; 0: `group` is 0.
  std::uint8_t has_group;
  std::uint16_t reserved;
  std::uint32_t group;
};
static_assert(offsetof(LaneOpenSeries, families) == 0);
static_assert(offsetof(LaneOpenSeries, namespace_bytes) == 4);
static_assert(offsetof(LaneOpenSeries, writer_bytes) == 6);
static_assert(offsetof(LaneOpenSeries, slot) == 8);
static_assert(offsetof(LaneOpenSeries, has_group) == 9);
static_assert(offsetof(LaneOpenSeries, reserved) == 10);
static_assert(offsetof(LaneOpenSeries, group) == 12);
static_assert(sizeof(LaneOpenSeries) == 16);

inline constexpr std::uint32_t kLaneNoSlot = 0xffff'ffff;

// The answer, also if some series were refused: LaneOpenedSeries[series], one for each
// of the request's and in its order; then `errors` times a LaneError with its texts, and pad.
struct LaneOpened {
  // Goes up when the namespace is reset.
  std::uint64_t generation;
  // For CloseWriter; 0 if no cell of kWriter was opened.
  std::uint64_t writer;
  std::uint32_t series;
  // kLaneNoSlot if none was asked for, or no cell of kWriter was opened.
  std::uint32_t slot;
  std::uint16_t errors;
  std::uint16_t reserved;
  std::uint32_t reserved_too;
};
static_assert(offsetof(LaneOpened, generation) == 0);
static_assert(offsetof(LaneOpened, writer) == 8);
static_assert(offsetof(LaneOpened, series) == 16);
static_assert(offsetof(LaneOpened, slot) == 20);
static_assert(offsetof(LaneOpened, errors) == 24);
static_assert(offsetof(LaneOpened, reserved) == 26);
static_assert(offsetof(LaneOpened, reserved_too) == 28);
static_assert(sizeof(LaneOpened) == 32);

// For `error`: the refusal has a code alone.
inline constexpr std::uint16_t kLaneNoError = 0xffff;
// For `flags`. This request made the series.
inline constexpr std::uint8_t kLaneSeriesMade = 1U << 0;
// The family is full: these are the cells of its overflow series.
inline constexpr std::uint8_t kLaneSeriesOverflow = 1U << 1;
// Removed, and not shown until its sum moves off its baseline. In ReadSeries only.
inline constexpr std::uint8_t kLaneSeriesHidden = 1U << 2;
// The writers follow those of the page before. In ReadSeries only.
inline constexpr std::uint8_t kLaneSeriesContinued = 1U << 3;

struct LaneOpenedSeries {
  // Numbers that are given once. 0, as all the rest, if the series was refused.
  std::uint64_t family;
  std::uint64_t series;
  std::uint64_t pointer;
  // Nanoseconds since 1970: when it was made, reset or removed last.
  std::uint64_t created_ns;
  // google.rpc.Code. 0 is OK.
  std::uint16_t code;
  // Which of the errors; kLaneNoError if it has none.
  std::uint16_t error;
  // How many a histogram has, the last one included; else 0.
  std::uint16_t buckets;
  // LaneCells.
  std::uint8_t cells;
  std::uint8_t flags;
};
static_assert(offsetof(LaneOpenedSeries, family) == 0);
static_assert(offsetof(LaneOpenedSeries, series) == 8);
static_assert(offsetof(LaneOpenedSeries, pointer) == 16);
static_assert(offsetof(LaneOpenedSeries, created_ns) == 24);
static_assert(offsetof(LaneOpenedSeries, code) == 32);
static_assert(offsetof(LaneOpenedSeries, error) == 34);
static_assert(offsetof(LaneOpenedSeries, buckets) == 36);
static_assert(offsetof(LaneOpenedSeries, cells) == 38);
static_assert(offsetof(LaneOpenedSeries, flags) == 39);
static_assert(sizeof(LaneOpenedSeries) == 40);
// The longest answer fits into a message.
static_assert(sizeof(LaneAnswerHeader) + sizeof(LaneOpened) +
                  kLaneMostSeries * sizeof(LaneOpenedSeries) +
                  kLaneMostErrors * (sizeof(LaneError) + kLaneReasonBytes + kLaneTextBytes) <=
              kLaneMessageBytes);

// --- RemoveSeries. Text namespace, text family's name, texts label values[labels].
enum class LaneRemoval : std::uint8_t {
  // The series counts from 0 again, and is shown.
  kReset = 1,
  // It is not shown until it moves, or is opened again: from 0 then.
  kRemove = 2,
};

struct LaneRemoveSeries {
  std::uint16_t namespace_bytes;
  std::uint16_t family_bytes;
  std::uint16_t labels;
  // LaneRemoval.
  std::uint8_t removal;
  // 1: every series of the family; `labels` is 0 then.
  std::uint8_t all;
};
static_assert(offsetof(LaneRemoveSeries, namespace_bytes) == 0);
static_assert(offsetof(LaneRemoveSeries, family_bytes) == 2);
static_assert(offsetof(LaneRemoveSeries, labels) == 4);
static_assert(offsetof(LaneRemoveSeries, removal) == 6);
static_assert(offsetof(LaneRemoveSeries, all) == 7);
static_assert(sizeof(LaneRemoveSeries) == 8);

struct LaneRemoved {
  // How many series.
  std::uint64_t series;
};
static_assert(sizeof(LaneRemoved) == 8);

// --- CloseWriter. One of the session's own: as if its process had died.
struct LaneCloseWriter {
  // LaneOpened.writer.
  std::uint64_t writer;
};
static_assert(sizeof(LaneCloseWriter) == 8);

struct LaneWriterClosed {
  // Cells that were folded.
  std::uint64_t series;
};
static_assert(sizeof(LaneWriterClosed) == 8);

// --- ResetNamespace. A new generation: every series counts from 0, no family has a
// --- shape until it is opened again. Text namespace.
struct LaneResetNamespace {
  // Only if this is the namespace's generation; 0: whatever it is. Of many processes that
  // start, one resets.
  std::uint64_t if_generation;
  std::uint16_t namespace_bytes;
  std::uint16_t reserved;
  std::uint32_t reserved_too;
};
static_assert(offsetof(LaneResetNamespace, if_generation) == 0);
static_assert(offsetof(LaneResetNamespace, namespace_bytes) == 8);
static_assert(offsetof(LaneResetNamespace, reserved) == 10);
static_assert(offsetof(LaneResetNamespace, reserved_too) == 12);
static_assert(sizeof(LaneResetNamespace) == 16);

struct LaneNamespaceReset {
  // The namespace's now, also if it was another one than `if_generation`.
  std::uint64_t generation;
  // Series that were reset; 0 then.
  std::uint64_t series;
};
static_assert(offsetof(LaneNamespaceReset, generation) == 0);
static_assert(offsetof(LaneNamespaceReset, series) == 8);
static_assert(sizeof(LaneNamespaceReset) == 16);

}  // namespace percpud::abi::v1

#endif  // PERCPUD_PROTO_ABI_V1_LANE_METRICS_H_
