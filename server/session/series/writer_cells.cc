// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/series/writer_cells.h"

#include <algorithm>
#include <cassert>
#include <optional>

#include "server/cells/fold.h"
#include "server/rseq/pair.h"
#include "server/session/area_ledger.h"

namespace percpud {
namespace {

using metrics::CellPlace;
using metrics::WriterCell;

constexpr Bytes kBlockBytes{4096};
// A line of the cache: no two writers share one.
constexpr Bytes kLeastBytes{64};
constexpr Bytes kCellBytes{sizeof(WriterCell)};

}  // namespace

Bytes WriterBlockBytes(const AllocInfo& info) {
  const Bytes share(kBlockBytes / Bytes(std::max(1U, info.cpus())));
  return std::max(kLeastBytes, Bytes(share.value() / kLeastBytes.value() * kLeastBytes.value()));
}

std::uint32_t CellsOfBlock(const AllocInfo& info, Bytes size) {
  return static_cast<std::uint32_t>(size / kCellBytes) * info.cpus();
}

CellPlace PlaceOfCell(const AllocInfo& info, const metrics::WriterBlock& block,
                      std::uint32_t index) {
  assert(index < CellsOfBlock(info, block.size));
  const auto of_unit = static_cast<std::uint32_t>(block.size / kCellBytes);
  std::uint32_t units_before = index / of_unit;
  CellPlace out{.cell = Advance(block.pointer, kCellBytes * (index % of_unit)), .unit = UnitId(0)};
  for (std::uint32_t unit = 0; unit < info.units(); ++unit) {
    if (!info.unit_to_cpu[unit] || units_before-- > 0) continue;
    out.unit = UnitId(unit);
    break;
  }
  return out;
}

PercpuPtr PointerOfCell(const AllocInfo& info, const CellPlace& place) {
  return Advance(place.cell, info.unit_offset[place.unit.value()]);
}

WriterCell ReadCell(const Allocator& allocator, const CellPlace& place) {
  WriterCell out = cells::kUnset;
  const absl::StatusOr<Allocator::Pin> pin = allocator.Touch(place.cell, kCellBytes);
  if (!pin.ok()) return out;
  const absl::Status read =
      pin->Access([&] { out = rseq::ReadWriterCell(pin->address(place.unit)); });
  // Not-a-number is no moment, and so the cell of a client that writes garbage is unset.
  const bool is_sound = read.ok() && out.timestamp == out.timestamp;
  return is_sound ? out : cells::kUnset;
}

void StoreCell(const Allocator& allocator, const CellPlace& place, const WriterCell& cell) {
  const absl::StatusOr<Allocator::Pin> pin = allocator.Touch(place.cell, kCellBytes);
  if (!pin.ok()) return;
  pin->Access([&] { rseq::StoreWriterCell(pin->address(place.unit), cell); }).IgnoreError();
}

Usage UsageOfWriterBlock(Bytes size) {
  return {.bytes = size, .areas = 1, .leases = 0, .records = RecordBytesOfArea(0)};
}

Usage UsageOfWriterCells(std::uint64_t cells) {
  // Key, value and what a B-tree's node adds.
  constexpr Bytes kRecord{96};
  return {.bytes = Bytes(0), .areas = 0, .leases = 0, .records = kRecord * cells};
}

Usage UsageOfWriter(const metrics::Writer& writer) {
  Usage out = UsageOfWriterCells(writer.cells.size());
  for (const metrics::WriterBlock& block : writer.blocks) out += UsageOfWriterBlock(block.size);
  return out;
}

}  // namespace percpud
