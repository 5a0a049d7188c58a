// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// From the catalog back into the books and the allocator.
//
//   catalog --Remember--> Remembered { state ----> Allocator::Restore
//                                      contents -> Recovery: books }

#ifndef PERCPUD_SERVER_SESSION_RECOVERY_H_
#define PERCPUD_SERVER_SESSION_RECOVERY_H_

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/node_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/clock.h"
#include "server/catalog/catalog.h"
#include "server/catalog/records.h"
#include "server/percpu/allocator/allocator.h"
#include "server/percpu/allocator/restored_state.h"
#include "server/session/books.h"

namespace percpud {

// All that a catalog knows, copied out of it.
struct Remembered {
  catalog::Contents contents;
  // What the allocator has to know of it; its tags are in `tags`.
  RestoredState state;
  // Who owns each area of the state, as the catalog has it.
  std::vector<SessionId> owners;
  absl::node_hash_set<std::string> tags;
};

// Errors: CatalogDamaged.
absl::StatusOr<Remembered> Remember(catalog::Catalog& catalog);

// For Allocator::Options: enters what becomes of chunks. The catalog outlives
// it.
std::function<void(const ChunkEvent&)> ChunkRecorder(catalog::Catalog& catalog);

// Fills empty books from what a catalog says. Used once, by one thread.
class Recovery {
 public:
  // `allocator` has restored the areas. Both outlive the object.
  Recovery(const Allocator& allocator, Books& books, BootTime now)
      : allocator_(allocator), books_(books), now_(now) {}

  // Errors: NotRestorable.
  absl::Status Run(const Remembered& remembered);
  // Areas whose owner has ended: to be freed. Valid after Run.
  [[nodiscard]] std::span<const PercpuPtr> orphans() const { return orphans_; }

 private:
  [[nodiscard]] absl::Status CheckVariables(const catalog::Contents& contents) const;
  absl::Status Fill(Tables& tables, const Remembered& remembered);
  absl::Status RestoreSession(Tables& tables, const catalog::Session& record) const;
  static absl::Status RestoreVariable(Tables& tables, const catalog::Variable& record);
  absl::Status RestoreLeases(Tables& tables, const catalog::Contents& contents) const;
  void RestoreOpeners(Tables& tables, const catalog::Contents& contents);
  void RestoreAreas(Tables& tables, const Remembered& remembered);
  static void RestoreAnswers(Tables& tables, std::span<const catalog::Answer> answers);
  void ForgetIdleIdentities(Tables& tables, const catalog::Contents& contents);

  const Allocator& allocator_;
  Books& books_;
  const BootTime now_;
  std::vector<PercpuPtr> orphans_;
  // Records of what has ended.
  catalog::Changes stale_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_RECOVERY_H_
