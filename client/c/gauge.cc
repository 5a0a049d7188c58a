// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/c/gauge.h"

#include <time.h>

#include <bit>

#include "server/cells/shared_cell.h"
#include "server/rseq/pair.h"

namespace percpud::c {
namespace {

using abi::v1::LaneCells;
using abi::v1::WriterCell;

double Now() {
  constexpr double kNanosecond = 1e-9;
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * kNanosecond;
}

bool IsShared(const percpud_series& series) {
  return series.family->shape.cells == LaneCells::kShared;
}

// Where the gauge's cell is, if this process may write it.
const Place* Writable(const percpud_series& series) {
  const Place* const place = series.place.load(std::memory_order_acquire);
  return place != nullptr && place->arena->writable ? place : nullptr;
}

bool IsOwn(const percpud_series& series, const WriterCell& cell) {
  return std::bit_cast<std::uint64_t>(cell.value) == series.own.load(std::memory_order_relaxed) &&
         std::bit_cast<std::uint64_t>(cell.timestamp) ==
             series.set_at.load(std::memory_order_relaxed);
}

// Stores the gauge's value in its cell. Threads that set it at once all come here; the
// last one to leave has seen that the cell holds what the gauge is. The fence has the
// cell stored before it looks.
void StoreOwn(percpud_series& series, const Place& place) {
  WriterCell cell{};
  do {
    cell = {.value = ReadBits(series.own), .timestamp = ReadBits(series.set_at)};
    rseq::StoreWriterCell(place.unit0, cell);
    std::atomic_thread_fence(std::memory_order_seq_cst);
  } while (!IsOwn(series, cell));
}

// Has the cell show what the gauge was made. A cell that is still to come is stored by the
// next Fold.
void Show(percpud_series& series, double timestamp) {
  SetBits(series.set_at, timestamp > 0 ? timestamp : Now());
  if (const Place* const place = Writable(series)) {
    StoreOwn(series, *place);
  } else {
    series.local.store(1, std::memory_order_release);
  }
}

void FoldShared(percpud_series& series, const Place& place) {
  const bool was_set = TakeBits(series.set_at) != 0;
  const double value = TakeBits(series.own);
  const cells::SharedCell cell(place.unit0);
  if (was_set) {
    cell.Set(value);
  } else if (value != 0) {
    cell.Add(value);
  }
}

}  // namespace

void SetGauge(percpud_series& series, double value, double timestamp) {
  const Place* const place = IsShared(series) ? Writable(series) : nullptr;
  if (place != nullptr) {
    cells::SharedCell(place->unit0).Set(value);
    return;
  }
  SetBits(series.own, value);
  if (IsShared(series)) {
    SetBits(series.set_at, Now());
  } else {
    Show(series, timestamp);
  }
}

void AddToGauge(percpud_series& series, double amount) {
  const Place* const place = IsShared(series) ? Writable(series) : nullptr;
  if (place != nullptr) {
    cells::SharedCell(place->unit0).Add(amount);
    return;
  }
  AddToBits(series.own, amount);
  if (!IsShared(series)) Show(series, 0);
}

double ReadGauge(const percpud_series& series) {
  const Place* const place = series.place.load(std::memory_order_acquire);
  const double own = ReadBits(series.own);
  if (!IsShared(series) || place == nullptr) return own;
  // What is local here is on its way to the cell.
  if (ReadBits(series.set_at) != 0) return own;
  return cells::SharedCell(place->unit0).Get() + own;
}

void FoldGauge(percpud_series& series, const Place& place) {
  if (!place.arena->writable) return;
  if (IsShared(series)) {
    FoldShared(series, place);
  } else if (series.local.exchange(0, std::memory_order_acquire) != 0) {
    StoreOwn(series, place);
  }
}

bool IsGaugeFolded(const percpud_series& series) {
  if (IsShared(series)) {
    return series.own.load(std::memory_order_relaxed) == 0 &&
           series.set_at.load(std::memory_order_relaxed) == 0;
  }
  if (series.local.load(std::memory_order_relaxed) == 0) return true;
  // Where the arena may not be written there is nothing to wait for.
  const Place* const place = series.place.load(std::memory_order_acquire);
  return place != nullptr && !place->arena->writable;
}

}  // namespace percpud::c
