// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_METRICS_SHAPE_H_
#define PERCPUD_SERVER_METRICS_SHAPE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/base/units.h"
#include "server/cells/fold.h"
#include "server/cells/layout.h"

namespace percpud::metrics {

// The numbers are those of percpud.v1.FamilyType.
enum class FamilyType : std::uint8_t { kCounter = 1, kGauge = 2, kHistogram = 3, kSummary = 4 };

// What holds a series' number. The numbers are those of percpud.v1.CellKind.
enum class Cells : std::uint8_t {
  kInteger = 1,
  kDouble = 2,
  kHistogram = 3,
  kSummary = 4,
  // One for each live writer.
  kWriter = 5,
  // One for all processes.
  kShared = 6,
};

// A family's name and what all its series have in common. Plain data.
struct Shape {
  std::string name;
  std::string help;
  std::string unit;
  std::vector<std::string> labels;
  // Finite upper bounds of a histogram's buckets; the last bucket has none.
  std::vector<double> bounds;
  FamilyType type = FamilyType::kCounter;
  Cells cells = Cells::kDouble;
  // How writers' cells fold; for other cells without meaning.
  cells::GaugeMode mode;
};

// Whether series opened with one shape are series of the other. The help text is not
// part of it: the first one stands.
bool IsSameShape(const Shape& a, const Shape& b);

// In words, for errors: "histogram of double, labels method, path, 3 bounds".
std::string Describe(const Shape& shape);

// Whether every CPU has cells of a series, in an area. Else writers have them.
constexpr bool HasArea(Cells cells) { return cells != Cells::kWriter; }
// Cells of one series in one unit. REQUIRES: HasArea(shape.cells).
std::size_t CellCount(const Shape& shape);
// Bytes that they take in one unit, and what they are aligned to.
Bytes CellBytes(const Shape& shape);
Bytes CellAlignment(const Shape& shape);
// Buckets of a histogram, the last one included; else 0.
std::size_t Buckets(const Shape& shape);

// The names that a family shows samples or metadata under: no two families of a namespace
// share one. The first is the family's own, without the suffix that samples have.
std::vector<std::string> ShownNames(const Shape& shape);

}  // namespace percpud::metrics

#endif  // PERCPUD_SERVER_METRICS_SHAPE_H_
