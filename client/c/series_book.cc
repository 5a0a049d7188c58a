// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/c/series_book.h"

#include <algorithm>
#include <cassert>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "client/c/advice.h"
#include "client/c/client.h"

namespace percpud::c {
namespace {

using abi::v1::LaneAnswer;
using abi::v1::LaneCells;
using abi::v1::LaneFamilyShape;
using abi::v1::LaneOpenedSeries;
using abi::v1::LaneOpenedView;

constexpr std::int64_t kRetryNs = 1'000'000'000;
// Series that are asked for again at a time: where there is no room, many clients ask.
constexpr int kMostRetried = 128;
// google.rpc.Code.
constexpr std::uint16_t kResourceExhausted = 8;
constexpr std::uint16_t kInvalidArgument = 3;
constexpr std::uint16_t kUnimplemented = 12;
constexpr std::uint16_t kUnavailable = 14;

constexpr std::uint64_t kFnvBasis = 0xcbf29ce484222325;
constexpr std::uint64_t kFnvPrime = 0x100000001b3;

void Mix(std::uint64_t& hash, std::string_view text) {
  for (const char byte : text) hash = (hash ^ static_cast<unsigned char>(byte)) * kFnvPrime;
  // So that "a", "b" is not "ab", "".
  hash = (hash ^ 0xff) * kFnvPrime;
}

bool AreEqual(std::span<const std::string_view> a, std::span<const std::string_view> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

bool AreEqual(const percpud_family& a, const percpud_family& b) {
  const LaneFamilyShape& x = a.shape;
  const LaneFamilyShape& y = b.shape;
  return x.name == y.name && x.help == y.help && x.unit == y.unit && x.type == y.type &&
         x.cells == y.cells && x.fold == y.fold && x.live_only == y.live_only &&
         x.most_series == y.most_series && x.ttl_seconds == y.ttl_seconds &&
         a.tracks_own == b.tracks_own && AreEqual(x.labels, y.labels) &&
         std::equal(x.bounds.begin(), x.bounds.end(), y.bounds.begin(), y.bounds.end());
}

bool HasValues(const percpud_series& series, const char* const* values) {
  for (std::size_t i = 0; i < series.values.size(); ++i) {
    if (series.values[i] != values[i]) return false;
  }
  return true;
}

bool MayComeLater(std::uint16_t code) { return code == kResourceExhausted || code == kUnavailable; }

}  // namespace

void SeriesBook::Queue::Push(percpud_series& series) {
  series.next_queued = nullptr;
  (first == nullptr ? first : last->next_queued) = &series;
  last = &series;
}

percpud_series* SeriesBook::Queue::Pop() {
  percpud_series* const out = first;
  if (out != nullptr) first = out->next_queued;
  return out;
}

bool SeriesBook::SetWriter(const char* label, bool slot) {
  wants_slot_ = slot;
  if (label == nullptr) return true;
  writer_.label = strdup(label);
  return writer_.label != nullptr;
}

Writer* SeriesBook::FindWriter(const char* label, bool may_make) {
  if (label == nullptr) return &writer_;
  for (Writer* writer = &writer_; writer != nullptr; writer = writer->next) {
    if (writer->label != nullptr && std::strcmp(writer->label, label) == 0) return writer;
  }
  if (!may_make) return nullptr;
  char* const copy = strdup(label);
  void* const memory = copy == nullptr ? nullptr : std::malloc(sizeof(Writer));
  if (memory == nullptr) {
    std::free(copy);
    return nullptr;
  }
  writer_.next = new (memory) Writer{.label = copy, .next = writer_.next};
  return writer_.next;
}

void SeriesBook::AskFor(percpud_series& series) {
  series.standing = Standing::kUnasked;
  unasked_.Push(series);
}

percpud_family* SeriesBook::FindFamily(const percpud_family_options& options) {
  percpud_family* const made = MakeFamily(options);
  if (made == nullptr) return nullptr;
  for (percpud_family* family = families_; family != nullptr; family = family->next) {
    if (!AreEqual(*family, *made)) continue;
    std::free(made);
    return family;
  }
  made->client = &client_;
  made->next = families_;
  families_ = made;
  return made;
}

percpud_series* SeriesBook::FindSeries(percpud_family& family, const char* const* values,
                                       Writer& writer) {
  std::uint64_t hash = kFnvBasis ^ reinterpret_cast<std::uintptr_t>(&family) ^
                       reinterpret_cast<std::uintptr_t>(&writer);
  for (std::size_t i = 0; i < family.shape.labels.size(); ++i) {
    if (values == nullptr || values[i] == nullptr) return nullptr;
    Mix(hash, values[i]);
  }
  percpud_series* const series = table_.Find(hash, [&](const percpud_series& one) {
    return one.family == &family && one.writer == &writer && HasValues(one, values);
  });
  if (series != nullptr) {
    // The daemon shows it again when it is opened again.
    const bool is_gone = series->is_removed && series->standing == Standing::kOpen;
    if (is_gone || series->standing == Standing::kClosed) AskFor(*series);
    series->is_removed = false;
    return series;
  }
  percpud_series* const made = MakeSeries(family, values);
  if (made == nullptr) return nullptr;
  made->writer = &writer;
  made->hash = hash;
  if (!table_.Add(*made)) {
    std::free(made);
    return nullptr;
  }
  (first_ == nullptr ? first_ : last_->next_made) = made;
  last_ = made;
  unasked_.Push(*made);
  return made;
}

bool SeriesBook::MayAsk() const {
  if (unasked_.first == nullptr) return false;
  // The second opening says what the first one was given.
  const bool waits_for_slot = wants_slot_ && slot_ < 0 && asked_.first != nullptr;
  return !waits_for_slot || unasked_.first->writer != &writer_;
}

std::uint32_t SeriesBook::WriteOpen(abi::v1::LaneOpenSeriesBody& body, const char* name_space) {
  const auto text = [](const char* or_none) { return or_none == nullptr ? "" : or_none; };
  const Writer* const writer = unasked_.first->writer;
  const bool has_slot = wants_slot_ && writer == &writer_;
  const char* const label = has_slot ? slot_label_.data() : writer->label;
  if (!body.Begin(text(name_space), text(label), has_slot && slot_ < 0, client_.group)) {
    TakeRefusal(*unasked_.Pop(), kInvalidArgument, "the namespace or the writer is too long", 0);
    return 0;
  }
  const percpud_family* family = nullptr;
  while (unasked_.first != nullptr && unasked_.first->writer == writer &&
         WriteOne(body, *unasked_.first, family)) {
    percpud_series* const series = unasked_.Pop();
    series->standing = Standing::kAsked;
    asked_.Push(*series);
  }
  // What fits into no message would be in the way of all others.
  if (body.series() == 0 && unasked_.first != nullptr) {
    TakeRefusal(*unasked_.Pop(), kInvalidArgument, "its names and labels fit into no message", 0);
  }
  return body.series();
}

bool SeriesBook::WriteOne(abi::v1::LaneOpenSeriesBody& body, percpud_series& series,
                          const percpud_family*& family) {
  if (family != series.family) {
    if (!body.Family(series.family->shape)) return false;
    family = series.family;
  }
  return body.Series(series.values);
}

void SeriesBook::TakeBack(std::uint32_t count) {
  // They are the last of those asked for; what came before goes on waiting.
  std::uint32_t all = 0;
  for (percpud_series* series = asked_.first; series != nullptr; series = series->next_queued)
    ++all;
  assert(count <= all);
  Queue kept;
  for (std::uint32_t i = 0; i < all; ++i) {
    percpud_series* const series = asked_.Pop();
    if (i >= all - count) series->standing = Standing::kUnasked;
    (i < all - count ? kept : unasked_).Push(*series);
  }
  asked_ = kept;
}

bool SeriesBook::TakeAnswer(const LaneAnswer& answer, std::uint32_t count, std::int64_t now_ns) {
  LaneOpenedView opened;
  if (answer.code == 0 && (!opened.Parse(answer.body) || opened.head().series != count)) {
    return false;
  }
  abi::v1::LaneErrorView error;
  const bool has_words = answer.code != 0 && error.Parse(answer.body);
  if (answer.code == 0 && asked_.first != nullptr) TakeWriter(*asked_.first->writer, opened.head());
  if (answer.code == kUnimplemented) {
    client_.SayOld("the daemon knows no metrics with labels");
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    percpud_series* const series = asked_.Pop();
    assert(series != nullptr);
    if (answer.code != 0) {
      TakeRefusal(*series, answer.code, has_words ? error.text() : std::string_view(), now_ns);
    } else {
      TakeOpened(*series, opened.series(i), opened, now_ns);
    }
  }
  return true;
}

void SeriesBook::TakeWriter(Writer& writer, const abi::v1::LaneOpened& opened) {
  if (opened.writer != 0) writer.number = opened.writer;
  if (!wants_slot_ || &writer != &writer_ || opened.slot == abi::v1::kLaneNoSlot) return;
  slot_ = opened.slot;
  std::snprintf(slot_label_.data(), slot_label_.size(), "%u", opened.slot);
}

void SeriesBook::TakeOpened(percpud_series& series, const LaneOpenedSeries& opened,
                            const LaneOpenedView& answer, std::int64_t now_ns) {
  if (opened.code != 0) {
    const bool has_words = opened.error != abi::v1::kLaneNoError;
    TakeRefusal(series, opened.code,
                has_words ? answer.error(opened.error).text : std::string_view(), now_ns);
    return;
  }
  if ((opened.flags & abi::v1::kLaneSeriesOverflow) != 0) {
    SayOnce(*series.family, "the family is full: what is new counts in its overflow series",
            "use fewer label values, or raise most_series where the family is opened first");
  }
  Publish(series, opened);
  // There is room again.
  if (std::exchange(series.was_postponed, false)) retry_ns_ = now_ns;
}

void SeriesBook::TakeRefusal(percpud_series& series, std::uint16_t code, std::string_view text,
                             std::int64_t now_ns) {
  if (code != kUnimplemented) SayOnce(*series.family, text, AdviceToOpen(code));
  if (!MayComeLater(code)) {
    series.standing = Standing::kRefused;
    return;
  }
  series.standing = Standing::kPostponed;
  series.was_postponed = true;
  if (postponed_.first == nullptr) retry_ns_ = now_ns + kRetryNs;
  postponed_.Push(series);
}

void SeriesBook::Publish(percpud_series& series, const LaneOpenedSeries& opened) {
  const percpud_family& family = *series.family;
  const bool fits = opened.cells == static_cast<std::uint8_t>(family.shape.cells) &&
                    (family.shape.cells != LaneCells::kHistogram ||
                     opened.buckets == family.shape.bounds.size() + 1);
  const Place* const before = series.place.load(std::memory_order_relaxed);
  if (fits && before != nullptr && client_.IsThere(*before, opened.pointer)) {
    series.standing = Standing::kOpen;
    return;
  }
  const Place* const place = fits ? client_.MakePlace(opened.pointer, family.extent()) : nullptr;
  if (place == nullptr) {
    TakeRefusal(series, kInvalidArgument, "its cells are not in the arena, or memory is short", 0);
    return;
  }
  series.Publish(place, family.is_inlined(*place->arena));
  series.standing = Standing::kOpen;
  // The cell is a new one: it shows what was set before.
  const bool was_set = series.set_at.load(std::memory_order_relaxed) != 0;
  if (family.shape.cells == LaneCells::kWriter && was_set) series.local.store(1);
}

void SeriesBook::SayOnce(percpud_family& family, std::string_view text, const char* advice) {
  if (family.refusal_said) return;
  family.refusal_said = true;
  const std::string_view name = family.shape.name;
  char words[640];
  std::snprintf(words, sizeof(words), "%.*s: %.*s: %s",
                static_cast<int>(std::min<std::size_t>(name.size(), 200)), name.data(),
                static_cast<int>(text.size()), text.data(), advice);
  client_.SayAgain(PERCPUD_SERIES_REFUSED, words);
}

void SeriesBook::RetryPostponed(std::int64_t now_ns) {
  if (postponed_.first == nullptr || now_ns < retry_ns_) return;
  retry_ns_ = now_ns + kRetryNs;
  for (int left = kMostRetried; left > 0 && postponed_.first != nullptr; --left) {
    AskFor(*postponed_.Pop());
  }
}

void SeriesBook::AskAgain() {
  unasked_ = asked_ = postponed_ = {};
  ForEach([this](percpud_series& series) {
    if (series.standing != Standing::kClosed) AskFor(series);
  });
}

void SeriesBook::Fold() {
  ForEach([this](percpud_series& series) {
    if (series.standing == Standing::kClosed && !series.IsFolded()) AskFor(series);
    series.Fold();
  });
}

bool SeriesBook::IsSettled() const {
  bool settled = true;
  ForEach([&settled](const percpud_series& series) {
    const bool rests = series.standing == Standing::kOpen || series.standing == Standing::kClosed;
    settled = settled && rests && series.IsFolded();
  });
  return settled;
}

void SeriesBook::BeginAnew() {
  BeginSession();
  ForEach([](percpud_series& series) { series.BeginAnew(); });
  AskAgain();
}

void SeriesBook::FreeAll() {
  while (first_ != nullptr) {
    percpud_series* const after = first_->next_made;
    std::free(first_);
    first_ = after;
  }
  while (families_ != nullptr) {
    percpud_family* const after = families_->next;
    std::free(families_);
    families_ = after;
  }
  std::free(writer_.label);
  while (writer_.next != nullptr) {
    Writer* const after = writer_.next->next;
    std::free(writer_.next->label);
    std::free(writer_.next);
    writer_.next = after;
  }
}

}  // namespace percpud::c
