// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Updates of series by the program, and what becomes of those that were local.

#include "client/c/series.h"

#include <time.h>

#include <bit>

#include "server/cells/bucket.h"
#include "server/cells/shared_cell.h"
#include "server/rseq/pair.h"

namespace percpud::c {

void AddToBits(std::atomic<std::uint64_t>& bits, double amount) {
  std::uint64_t seen = bits.load(std::memory_order_relaxed);
  while (!bits.compare_exchange_weak(
      seen, std::bit_cast<std::uint64_t>(std::bit_cast<double>(seen) + amount),
      std::memory_order_relaxed)) {
  }
}

double ReadBits(const std::atomic<std::uint64_t>& bits) {
  return std::bit_cast<double>(bits.load(std::memory_order_relaxed));
}

namespace {

using abi::v1::LaneCells;
using abi::v1::LaneFamilyType;
using abi::v1::WriterCell;

void SetBits(std::atomic<std::uint64_t>& bits, double value) {
  bits.store(std::bit_cast<std::uint64_t>(value), std::memory_order_relaxed);
}
double TakeBits(std::atomic<std::uint64_t>& bits) {
  return std::bit_cast<double>(bits.exchange(0, std::memory_order_relaxed));
}

double Now() {
  constexpr double kNanosecond = 1e-9;
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * kNanosecond;
}

const Place* PlaceOf(const percpud_series& series) {
  return series.place.load(std::memory_order_acquire);
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
  if (!place.arena->writable) return;
  WriterCell cell{};
  do {
    cell = {.value = ReadBits(series.own), .timestamp = ReadBits(series.set_at)};
    rseq::StoreWriterCell(place.unit0, cell);
    std::atomic_thread_fence(std::memory_order_seq_cst);
  } while (!IsOwn(series, cell));
}

bool IsShown(const percpud_series& series, const Place& place) {
  return series.set_at.load(std::memory_order_relaxed) == 0 || !place.arena->writable ||
         IsOwn(series, rseq::ReadWriterCell(place.unit0));
}

void AddDouble(percpud_series& series, double amount) {
  const Place* const place = PlaceOf(series);
  if (place == nullptr || !AddAt(*place, amount)) AddToBits(series.local, amount);
  if (series.family->tracks_own) AddToBits(series.own, amount);
}

void AddInteger(percpud_series& series, double amount) {
  constexpr double kTooLarge = 18446744073709551616.0;
  if (amount < kTooLarge) percpud_counter_add(&series, static_cast<std::uint64_t>(amount));
}

void AddPair(percpud_series& series, std::size_t cell, const Rest& amount) {
  const Place* const place = PlaceOf(series);
  const Rest rest = place == nullptr ? amount : AddPairAt(*place, cell, amount);
  if (rest.count != 0) series.pairs[cell].count.fetch_add(rest.count, std::memory_order_relaxed);
  if (rest.sum != 0) AddToBits(series.pairs[cell].sum, rest.sum);
}

void SetGauge(percpud_series& series, double value) {
  SetBits(series.own, value);
  SetBits(series.set_at, Now());
  if (const Place* const place = PlaceOf(series)) StoreOwn(series, *place);
}

void AddToGauge(percpud_series& series, double amount) {
  AddToBits(series.own, amount);
  SetBits(series.set_at, Now());
  if (const Place* const place = PlaceOf(series)) StoreOwn(series, *place);
}

// The cell that all processes share, if this one may write it.
const Place* Shared(const percpud_series& series) {
  const Place* const place = PlaceOf(series);
  return place != nullptr && place->arena->writable ? place : nullptr;
}

void SetShared(percpud_series& series, double value) {
  if (const Place* const place = Shared(series)) {
    cells::SharedCell(place->unit0).Set(value);
    return;
  }
  SetBits(series.own, value);
  SetBits(series.set_at, Now());
}

void AddToShared(percpud_series& series, double amount) {
  if (const Place* const place = Shared(series)) {
    cells::SharedCell(place->unit0).Add(amount);
  } else {
    AddToBits(series.own, amount);
  }
}

void FoldShared(percpud_series& series, const Place& place) {
  if (!place.arena->writable) return;
  const bool was_set = TakeBits(series.set_at) != 0;
  const double value = TakeBits(series.own);
  const cells::SharedCell cell(place.unit0);
  if (was_set) {
    cell.Set(value);
  } else if (value != 0) {
    cell.Add(value);
  }
}

void FoldPairs(percpud_series& series, const Place& place) {
  for (std::size_t cell = 0; cell < series.pairs.size(); ++cell) {
    LocalPair& local = series.pairs[cell];
    const Rest amount{.count = local.count.exchange(0, std::memory_order_relaxed),
                      .sum = TakeBits(local.sum)};
    if (amount.count == 0 && amount.sum == 0) continue;
    const Rest rest = AddPairAt(place, cell, amount);
    if (rest.count != 0) local.count.fetch_add(rest.count, std::memory_order_relaxed);
    if (rest.sum != 0) AddToBits(local.sum, rest.sum);
  }
}

}  // namespace
}  // namespace percpud::c

using percpud::abi::v1::LaneCells;
using percpud::abi::v1::LaneFamilyType;
using percpud::c::Place;

