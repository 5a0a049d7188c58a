// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SESSION_RESTART_H_
#define PERCPUD_SERVER_SESSION_RESTART_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/container/node_hash_set.h"
#include "absl/status/statusor.h"
#include "server/catalog/catalog.h"
#include "server/catalog/records.h"
#include "server/percpu/allocator/allocator.h"
#include "server/percpu/allocator/restored_state.h"

namespace percpud {

// All that a catalog knows, copied out of it.
struct Remembered {
  catalog::Contents contents;
  // What the allocator has to know of it; its tags are in `tags`.
  RestoredState state;
  // Whose each area of the state is.
  std::vector<SessionId> owners;
  absl::node_hash_set<std::string> tags;
};

// Errors: CatalogDamaged.
absl::StatusOr<Remembered> Remember(catalog::Catalog& catalog);

// For Allocator::Options: enters what becomes of chunks. The catalog outlives
// it.
std::function<void(const ChunkEvent&)> ChunkRecorder(catalog::Catalog& catalog);

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_RESTART_H_
