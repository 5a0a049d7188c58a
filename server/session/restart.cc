// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/restart.h"

#include <utility>

namespace percpud {

absl::StatusOr<Remembered> Remember(catalog::Catalog& catalog) {
  Remembered out;
  // Areas of one tag mostly come together.
  const std::string* last = nullptr;
  absl::StatusOr<catalog::Contents> contents = catalog.Load([&](catalog::Area area) {
    if (!area.tag.empty()) {
      if (last == nullptr || *last != area.tag) last = &*out.tags.emplace(area.tag).first;
      area.tag = *last;
    }
    out.areas.push_back(area);
    return true;
  });
  if (!contents.ok()) return contents.status();
  out.contents = *std::move(contents);
  return out;
}

RestoredState StateOf(const Remembered& remembered) {
  RestoredState out;
  for (const catalog::Chunk& chunk : remembered.contents.chunks) {
    out.chunks.push_back({.id = chunk.id, .base = chunk.base});
  }
  for (const catalog::Lease& lease : remembered.contents.leases) {
    out.leases.push_back({.chunk = lease.chunk, .map_base = lease.map_base});
  }
  out.areas.reserve(remembered.areas.size());
  for (const catalog::Area& area : remembered.areas) {
    out.areas.push_back({.pointer = area.pointer, .size = area.size, .tag = area.tag});
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
