// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/c/reader.h"

#include <array>

namespace percpud::c {
namespace {

using abi::v1::LaneAnswer;
using abi::v1::LaneKind;
using abi::v1::LaneRequestWriter;

constexpr int kTriesAtOneMoment = 3;

}  // namespace

void Reader::BeginAnew() { link_.HangUp(); }

bool Reader::Refresh(std::int64_t deadline_ns) {
  // A connection that broke while nobody read is made anew once.
  const bool was_connected = link_.is_connected();
  if (!was_connected && !Connect(deadline_ns)) return false;
  if (ReadAll(deadline_ns)) return true;
  link_.HangUp();
  if (!was_connected || !Connect(deadline_ns)) return false;
  if (ReadAll(deadline_ns)) return true;
  link_.HangUp();
  return false;
}

bool Reader::Connect(std::int64_t deadline_ns) {
  if (!link_.Connect(deadline_ns)) return false;
  link_.DropFormer();
  // Another daemon's revisions are others, even if the arena is the same.
  snapshot_.revision = 0;
  return true;
}

bool Reader::ReadAll(std::int64_t deadline_ns) {
  Snapshot fresh;
  for (int tries = kTriesAtOneMoment; tries > 0; --tries) {
    fresh.Clear();
    is_torn_ = false;
    if (!ReadFamilies(fresh, deadline_ns)) return false;
    if (fresh.revision != 0 && fresh.revision == snapshot_.revision) return true;
    for (std::size_t i = 0; i < fresh.families.size(); ++i) {
      // Once for each namespace: with its first family.
      bool is_first = true;
      for (std::size_t before = 0; is_first && before < i; ++before) {
        is_first = fresh.text(fresh.families[before].name_space) !=
                   fresh.text(fresh.families[i].name_space);
      }
      if (is_first && !ReadSeries(fresh, i, deadline_ns)) return false;
    }
    if (!is_torn_) break;
  }
  if (is_torn_) fresh.revision = 0;
  snapshot_.Swap(fresh);
  return true;
}

bool Reader::ReadFamilies(Snapshot& out, std::int64_t deadline_ns) {
  std::uint64_t from = 0;
  do {
    std::array<std::byte, 1024> memory;
    LaneRequestWriter message(memory);
    const bool fits = name_space_ == nullptr
                          ? message.ListFamilies(link_.next_id(), from)
                          : message.ListFamilies(link_.next_id(), from, name_space_);
    if (!fits) return link_.Fail("the namespace's name is too long");
    LaneAnswer answer;
    abi::v1::LaneFamiliesView page;
    if (!link_.Ask(message, answer, deadline_ns)) return false;
    if (answer.kind != LaneKind::kListFamilies || !page.Parse(answer.body)) {
      return link_.Fail("the daemon's answer is malformed");
    }
    if (out.revision != 0 && out.revision != page.head().revision) is_torn_ = true;
    out.revision = page.head().revision;
    for (std::uint32_t i = 0; i < page.head().families; ++i) {
      if (!out.Append(page.Next())) return link_.Fail("a family is malformed, or memory is short");
    }
    if (out.revision == snapshot_.revision && from == 0) return true;
    if (page.head().next != 0 && page.head().next <= from) return link_.Fail("pages go backwards");
    from = page.head().next;
  } while (from != 0);
  return true;
}

bool Reader::ReadSeries(Snapshot& out, std::size_t family, std::int64_t deadline_ns) {
  // A copy: the texts move as they grow.
  exposition::Text name;
  name.Append(out.text(out.families[family].name_space));
  abi::v1::LaneSeriesFrom from{};
  while (true) {
    std::array<std::byte, 1024> memory;
    LaneRequestWriter message(memory);
    if (!name.ok() || !message.ReadSeries(link_.next_id(), from, 0, name.view())) {
      return link_.Fail("the namespace's name is too long");
    }
    LaneAnswer answer;
    abi::v1::LaneSeriesPageView page;
    if (!link_.Ask(message, answer, deadline_ns)) return false;
    if (answer.kind != LaneKind::kReadSeries || !page.Parse(answer.body)) {
      return link_.Fail("the daemon's answer is malformed");
    }
    if (page.head().revision != out.revision) is_torn_ = true;
    if (!TakePage(page, out, family))
      return link_.Fail("a series is malformed, or memory is short");
    if (page.head().more == 0) return true;
    from = page.head().next;
  }
}

bool Reader::TakePage(abi::v1::LaneSeriesPageView& page, Snapshot& out, std::size_t& family) {
  for (std::uint32_t i = 0; i < page.head().series; ++i) {
    const auto series = page.NextSeries();
    // Families come in the order in which they were listed. One that was not listed is
    // one that this program cannot read, or new.
    std::size_t at = family;
    while (at < out.families.size() && out.families[at].number != series.head.family) ++at;
    const bool is_listed = at < out.families.size();
    if (is_listed) family = at;
    const bool goes_on = (series.head.flags & abi::v1::kLaneSeriesContinued) != 0;
    if (is_listed && !goes_on && !out.Append(family, series)) return false;
    for (std::uint32_t left = series.head.writers; left > 0; --left) {
      const auto writer = page.NextWriter();
      if (is_listed && !out.Append(writer)) return false;
    }
  }
  return true;
}

}  // namespace percpud::c
