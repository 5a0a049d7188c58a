// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/restart.h"

#include <utility>

namespace percpud {

absl::StatusOr<Remembered> Remember(catalog::Catalog& catalog) {
  Remembered out;
  RestoredState& state = out.state;
  // Areas of one tag mostly come together.
  const std::string* last = nullptr;
  absl::StatusOr<catalog::Contents> contents =
      catalog.Load([&](catalog::Area area, std::size_t of) {
        if (state.areas.empty()) {
          state.areas.reserve(of);
          out.owners.reserve(of);
        }
        if (!area.tag.empty()) {
          if (last == nullptr || *last != area.tag) last = &*out.tags.emplace(area.tag).first;
          area.tag = *last;
        }
        state.areas.push_back({.pointer = area.pointer, .size = area.size, .tag = area.tag});
        out.owners.push_back(area.owner);
        return true;
      });
  if (!contents.ok()) return contents.status();
  out.contents = *std::move(contents);
  for (const catalog::Chunk& chunk : out.contents.chunks) {
    state.chunks.push_back({.id = chunk.id, .base = chunk.base});
  }
  for (const catalog::Lease& lease : out.contents.leases) {
    state.leases.push_back({.chunk = lease.chunk, .map_base = lease.map_base});
  }
  return out;
}

std::function<void(const ChunkEvent&)> ChunkRecorder(catalog::Catalog& catalog) {
  return [&catalog](const ChunkEvent& event) {
    catalog::Changes changes;
    if (event.destroyed) {
      changes.DeleteChunk(event.id);
    } else {
      changes.Put(catalog::Chunk{.id = event.id, .base = event.base, .order = event.order});
    }
    catalog.EnterOwed(std::move(changes));
  };
}

}  // namespace percpud
