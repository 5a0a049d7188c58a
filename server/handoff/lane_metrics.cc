// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/handoff/lane_metrics.h"

#include <cassert>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/base/error_reason.h"
#include "server/base/errors.h"
#include "server/base/status_macros.h"

namespace percpud {
namespace {

using abi::v1::LaneAnswerWriter;
using abi::v1::LaneCells;
using abi::v1::LaneFamiliesBody;
using abi::v1::LaneFamilyType;
using abi::v1::LaneFamilyView;
using abi::v1::LaneFold;
using abi::v1::LaneOpenedBody;
using abi::v1::LaneOpenSeriesView;
using abi::v1::LaneRequest;
using abi::v1::LaneSeriesPageBody;
using abi::v1::LaneTexts;

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

// The contract's numbers are those of server/metrics.
static_assert(static_cast<int>(LaneFamilyType::kSummary) ==
              static_cast<int>(metrics::FamilyType::kSummary));
static_assert(static_cast<int>(LaneCells::kShared) == static_cast<int>(metrics::Cells::kShared));
static_assert(static_cast<int>(LaneFold::kMostRecent) ==
              static_cast<int>(cells::GaugeFold::kMostRecent) + 1);
static_assert(abi::v1::kLaneMostSeries == kMaxOpening);
static_assert(abi::v1::kLaneNoSlot == metrics::kNoSlot);

LaneFold FoldOf(const metrics::Shape& shape) {
  if (shape.cells != metrics::Cells::kWriter) return LaneFold::kNone;
  return static_cast<LaneFold>(static_cast<int>(shape.mode.fold) + 1);
}

// What is no fold at all becomes one that no rule lets pass.
cells::GaugeMode ModeFrom(const LaneFamilyView& family) {
  const std::uint8_t fold = family.head().fold;
  if (fold == 0) return {};
  return {.fold = static_cast<cells::GaugeFold>(fold - 1),
          .live_only = family.head().live_only != 0};
}

// Copies the shape out of the message. Numbers without a meaning are the rules' to refuse.
metrics::Shape ShapeFrom(const LaneFamilyView& family) {
  metrics::Shape out{.name = std::string(family.name()),
                     .help = std::string(family.help()),
                     .unit = std::string(family.unit()),
                     .labels = {},
                     .bounds = {},
                     .type = static_cast<metrics::FamilyType>(family.head().type),
                     .cells = static_cast<metrics::Cells>(family.head().cells),
                     .mode = ModeFrom(family)};
  LaneTexts labels = family.labels();
  out.labels.reserve(labels.left());
  while (labels.left() > 0) out.labels.emplace_back(labels.Next());
  out.bounds.reserve(family.head().bounds);
  for (std::size_t i = 0; i < family.head().bounds; ++i) out.bounds.push_back(family.bound(i));
  return out;
}

OpeningWanted WantedFrom(LaneOpenSeriesView& open) {
  OpeningWanted out{.name_space = View(open.name_space()),
                    .families = {},
                    .writer = View(open.writer()),
                    .slot = open.slot()};
  if (const auto group = open.group()) out.group = UserGroupId(*group);
  out.families.reserve(open.families());
  for (std::uint32_t i = 0; i < open.families(); ++i) {
    const LaneFamilyView family = open.NextFamily();
    FamilyWanted& wanted = out.families.emplace_back();
    wanted.shape = ShapeFrom(family);
    wanted.max_series = family.head().most_series;
    wanted.ttl_seconds = family.head().ttl_seconds;
    wanted.series.reserve(family.head().series);
    for (std::uint32_t left = family.head().series; left > 0; --left) {
      wanted.series.push_back(View(open.NextSeries(family).encoded()));
    }
  }
  return out;
}

abi::v1::LaneOpenedSeries AnswerFor(const OpenedSeries& series) {
  std::uint8_t flags = 0;
  if (series.made) flags |= abi::v1::kLaneSeriesMade;
  if (series.overflow) flags |= abi::v1::kLaneSeriesOverflow;
  return {.family = series.family.value(),
          .series = series.series.value(),
          .pointer = series.cells.value(),
          .created_ns = series.created_ns,
          .code = 0,
          .error = abi::v1::kLaneNoError,
          .buckets = static_cast<std::uint16_t>(series.buckets),
          .cells = static_cast<std::uint8_t>(series.kind),
          .flags = flags};
}

bool PutFamily(const metrics::Namespace& name_space, const metrics::Family& family,
               LaneFamiliesBody& body) {
  const metrics::Shape& shape = family.shape;
  const std::vector<std::string_view> labels(shape.labels.begin(), shape.labels.end());
  return body.Family({.family = family.id.value(),
                      .generation = family.generation,
                      .created_ns = family.created_ns,
                      .refused = family.refused,
                      .overflowed = family.overflowed,
                      .namespace_bytes = 0,
                      .reserved = 0,
                      .reserved_too = 0},
                     name_space.name,
                     {.name = shape.name,
                      .help = shape.help,
                      .unit = shape.unit,
                      .labels = labels,
                      .bounds = shape.bounds,
                      .type = static_cast<LaneFamilyType>(shape.type),
                      .cells = static_cast<LaneCells>(shape.cells),
                      .fold = FoldOf(shape),
                      .live_only = shape.mode.live_only,
                      .most_series = family.max_series,
                      .ttl_seconds = family.ttl_seconds},
                     static_cast<std::uint32_t>(family.series.size()));
}

// `continued`: the page begins with more of its writers.
bool PutSeries(const metrics::Family& family, const metrics::Series& series, bool continued,
               LaneSeriesPageBody& body) {
  std::uint8_t flags = 0;
  if (series.hidden) flags |= abi::v1::kLaneSeriesHidden;
  if (series.overflow) flags |= abi::v1::kLaneSeriesOverflow;
  if (continued) flags |= abi::v1::kLaneSeriesContinued;
  std::span<const metrics::CountSum> baseline;
  if (series.baseline != nullptr) baseline = *series.baseline;
  return body.Series({.family = family.id.value(),
                      .series = series.id.value(),
                      .pointer = series.cells.value(),
                      .created_ns = series.created_ns,
                      .writers = 0,
                      .labels = static_cast<std::uint16_t>(family.shape.labels.size()),
                      .baseline = 0,
                      .cells = static_cast<std::uint8_t>(family.shape.cells),
                      .flags = flags,
                      .reserved = {}},
                     series.values, baseline);
}

}  // namespace

std::span<std::byte> LaneMetrics::Scratch() {
  if (scratch_ == nullptr) scratch_ = std::make_unique<Memory>();
  return *scratch_;
}

Outcome LaneMetrics::OpenSeries(const Caller& caller, Pace pace, const LaneRequest& request,
                                LaneAnswerWriter& answers) {
  LaneOpenSeriesView open;
  const bool parsed = open.Parse(request.body);
  assert(parsed);
  static_cast<void>(parsed);
  // Before anything is copied: the answer to more would not fit.
  if (open.series() > kMaxOpening) {
    return errors::BatchOverLimit("series", open.series(), kMaxOpening);
  }
  const OpeningWanted wanted = WantedFrom(open);
  const OutcomeOr<Opening> opened = calls_.OpenSeries(caller, pace, wanted);
  if (!opened) return kWouldSleep;
  RETURN_IF_ERROR(opened->status());
  LaneOpenedBody body(Scratch());
  for (const OpenedSeries& series : (*opened)->series) {
    if (series.status.ok()) {
      body.Opened(AnswerFor(series));
      continue;
    }
    const absl::string_view reason = errors::ReasonOf(series.status);
    const absl::string_view text = series.status.message();
    body.Refused(static_cast<std::uint16_t>(series.status.code()),
                 {.reason = {reason.data(), reason.size()}, .text = {text.data(), text.size()}});
  }
  const bool written = answers.OpenSeries(
      request.id, body.Finish((*opened)->generation, (*opened)->writer.value(), (*opened)->slot));
  assert(written);
  static_cast<void>(written);
  return absl::OkStatus();
}

Outcome LaneMetrics::RemoveSeries(const Caller& caller, Pace pace, const LaneRequest& request,
                                  LaneAnswerWriter& answers) {
  abi::v1::LaneRemoveSeriesView remove;
  const bool parsed = remove.Parse(request.body);
  assert(parsed);
  static_cast<void>(parsed);
  RemovalWanted wanted{.family = View(remove.family()), .values = {}};
  switch (static_cast<abi::v1::LaneRemoval>(remove.head().removal)) {
    case abi::v1::LaneRemoval::kReset:
      wanted.removal = Removal::kReset;
      break;
    case abi::v1::LaneRemoval::kRemove:
      wanted.removal = Removal::kRemove;
      break;
    default:
      return errors::UnknownEnum("removal", remove.head().removal);
  }
  if (pace == Pace::kMustNotSleep) return kWouldSleep;
  if (remove.head().all == 0) wanted.values = View(remove.values().encoded());
  ASSIGN_OR_RETURN(const std::uint64_t series,
                   calls_.RemoveSeries(caller, View(remove.name_space()), wanted));
  answers.RemoveSeries(request.id, {.series = series});
  return absl::OkStatus();
}

Outcome LaneMetrics::ResetNamespace(const Caller& caller, Pace pace, const LaneRequest& request,
                                    LaneAnswerWriter& answers) {
  abi::v1::LaneResetNamespaceView reset;
  const bool parsed = reset.Parse(request.body);
  assert(parsed);
  static_cast<void>(parsed);
  if (pace == Pace::kMustNotSleep) return kWouldSleep;
  ASSIGN_OR_RETURN(
      const NamespaceReset done,
      calls_.ResetNamespace(caller, View(reset.name_space()), reset.head().if_generation));
  answers.ResetNamespace(request.id, {.generation = done.generation, .series = done.series});
  return absl::OkStatus();
}

Outcome LaneMetrics::ListFamilies(const Caller& caller, const LaneRequest& request,
                                  LaneAnswerWriter& answers) {
  abi::v1::LaneListFamiliesView list;
  const bool parsed = list.Parse(request.body);
  assert(parsed);
  static_cast<void>(parsed);
  std::optional<absl::string_view> name_space;
  if (list.head().all == 0) name_space = View(list.name_space());
  LaneFamiliesBody body(Scratch());
  ASSIGN_OR_RETURN(
      const Metrics::Page page,
      calls_.ListFamilies(caller, name_space, FamilyId(list.head().from),
                          [&body](const metrics::Namespace& of, const metrics::Family& family) {
                            return PutFamily(of, family, body);
                          }));
  const std::uint64_t next = page.next ? page.next->family.value() : 0;
  answers.ListFamilies(request.id, body.Finish(next, page.revision));
  return absl::OkStatus();
}

Outcome LaneMetrics::ReadSeries(const Caller& caller, const LaneRequest& request,
                                LaneAnswerWriter& answers) {
  abi::v1::LaneReadSeriesView read;
  const bool parsed = read.Parse(request.body);
  assert(parsed);
  static_cast<void>(parsed);
  const abi::v1::LaneSeriesFrom& from = read.head().from;
  const Metrics::SeriesWanted wanted{.name_space = View(read.name_space()),
                                     .family = FamilyId(read.head().family),
                                     .from = {.family = FamilyId(from.family),
                                              .series = SeriesId(from.series),
                                              .writer = WriterId(from.writer)}};
  // A writer that ends meanwhile is in the next page as one of the dead.
  constexpr int kTries = 3;
  for (int tries = kTries;; --tries) {
    LaneSeriesPageBody body(Scratch());
    ASSIGN_OR_RETURN(const bool is_of_one_moment,
                     ReadPage(caller, wanted, tries == 1, request, body, answers));
    if (is_of_one_moment) return absl::OkStatus();
  }
}

absl::StatusOr<bool> LaneMetrics::ReadPage(const Caller& caller,
                                           const Metrics::SeriesWanted& wanted, bool is_last_try,
                                           const LaneRequest& request, LaneSeriesPageBody& body,
                                           LaneAnswerWriter& answers) {
  std::vector<Metrics::LiveCell> live;
  std::vector<std::size_t> places;
  SeriesId last;
  const auto on_series = [&](const metrics::Family& family, const metrics::Series& series) {
    last = series.id;
    const bool continued = wanted.from.writer != WriterId(0) && series.id == wanted.from.series;
    return PutSeries(family, series, continued, body);
  };
  const auto on_writer = [&](WriterId id, const metrics::SeriesWriter& writer,
                             absl::string_view label) {
    std::size_t at = 0;
    const std::uint64_t pointer = writer.IsLive() ? calls_.PointerOf(writer.place).value() : 0;
    const bool written = body.Writer({.writer = id.value(),
                                      .pointer = pointer,
                                      .cell = writer.left,
                                      .label_bytes = 0,
                                      .reserved = {}},
                                     {label.data(), label.size()}, &at);
    if (written && writer.IsLive()) {
      live.push_back({.writer = id, .series = last, .place = writer.place});
      places.push_back(at);
    }
    return written;
  };
  ASSIGN_OR_RETURN(const Metrics::Page page,
                   calls_.ReadSeries(caller, wanted, on_series, on_writer));
  const bool are_live = calls_.ReadLive(
      live, [&](std::size_t i, const metrics::WriterCell& cell) { body.SetCell(places[i], cell); });
  if (!are_live && !is_last_try) return false;
  // Which cells are of another by now is not known, so none is told.
  if (!are_live) {
    for (const std::size_t at : places) body.SetCell(at, cells::kUnset);
  }
  if (page.next) {
    answers.ReadSeries(request.id, body.Finish(page.generation, page.revision,
                                               {.family = page.next->family.value(),
                                                .series = page.next->series.value(),
                                                .writer = page.next->writer.value()}));
  } else {
    answers.ReadSeries(request.id, body.Finish(page.generation, page.revision));
  }
  return true;
}

Outcome LaneMetrics::CloseWriter(const Caller& caller, Pace pace, const LaneRequest& request,
                                 LaneAnswerWriter& answers) {
  if (pace == Pace::kMustNotSleep) return kWouldSleep;
  const auto close = abi::v1::LaneLoad<abi::v1::LaneCloseWriter>(request.body, 0);
  ASSIGN_OR_RETURN(const std::uint64_t series, calls_.CloseWriter(caller, WriterId(close.writer)));
  answers.CloseWriter(request.id, {.series = series});
  return absl::OkStatus();
}

Outcome LaneMetrics::WatchSeries(const Caller& caller, const LaneRequest& request,
                                 LaneAnswerWriter& answers) {
  static_assert(metrics::ChangeLog::kMostOfOne <= abi::v1::kLaneMostChanges);
  static_assert(metrics::ChangeLog::kPatience ==
                absl::Milliseconds(abi::v1::kLaneWatcherPatienceMs));
  abi::v1::LaneWatchSeriesView watch;
  const bool parsed = watch.Parse(request.body);
  assert(parsed);
  static_cast<void>(parsed);
  std::optional<absl::string_view> name_space;
  if (watch.head().all == 0) name_space = View(watch.name_space());
  ASSIGN_OR_RETURN(
      const metrics::ChangeLog::Slice slice,
      calls_.WatchSeries(caller, name_space, watch.head().after, abi::v1::kLaneMostChanges));
  abi::v1::LaneChangesBody body(Scratch());
  for (const metrics::Change& change : slice.changes) {
    body.Change({.name_space = change.name_space.value(),
                 .family = change.family.value(),
                 .series = change.series.value(),
                 .gone = static_cast<std::uint8_t>(change.gone),
                 .reserved = {}});
  }
  answers.WatchSeries(request.id, body.Finish(slice.revision, slice.resync, slice.more));
  return absl::OkStatus();
}

}  // namespace percpud
