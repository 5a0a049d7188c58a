// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/series/sums.h"

#include <algorithm>
#include <cassert>
#include <cstddef>

#include "absl/functional/function_ref.h"
#include "server/base/status_macros.h"
#include "server/cells/shared_cell.h"
#include "server/cells/sum.h"

namespace percpud {
namespace {

using metrics::Cells;
using metrics::CountSum;

// One cell of one unit, as a pair.
CountSum ReadOne(Cells kind, const std::byte* at) {
  switch (kind) {
    case Cells::kInteger:
      return {.count = cells::ReadCell<std::uint64_t>(at), .sum = 0};
    case Cells::kHistogram:
    case Cells::kSummary:
      return cells::ReadCell<CountSum>(at);
    case Cells::kDouble:
    case Cells::kWriter:
    case Cells::kShared:
      break;
  }
  return {.count = 0, .sum = cells::ReadCell<double>(at)};
}

void WithShared(const Allocator& allocator, PercpuPtr cell,
                absl::FunctionRef<void(const cells::SharedCell&)> use) {
  const absl::StatusOr<Allocator::Pin> pin = allocator.Touch(cell, Bytes(sizeof(double)));
  if (!pin.ok()) return;
  pin->Access([&] { use(cells::SharedCell(pin->address(UnitId(0)))); }).IgnoreError();
}

}  // namespace

absl::StatusOr<std::vector<CountSum>> SumCells(const Allocator& allocator,
                                               const metrics::Shape& shape, PercpuPtr cells) {
  const std::size_t count = metrics::CellCount(shape);
  const Bytes bytes = metrics::CellBytes(shape);
  const std::size_t stride = bytes.value() / count;
  std::vector<CountSum> out(count);
  ASSIGN_OR_RETURN(const Allocator::Pin pin, allocator.Touch(cells, bytes));
  const auto add = [&](UnitId unit) {
    const std::byte* at = pin.address(unit);
    for (CountSum& cell : out) {
      cell = cells::Plus(cell, ReadOne(shape.cells, at));
      at += stride;
    }
  };
  RETURN_IF_ERROR(pin.Access([&] {
    // One value for all processes is in unit 0 alone.
    if (shape.cells == Cells::kShared) return add(UnitId(0));
    for (const std::optional<UnitId>& unit : allocator.info().cpu_to_unit) {
      if (unit) add(*unit);
    }
  }));
  return out;
}

absl::Status ClearCells(const Allocator& allocator, const metrics::Shape& shape, PercpuPtr cells) {
  const Bytes bytes = metrics::CellBytes(shape);
  const std::vector<std::byte> zeros(bytes.value());
  ASSIGN_OR_RETURN(const Allocator::Pin pin, allocator.Touch(cells, bytes));
  for (const std::optional<UnitId>& unit : allocator.info().cpu_to_unit) {
    if (unit) RETURN_IF_ERROR(pin.Write(*unit, zeros));
  }
  return absl::OkStatus();
}

double TakeShared(const Allocator& allocator, PercpuPtr cell) {
  double out = 0;
  WithShared(allocator, cell, [&out](const cells::SharedCell& shared) { out = shared.Take(); });
  return out;
}

void AddToShared(const Allocator& allocator, PercpuPtr cell, double amount) {
  WithShared(allocator, cell, [amount](const cells::SharedCell& shared) { shared.Add(amount); });
}

bool AreSame(std::span<const CountSum> a, std::span<const CountSum> b) {
  return std::equal(
      a.begin(), a.end(), b.begin(), b.end(),
      [](const CountSum& x, const CountSum& y) { return x.count == y.count && x.sum == y.sum; });
}

void SubtractBaseline(std::span<const CountSum> baseline, std::span<CountSum> sums) {
  assert(baseline.empty() || baseline.size() == sums.size());
  for (std::size_t i = 0; i < baseline.size(); ++i) sums[i] = cells::Since(sums[i], baseline[i]);
}

}  // namespace percpud