void percpud_series::Fold() {
  const Place* const at = percpud::c::PlaceOf(*this);
  if (at == nullptr || IsFolded()) return;
  switch (family->shape.cells) {
    case LaneCells::kInteger: {
      const std::uint64_t n = local.exchange(0, std::memory_order_relaxed);
      if (!percpud::c::AddAt(*at, n)) local.fetch_add(n, std::memory_order_relaxed);
      break;
    }
    case LaneCells::kDouble: {
      const double amount = percpud::c::TakeBits(local);
      if (!percpud::c::AddAt(*at, amount)) percpud::c::AddToBits(local, amount);
      break;
    }
    case LaneCells::kHistogram:
    case LaneCells::kSummary:
      percpud::c::FoldPairs(*this, *at);
      break;
    case LaneCells::kShared:
      percpud::c::FoldShared(*this, *at);
      break;
    case LaneCells::kWriter:
      percpud::c::StoreOwn(*this, *at);
      break;
  }
}

bool percpud_series::IsFolded() const {
  if (family->shape.cells == LaneCells::kWriter) {
    const Place* const at = percpud::c::PlaceOf(*this);
    return at == nullptr || percpud::c::IsShown(*this, *at);
  }
  if (family->shape.cells == LaneCells::kShared) {
    return own.load(std::memory_order_relaxed) == 0 && set_at.load(std::memory_order_relaxed) == 0;
  }
  for (const percpud::c::LocalPair& pair : pairs) {
    if (pair.count.load(std::memory_order_relaxed) != 0) return false;
    if (pair.sum.load(std::memory_order_relaxed) != 0) return false;
  }
  return local.load(std::memory_order_relaxed) == 0;
}

void percpud_series::BeginAnew() {
  local.store(0, std::memory_order_relaxed);
  own.store(0, std::memory_order_relaxed);
  set_at.store(0, std::memory_order_relaxed);
  for (percpud::c::LocalPair& pair : pairs) {
    pair.count.store(0, std::memory_order_relaxed);
    pair.sum.store(0, std::memory_order_relaxed);
  }
  // The parent's cell is not the child's.
  if (family->shape.cells == LaneCells::kWriter) place.store(nullptr, std::memory_order_release);
}

void percpud_add(percpud_series* series, double amount) {
  if (series == nullptr || amount != amount) return;
  const auto& shape = series->family->shape;
  if (shape.type == LaneFamilyType::kCounter && !(amount >= 0)) return;
  switch (shape.cells) {
    case LaneCells::kInteger:
      percpud::c::AddInteger(*series, amount);
      break;
    case LaneCells::kDouble:
      percpud::c::AddDouble(*series, amount);
      break;
    case LaneCells::kWriter:
      percpud::c::AddToGauge(*series, amount);
      break;
    case LaneCells::kShared:
      percpud::c::AddToShared(*series, amount);
      break;
    case LaneCells::kHistogram:
    case LaneCells::kSummary:
      break;
  }
}

void percpud_set(percpud_series* series, double value) {
  if (series == nullptr) return;
  switch (series->family->shape.cells) {
    case LaneCells::kWriter:
      percpud::c::SetGauge(*series, value);
      break;
    case LaneCells::kShared:
      percpud::c::SetShared(*series, value);
      break;
    case LaneCells::kDouble:
      if (series->family->tracks_own && value == value) {
        percpud::c::AddDouble(*series, value - percpud::c::ReadBits(series->own));
      }
      break;
    case LaneCells::kInteger:
    case LaneCells::kHistogram:
    case LaneCells::kSummary:
      break;
  }
}

double percpud_get(const percpud_series* series) {
  if (series == nullptr) return 0;
  const Place* const place = percpud::c::PlaceOf(*series);
  if (series->family->shape.cells == LaneCells::kShared && place != nullptr) {
    return percpud::cells::SharedCell(place->unit0).Get();
  }
  return percpud::c::ReadBits(series->own);
}

void percpud_observe(percpud_series* series, double value) {
  if (series == nullptr || value != value || !series->family->has_pairs()) return;
  const auto& shape = series->family->shape;
  const std::size_t cell =
      shape.cells == LaneCells::kHistogram
          ? percpud::cells::CellOfBucket(percpud::cells::BucketOf(shape.bounds, value))
          : 0;
  percpud::c::AddPair(*series, cell, {.count = 1, .sum = value});
}

void percpud_add_to_sum(percpud_series* series, double amount) {
  if (series == nullptr || amount != amount || !series->family->has_pairs()) return;
  percpud::c::AddPair(*series, 0, {.count = 0, .sum = amount});
}

percpud_counter* percpud_series_counter(percpud_series* series) {
  if (series == nullptr || series->family->shape.cells != LaneCells::kInteger) return nullptr;
  return series;
}

percpud_reading percpud_read_series(const percpud_series* series) {
  if (series == nullptr) return {};
  const Place* const place = percpud::c::PlaceOf(*series);
  percpud_reading out{};
  switch (series->family->shape.cells) {
    case LaneCells::kInteger:
      out.count = percpud_counter_sum(series);
      out.sum = static_cast<double>(out.count);
      break;
    case LaneCells::kDouble:
      if (place != nullptr) out.sum = percpud::c::SumAt<double>(*place);
      out.sum += percpud::c::ReadBits(series->local);
      break;
    case LaneCells::kWriter:
    case LaneCells::kShared:
      out.sum = percpud_get(series);
      break;
    case LaneCells::kHistogram:
    case LaneCells::kSummary:
      for (std::size_t cell = 0; cell < series->pairs.size(); ++cell) {
        out.count += series->pairs[cell].count.load(std::memory_order_relaxed);
        out.sum += percpud::c::ReadBits(series->pairs[cell].sum);
        if (place == nullptr) continue;
        const auto shared = percpud::c::SumAt<percpud::cells::CountSum>(*place, cell);
        out.count += shared.count;
        out.sum += shared.sum;
      }
      break;
  }
  return out;
}
