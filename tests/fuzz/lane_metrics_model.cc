// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/fuzz/lane_metrics_model.h"

#include <cassert>
#include <map>

#include "absl/strings/str_cat.h"

namespace percpud::fuzz::lane {
namespace {

enum : std::uint16_t {
  kOpenSeries = 16,
  kRemoveSeries = 17,
  kCloseWriter = 18,
  kListFamilies = 19,
  kReadSeries = 20,
  kResetNamespace = 21,
  kWatchSeries = 22
};

constexpr std::uint8_t kWriterCells = 5;

bool IsZero(Cursor& body, int bytes) {
  bool zero = true;
  for (int i = 0; i < bytes; ++i) zero = body.Take<std::uint8_t>() == 0 && zero;
  return zero && !body.failed();
}

void SkipTexts(Cursor& body, std::uint32_t count) {
  for (std::uint32_t i = 0; i < count && !body.failed(); ++i) {
    body.TakeText(body.Take<std::uint16_t>());
  }
}

// A family and its series.
bool ReadFamily(Cursor& body, std::uint32_t& all) {
  const auto series = body.Take<std::uint32_t>();
  body.Take<std::uint32_t>();
  body.Take<std::uint32_t>();
  const auto name = body.Take<std::uint16_t>();
  const auto help = body.Take<std::uint16_t>();
  const auto unit = body.Take<std::uint16_t>();
  const auto labels = body.Take<std::uint16_t>();
  const auto bounds = body.Take<std::uint16_t>();
  for (int i = 0; i < 3; ++i) body.Take<std::uint8_t>();
  if (body.Take<std::uint8_t>() > 1 || !IsZero(body, 6)) return false;
  body.TakeText(name);
  body.TakeText(help);
  body.TakeText(unit);
  SkipTexts(body, labels);
  body.TakePad();
  for (std::uint32_t i = 0; i < bounds && !body.failed(); ++i) body.Take<double>();
  for (std::uint32_t i = 0; i < series && !body.failed(); ++i) {
    if (labels == 0 && !IsZero(body, 8)) return false;
    SkipTexts(body, labels);
    body.TakePad();
  }
  all += series;
  return !body.failed();
}

bool ReadOpening(Cursor& body, std::uint32_t& series) {
  const auto families = body.Take<std::uint32_t>();
  const auto name = body.Take<std::uint16_t>();
  const auto writer = body.Take<std::uint16_t>();
  if (body.Take<std::uint8_t>() > 1) return false;
  const auto has_group = body.Take<std::uint8_t>();
  if (has_group > 1 || !IsZero(body, 2)) return false;
  if (body.Take<std::uint32_t>() != 0 && has_group == 0) return false;
  body.TakeText(name);
  body.TakeText(writer);
  body.TakePad();
  for (std::uint32_t i = 0; i < families; ++i) {
    if (!ReadFamily(body, series)) return false;
  }
  return !body.failed() && body.left() == 0;
}

bool ReadRemoval(Cursor& body) {
  const auto name = body.Take<std::uint16_t>();
  const auto family = body.Take<std::uint16_t>();
  const auto labels = body.Take<std::uint16_t>();
  body.Take<std::uint8_t>();
  const auto all = body.Take<std::uint8_t>();
  if (all > 1 || (all == 1 && labels != 0)) return false;
  body.TakeText(name);
  body.TakeText(family);
  SkipTexts(body, labels);
  return body.IsPadding();
}

}  // namespace

bool IsOfMetrics(std::uint16_t kind) { return kind >= kOpenSeries && kind <= kWatchSeries; }

bool ReadMetrics(std::uint16_t kind, Cursor body, std::uint32_t& series) {
  assert(IsOfMetrics(kind));
  switch (kind) {
    case kOpenSeries:
      return ReadOpening(body, series);
    case kRemoveSeries:
      return ReadRemoval(body);
    case kCloseWriter:
      body.Take<std::uint64_t>();
      return !body.failed() && body.left() == 0;
    case kListFamilies:
    case kWatchSeries: {
      body.Take<std::uint64_t>();
      const auto name = body.Take<std::uint16_t>();
      const auto all = body.Take<std::uint8_t>();
      if (all > 1 || (all == 1 && name != 0) || !IsZero(body, 5)) return false;
      body.TakeText(name);
      return body.IsPadding();
    }
    case kReadSeries:
    case kResetNamespace: {
      const int words = kind == kReadSeries ? 4 : 1;
      for (int i = 0; i < words; ++i) body.Take<std::uint64_t>();
      const auto name = body.Take<std::uint16_t>();
      if (!IsZero(body, 6)) return false;
      body.TakeText(name);
      return body.IsPadding();
    }
    default:
      return false;
  }
}

absl::Status MetricsModel::Judge(std::uint16_t kind, std::uint32_t wanted, std::uint16_t code,
                                 std::span<const std::byte> body) {
  assert(IsOfMetrics(kind));
  // UNIMPLEMENTED.
  if (code == 12) {
    return absl::InternalError(absl::StrCat("kind ", kind, " is not served"));
  }
  if (code != 0) return absl::OkStatus();
  if (kind == kWatchSeries) return JudgeChanges(body);
  return kind == kOpenSeries ? JudgeOpening(wanted, body) : absl::OkStatus();
}

// Revisions never fall, and what is told is of something.
absl::Status MetricsModel::JudgeChanges(std::span<const std::byte> body) {
  Cursor cursor(body);
  const auto revision = cursor.Take<std::uint64_t>();
  const auto changes = cursor.Take<std::uint32_t>();
  const auto resync = cursor.Take<std::uint8_t>();
  const auto more = cursor.Take<std::uint8_t>();
  if (!IsZero(cursor, 2) || resync > 1 || more > 1) {
    return absl::InternalError("the head of changes is malformed");
  }
  if (resync == 1 && (changes != 0 || more == 1)) return absl::InternalError("resync and changes");
  for (std::uint32_t i = 0; i < changes; ++i) {
    const auto name_space = cursor.Take<std::uint64_t>();
    const auto family = cursor.Take<std::uint64_t>();
    const auto series = cursor.Take<std::uint64_t>();
    const auto gone = cursor.Take<std::uint8_t>();
    if (!IsZero(cursor, 7) || gone > 1) return absl::InternalError("a change is malformed");
    if (name_space == 0) return absl::InternalError("a change of no namespace");
    if (family == 0 && series != 0) return absl::InternalError("a series of no family");
  }
  if (cursor.failed() || cursor.left() != 0) return absl::InternalError("changes are cut");
  if (more == 0 && revision < revision_) return absl::InternalError("the revision fell");
  if (more == 0) revision_ = revision;
  return absl::OkStatus();
}

absl::Status MetricsModel::JudgeOpening(std::uint32_t wanted, std::span<const std::byte> body) {
  Cursor cursor(body);
  for (int i = 0; i < 2; ++i) cursor.Take<std::uint64_t>();
  if (cursor.Take<std::uint32_t>() != wanted) return absl::InternalError("series are missing");
  std::map<std::uint64_t, std::uint64_t> written;
  for (int i = 0; i < 3; ++i) cursor.Take<std::uint32_t>();
  for (std::uint32_t i = 0; i < wanted; ++i) {
    cursor.Take<std::uint64_t>();
    const auto series = cursor.Take<std::uint64_t>();
    const auto pointer = cursor.Take<std::uint64_t>();
    cursor.Take<std::uint64_t>();
    const auto refused = cursor.Take<std::uint16_t>();
    for (int rest = 0; rest < 2; ++rest) cursor.Take<std::uint16_t>();
    const auto kind = cursor.Take<std::uint8_t>();
    cursor.Take<std::uint8_t>();
    if (cursor.failed()) return absl::InternalError("the answer ends too soon");
    if (refused != 0) {
      if (series != 0 || pointer != 0) return absl::InternalError("refused and opened");
      continue;
    }
    if (series == 0 || pointer == 0) return absl::InternalError("opened and nowhere");
    has_series_ = true;
    if (kind == kWriterCells) {
      // Each writer has a cell of its own, whose memory is another's once it is closed.
      if (written.emplace(pointer, series).first->second != series) {
        return absl::InternalError("two series of one writer share a cell");
      }
      continue;
    }
    const auto cells = cells_.emplace(series, pointer).first;
    const auto owner = owners_.emplace(pointer, series).first;
    if (cells->second != pointer || owner->second != series) {
      return absl::InternalError("two series share cells, or one has moved");
    }
  }
  return absl::OkStatus();
}

}  // namespace percpud::fuzz::lane
