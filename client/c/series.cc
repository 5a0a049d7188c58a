// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Updates of series by the program, and what becomes of those that were local.

#include "client/c/series.h"

#include <bit>

#include "client/c/gauge.h"
#include "server/cells/bucket.h"
#include "server/rseq/pair.h"

namespace percpud::c {

void AddToBits(std::atomic<std::uint64_t>& bits, double amount) {
  std::uint64_t seen = bits.load(std::memory_order_relaxed);
  while (!bits.compare_exchange_weak(
      seen, std::bit_cast<std::uint64_t>(std::bit_cast<double>(seen) + amount),
      std::memory_order_relaxed)) {
  }
}

void SetBits(std::atomic<std::uint64_t>& bits, double value) {
  bits.store(std::bit_cast<std::uint64_t>(value), std::memory_order_relaxed);
}

double ReadBits(const std::atomic<std::uint64_t>& bits) {
  return std::bit_cast<double>(bits.load(std::memory_order_relaxed));
}

double TakeBits(std::atomic<std::uint64_t>& bits) {
  return std::bit_cast<double>(bits.exchange(0, std::memory_order_relaxed));
}

namespace {

using abi::v1::LaneCells;
using abi::v1::LaneFamilyType;

const Place* PlaceOf(const percpud_series& series) {
  return series.place.load(std::memory_order_acquire);
}

bool IsGauge(const percpud_series& series) {
  const LaneCells cells = series.family->shape.cells;
  return cells == LaneCells::kWriter || cells == LaneCells::kShared;
}

// The series that a handle of percpud_inline.h is the beginning of. Null for null.
template <typename Begin>
percpud_series* SeriesOf(Begin* begin) {
  return static_cast<percpud_series*>(begin == nullptr ? nullptr : &begin->cells);
}

bool IsFinite(double value) { return value - value == 0; }

void AddDouble(percpud_series& series, double amount) {
  const Place* const place = PlaceOf(series);
  if (place == nullptr || !AddAt(*place, amount)) AddToBits(series.local, amount);
  if (series.family->tracks_own) AddToBits(series.own, amount);
}

// Adds the whole part, modulo 2^64.
void AddInteger(percpud_series& series, double amount) {
  constexpr double kTooLarge = 18446744073709551616.0;
  if (!(amount < kTooLarge && amount > -kTooLarge)) return;
  const auto whole = static_cast<std::uint64_t>(amount < 0 ? -amount : amount);
  percpud_counter_add(&series, amount < 0 ? 0 - whole : whole);
  if (!series.family->tracks_own) return;
  const auto added = static_cast<double>(whole);
  AddToBits(series.own, amount < 0 ? -added : added);
}

// Adds to a counter or gauge. Cells of other types take no single number.
void AddToOne(percpud_series& series, double amount) {
  switch (series.family->shape.cells) {
    case LaneCells::kInteger:
      return AddInteger(series, amount);
    case LaneCells::kDouble:
      return AddDouble(series, amount);
    case LaneCells::kWriter:
    case LaneCells::kShared:
      return AddToGauge(series, amount);
    case LaneCells::kHistogram:
    case LaneCells::kSummary:
      break;
  }
}

void AddPair(percpud_series& series, std::size_t cell, const Rest& amount) {
  const Place* const place = PlaceOf(series);
  const Rest rest = place == nullptr ? amount : AddPairAt(*place, cell, amount);
  if (rest.count != 0) series.pairs[cell].count.fetch_add(rest.count, std::memory_order_relaxed);
  if (rest.sum != 0) AddToBits(series.pairs[cell].sum, rest.sum);
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
    case LaneCells::kWriter:
      percpud::c::FoldGauge(*this, *at);
      break;
  }
}

bool percpud_series::IsFolded() const {
  if (percpud::c::IsGauge(*this)) return percpud::c::IsGaugeFolded(*this);
  for (const percpud::c::LocalPair& pair : pairs) {
    if (pair.count.load(std::memory_order_relaxed) != 0) return false;
    if (pair.sum.load(std::memory_order_relaxed) != 0) return false;
  }
  return local.load(std::memory_order_relaxed) == 0;
}

void percpud_series::Zero() {
  local.store(0, std::memory_order_relaxed);
  own.store(0, std::memory_order_relaxed);
  set_at.store(0, std::memory_order_relaxed);
  for (percpud::c::LocalPair& pair : pairs) {
    pair.count.store(0, std::memory_order_relaxed);
    pair.sum.store(0, std::memory_order_relaxed);
  }
}

void percpud_series::BeginAnew() {
  Zero();
  LeaveCell();
}

void percpud_series::LeaveCell() {
  if (family->shape.cells != LaneCells::kWriter) return;
  place.store(nullptr, std::memory_order_release);
  if (set_at.load(std::memory_order_relaxed) != 0) local.store(1, std::memory_order_release);
}

void percpud_add(percpud_series* series, double amount) {
  if (series == nullptr || amount != amount) return;
  const bool counts = series->family->shape.type == LaneFamilyType::kCounter;
  if (!counts || amount >= 0) percpud::c::AddToOne(*series, amount);
}

void percpud_adjust(percpud_series* series, double amount) {
  if (series != nullptr && percpud::c::IsFinite(amount)) percpud::c::AddToOne(*series, amount);
}

void percpud_set(percpud_series* series, double value) { percpud_set_at(series, value, 0); }

void percpud_set_at(percpud_series* series, double value, double timestamp) {
  if (series == nullptr) return;
  if (percpud::c::IsGauge(*series)) {
    percpud::c::SetGauge(*series, value, timestamp);
  } else if (series->family->tracks_own) {
    percpud_adjust(series, value - percpud::c::ReadBits(series->own));
  }
}

double percpud_get(const percpud_series* series) {
  if (series == nullptr) return 0;
  return percpud::c::IsGauge(*series) ? percpud::c::ReadGauge(*series)
                                      : percpud::c::ReadBits(series->own);
}

uint32_t percpud_bucket_of(const percpud_family* family, double value) {
  if (family == nullptr || family->shape.cells != LaneCells::kHistogram) return 0;
  return static_cast<uint32_t>(percpud::cells::BucketOf(family->shape.bounds, value));
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

void percpud_adjust_cell(percpud_series* series, uint32_t bucket, int64_t count, double sum) {
  if (series == nullptr || sum != sum || !series->family->has_pairs()) return;
  const bool histogram = series->family->shape.cells == LaneCells::kHistogram;
  const std::size_t cell = histogram ? percpud::cells::CellOfBucket(bucket) : bucket;
  if (cell >= series->pairs.size()) return;
  percpud::c::AddPair(*series, cell, {.count = static_cast<std::uint64_t>(count), .sum = sum});
}

void percpud_add_to_sum(percpud_series* series, double amount) {
  if (series == nullptr || amount != amount || !series->family->has_pairs()) return;
  percpud::c::AddPair(*series, 0, {.count = 0, .sum = amount});
}

percpud_counter* percpud_series_counter(percpud_series* series) {
  if (series == nullptr || series->family->shape.cells != LaneCells::kInteger) return nullptr;
  return series;
}

percpud_number* percpud_series_number(percpud_series* series) {
  if (series == nullptr || series->family->shape.cells != LaneCells::kDouble ||
      series->family->tracks_own) {
    return nullptr;
  }
  return reinterpret_cast<percpud_number*>(static_cast<percpud_counter*>(series));
}

percpud_histogram* percpud_series_histogram(percpud_series* series) {
  if (series == nullptr || !series->family->has_pairs()) return nullptr;
  return reinterpret_cast<percpud_histogram*>(static_cast<percpud_counter*>(series));
}

void percpud_number_add(percpud_number* number, double amount) {
  percpud_add(percpud::c::SeriesOf(number), amount);
}

void percpud_histogram_observe(percpud_histogram* histogram, double value) {
  percpud_observe(percpud::c::SeriesOf(histogram), value);
}

// Inlined updates end here. `percpud_inline.h` declares them where there are any.
extern "C" PERCPUD_EXPORT void percpud_number_add_call(percpud_number* number, double amount) {
  percpud_number_add(number, amount);
}

extern "C" PERCPUD_EXPORT void percpud_histogram_observe_call(percpud_histogram* histogram,
                                                              double value) {
  percpud_histogram_observe(histogram, value);
}

int percpud_series_is_shared(const percpud_series* series) {
  return series != nullptr && percpud::c::PlaceOf(*series) != nullptr ? 1 : 0;
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
