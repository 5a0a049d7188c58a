// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_PERCPU_INDEX_CHUNK_KIND_H_
#define PERCPUD_SERVER_PERCPU_INDEX_CHUNK_KIND_H_

namespace percpud {

// Where in a unit an area may lie.
enum class Region { kDynamic, kReserved };

// What a chunk is. The index knows the first three; the others are how a dynamic
// chunk is shown while it is leased, or gives its pages back.
enum class ChunkKind {
  // The reserved part of the first chunk: a chunk of its own over the same memory.
  kReserved,
  // The first chunk, less its static and its reserved part.
  kFirst,
  kDynamic,
  // A dynamic chunk that one client sub-allocates.
  kLeased,
  // A sidelined chunk that has pages to give back.
  kToDepopulate,
  // A dynamic chunk that is searched last.
  kSidelined,
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_INDEX_CHUNK_KIND_H_
