// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Families and series are made of what a program says, in one block of memory each.

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "client/c/series.h"
#include "server/cells/bucket.h"
#include "server/cells/layout.h"

namespace {

using percpud::abi::v1::LaneCells;
using percpud::abi::v1::LaneFamilyShape;
using percpud::abi::v1::LaneFamilyType;
using percpud::abi::v1::LaneFold;
using percpud::c::LocalPair;

std::string_view TextOrNone(const char* text) {
  return text == nullptr ? std::string_view() : std::string_view(text);
}

// The options as far as the program knows of them: the rest is zero.
percpud_family_options Known(const percpud_family_options& options) {
  percpud_family_options out{};
  std::memcpy(&out, &options, std::min(options.size, sizeof(out)));
  return out;
}

bool TakeGauge(const percpud_family_options& options, LaneFamilyShape& shape) {
  if (options.fold < PERCPUD_FOLD_ALL || options.fold > PERCPUD_FOLD_SHARED) return false;
  const bool shared = options.fold == PERCPUD_FOLD_SHARED;
  shape.cells = shared ? LaneCells::kShared : LaneCells::kWriter;
  shape.fold = shared ? LaneFold::kNone : static_cast<LaneFold>(options.fold);
  shape.live_only = !shared && (options.flags & PERCPUD_LIVE_ONLY) != 0;
  return true;
}

// What can be said without memory. False if the options contradict themselves.
bool TakeKind(const percpud_family_options& options, LaneFamilyShape& shape) {
  shape.type = static_cast<LaneFamilyType>(options.type);
  shape.fold = LaneFold::kNone;
  switch (options.type) {
    case PERCPUD_COUNTER:
      shape.cells =
          (options.flags & PERCPUD_INTEGER) != 0 ? LaneCells::kInteger : LaneCells::kDouble;
      return true;
    case PERCPUD_GAUGE:
      return TakeGauge(options, shape);
    case PERCPUD_HISTOGRAM:
      shape.cells = LaneCells::kHistogram;
      return options.bound_count < percpud::cells::kMostBuckets &&
             (options.bound_count == 0 || options.bounds != nullptr) &&
             percpud::cells::AreBounds({options.bounds, options.bound_count});
    case PERCPUD_SUMMARY:
      shape.cells = LaneCells::kSummary;
      return true;
  }
  return false;
}

// Copies texts behind each other.
class Copier {
 public:
  explicit Copier(char* to) : to_(to) {}
  std::string_view Copy(std::string_view text) {
    if (!text.empty()) std::memcpy(to_, text.data(), text.size());
    const std::string_view out(to_, text.size());
    to_ += text.size();
    return out;
  }

 private:
  char* to_;
};

// How many bytes the texts have together. False if one is missing.
bool CountTexts(const char* const* texts, std::size_t count, std::size_t& bytes) {
  if (count > 0 && texts == nullptr) return false;
  for (std::size_t i = 0; i < count; ++i) {
    if (texts[i] == nullptr) return false;
    bytes += std::strlen(texts[i]);
  }
  return true;
}

}  // namespace

std::size_t percpud_family::cells() const {
  return shape.cells == LaneCells::kHistogram ? percpud::cells::HistogramCells(shape.bounds.size())
                                              : 1;
}

bool percpud_family::has_pairs() const {
  return shape.cells == LaneCells::kHistogram || shape.cells == LaneCells::kSummary;
}

bool percpud_family::is_inlined(const percpud::c::Arena& arena) const {
  if (has_pairs()) return arena.pair_commit == percpud::abi::v1::PairCommit::kOneStore;
  return shape.cells == LaneCells::kInteger || (shape.cells == LaneCells::kDouble && !tracks_own);
}

percpud::c::Extent percpud_family::extent() const {
  constexpr std::size_t kPair = sizeof(percpud::cells::CountSum);
  const bool once = shape.cells == LaneCells::kWriter || shape.cells == LaneCells::kShared;
  if (has_pairs() || shape.cells == LaneCells::kWriter) {
    return {.bytes = cells() * kPair, .alignment = kPair, .in_every_unit = !once};
  }
  return {.in_every_unit = !once};
}

namespace percpud::c {

percpud_family* MakeFamily(const percpud_family_options& given) {
  const percpud_family_options options = Known(given);
  LaneFamilyShape shape{.most_series = options.most_series, .ttl_seconds = options.ttl_seconds};
  std::size_t text = 0;
  if (options.name == nullptr || !TakeKind(options, shape) || options.label_count > UINT16_MAX ||
      !CountTexts(options.label_names, options.label_count, text)) {
    return nullptr;
  }
  const std::string_view name = options.name;
  const std::string_view help = TextOrNone(options.help);
  const std::string_view unit = TextOrNone(options.unit);
  const std::size_t bounds = options.type == PERCPUD_HISTOGRAM ? options.bound_count : 0;
  const std::size_t labels_at = sizeof(percpud_family) + bounds * sizeof(double);
  const std::size_t text_at = labels_at + options.label_count * sizeof(std::string_view);
  text += name.size() + help.size() + unit.size();
  auto* const memory = static_cast<char*>(std::malloc(text_at + text));
  if (memory == nullptr) return nullptr;
  auto* const family = new (memory) percpud_family;
  auto* const copied_bounds = reinterpret_cast<double*>(memory + sizeof(percpud_family));
  std::copy(options.bounds, options.bounds + bounds, copied_bounds);
  auto* const labels = reinterpret_cast<std::string_view*>(memory + labels_at);
  Copier copier(memory + text_at);
  shape.name = copier.Copy(name);
  shape.help = copier.Copy(help);
  shape.unit = copier.Copy(unit);
  for (std::size_t i = 0; i < options.label_count; ++i) {
    new (labels + i) std::string_view(copier.Copy(options.label_names[i]));
  }
  shape.labels = {labels, options.label_count};
  shape.bounds = {copied_bounds, bounds};
  family->shape = shape;
  family->tracks_own = options.type == PERCPUD_COUNTER && (options.flags & PERCPUD_OWN_SHARE) != 0;
  return family;
}

percpud_series* MakeSeries(percpud_family& family, const char* const* values) {
  const std::size_t labels = family.shape.labels.size();
  std::size_t text = 0;
  if (!CountTexts(values, labels, text)) return nullptr;
  const std::size_t pairs = family.has_pairs() ? family.cells() : 0;
  const std::size_t values_at = sizeof(percpud_series) + pairs * sizeof(LocalPair);
  const std::size_t text_at = values_at + labels * sizeof(std::string_view);
  auto* const memory = static_cast<char*>(std::malloc(text_at + text));
  if (memory == nullptr) return nullptr;
  auto* const series = new (memory) percpud_series;
  auto* const local = reinterpret_cast<LocalPair*>(memory + sizeof(percpud_series));
  for (std::size_t i = 0; i < pairs; ++i) new (local + i) LocalPair;
  auto* const copied = reinterpret_cast<std::string_view*>(memory + values_at);
  Copier copier(memory + text_at);
  for (std::size_t i = 0; i < labels; ++i) {
    new (copied + i) std::string_view(copier.Copy(values[i]));
  }
  series->family = &family;
  series->values = {copied, labels};
  series->pairs = {local, pairs};
  if (!family.shape.bounds.empty()) series->bounds = family.shape.bounds.data();
  series->bound_count = family.shape.bounds.size();
  series->first = family.shape.cells == LaneCells::kHistogram ? sizeof(cells::CountSum) : 0;
  return series;
}

}  // namespace percpud::c
