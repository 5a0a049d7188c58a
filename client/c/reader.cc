// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/c/reader.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace percpud::c {
namespace {

using abi::v1::LaneAnswer;
using abi::v1::LaneKind;
using abi::v1::LaneRequestWriter;

constexpr int kTriesAtOneMoment = 3;

// How many of the families, of which there is one, lie in the first one's namespace.
std::size_t CountOfFirstNamespace(const Snapshot& of, std::span<const std::size_t> families) {
  const std::string_view name = of.text(of.families[families.front()].name_space);
  std::size_t count = 1;
  while (count < families.size() && of.text(of.families[families[count]].name_space) == name) {
    ++count;
  }
  return count;
}

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
    if (!SortFamilies(fresh)) return link_.Fail("memory is short");
    for (Families rest = by_namespace_.all(); !rest.empty();) {
      const std::size_t count = CountOfFirstNamespace(fresh, rest);
      if (!ReadSeries(fresh, rest.first(count), deadline_ns)) return false;
      rest = rest.subspan(count);
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

bool Reader::SortFamilies(const Snapshot& out) {
  by_namespace_.Clear();
  for (std::size_t i = 0; i < out.families.size(); ++i) {
    if (!by_namespace_.Append(i)) return false;
  }
  const std::span<std::size_t> all = by_namespace_.all();
  std::sort(all.begin(), all.end(), [&out](std::size_t a, std::size_t b) {
    const FamilyRow& left = out.families[a];
    const FamilyRow& right = out.families[b];
    const int order = out.text(left.name_space).compare(out.text(right.name_space));
    return order != 0 ? order < 0 : left.number < right.number;
  });
  return true;
}

bool Reader::ReadSeries(Snapshot& out, Families families, std::int64_t deadline_ns) {
  // A copy: the texts move as they grow.
  exposition::Text name;
  name.Append(out.text(out.families[families.front()].name_space));
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
    if (!TakePage(page, out, families)) {
      return link_.Fail("a series is malformed, or memory is short");
    }
    if (page.head().more == 0) return true;
    from = page.head().next;
  }
}

bool Reader::TakePage(abi::v1::LaneSeriesPageView& page, Snapshot& out, Families& families) {
  for (std::uint32_t i = 0; i < page.head().series; ++i) {
    const auto series = page.NextSeries();
    // Families come by number. One that was not listed is one that this program cannot read,
    // or new.
    const auto found = std::lower_bound(
        families.begin(), families.end(), series.head.family,
        [&out](std::size_t at, std::uint64_t number) { return out.families[at].number < number; });
    families = families.subspan(static_cast<std::size_t>(found - families.begin()));
    const bool is_listed =
        !families.empty() && out.families[families.front()].number == series.head.family;
    const bool goes_on = (series.head.flags & abi::v1::kLaneSeriesContinued) != 0;
    if (is_listed && !goes_on && !out.Append(families.front(), series)) return false;
    for (std::uint32_t left = series.head.writers; left > 0; --left) {
      const auto writer = page.NextWriter();
      if (is_listed && !out.Append(writer)) return false;
    }
  }
  return true;
}

}  // namespace percpud::c
