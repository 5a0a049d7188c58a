// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What backs a chunk. The list below is all a backend has to provide: the
// kernel's six functions (mm/percpu.c names them in one comment), with the
// footprint that introspection shows.
//
// A new backend is one file pair here and one line in factory.cc. tests/conformance
// runs for every name in factory.cc.

#ifndef PERCPUD_SERVER_PERCPU_BACKEND_BACKEND_H_
#define PERCPUD_SERVER_PERCPU_BACKEND_BACKEND_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/arena/page_source.h"
#include "server/base/units.h"
#include "server/percpu/backend/footprint.h"
#include "server/percpu/layout/alloc_info.h"

namespace percpud {

// Where one chunk's units lie: [base, base + chunk_size) of the arena.
struct ChunkMemory {
  // Arena offset of unit 0.
  Bytes base;
  PageId first_page;
  // Pages that the chunk owns: those of its units, and of its ghost units
  // unless they were given back.
  Pages pages;
  // The order of the block they were cut from.
  Order block_order;
};

// What the operator may choose. What a backend cannot do it passes over, or its
// VerifyAllocInfo refuses.
struct BackendOptions {
  // Ghosts at a chunk's end and the rest of its block go back to the page
  // allocator.
  bool return_tail = false;
  // The first chunk, too, is backed only where something lies.
  bool page_first_chunk = false;
};

// A range of blocks (base pages of the unit), the same in every unit.
struct BlockRange {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
};

// Thread safety: every call that makes, changes or walks chunks is made under
// the allocator's grow lock, never under its index lock, so a backend may sleep.
// The rest (name to VerifyAllocInfo) is constant.
class Backend {
 public:
  virtual ~Backend() = default;

  [[nodiscard]] virtual absl::string_view name() const = 0;
  [[nodiscard]] virtual Footprint footprint() const = 0;
  // A power of two: no range of that size that is aligned to it holds bytes of two
  // chunks. The larger, the fewer entries a chunk has in the map that finds it.
  [[nodiscard]] virtual Bytes frame_size() const = 0;
  // True if chunks are created with every block populated; PopulateChunk and
  // DepopulateChunk are then never needed.
  [[nodiscard]] virtual bool populates_at_creation() const = 0;
  // True if the first chunk is not to be populated whole either.
  [[nodiscard]] virtual bool page_first_chunk() const { return false; }
  // What the operator should know beside the footprint; empty if nothing.
  [[nodiscard]] virtual std::string remark() const { return {}; }

  // Refuses layouts this backend cannot serve. Called once, before anything else.
  [[nodiscard]] virtual absl::Status VerifyAllocInfo() const = 0;

  // Memory for one more chunk; what is populated reads zero. On failure
  // nothing is kept.
  virtual absl::StatusOr<ChunkMemory> CreateChunk() = 0;
  // REQUIRES: no area lives in it.
  virtual void DestroyChunk(const ChunkMemory& memory) = 0;

  // Backs the blocks in every unit but the ghosts with zeroed pages, or changes
  // nothing.
  virtual absl::Status PopulateChunk(const ChunkMemory& memory, BlockRange blocks) = 0;
  // Gives their pages back. If it fails they count as populated, and some may
  // read zero. REQUIRES: no area lives in them.
  virtual absl::Status DepopulateChunk(const ChunkMemory& memory, BlockRange blocks) = 0;

  // Returns backed, zeroed pages for something other than a chunk: `size` bytes,
  // whole pages, somewhere in the arena. On failure nothing is kept.
  virtual absl::StatusOr<Bytes> TakePages(Bytes size) = 0;
  // REQUIRES: TakePages(size) returned it.
  virtual void GivePages(Bytes offset, Bytes size) = 0;

  // --- After a restart, before anything is created ---------------------------
  // The chunk that lay at `base`, with what is in it. Errors: BlockNotFree.
  virtual absl::StatusOr<ChunkMemory> AdoptChunk(Bytes base) = 0;
  // Pages that TakePages returned in another life. Errors: BlockNotFree.
  virtual absl::Status AdoptPages(Bytes offset, Bytes size) = 0;
  // Gives what is nobody's back to the system, and what it did not take before. Called
  // at any time, too. Errors: what it said; then the rest is given back all the same.
  virtual absl::Status ReleaseRest() = 0;
  // Whether there are pages that the system did not take back, which ReleaseRest tries
  // again.
  [[nodiscard]] virtual bool owes_pages() const { return false; }

  // The page allocator's free lists.
  [[nodiscard]] virtual BuddyState Buddy() const = 0;
  // Walks the backend's own state; INTERNAL names what is wrong.
  [[nodiscard]] virtual absl::Status CheckInvariants() const = 0;
};

// A backend by its configured name over `pages`, which outlives it, as does
// `info`. Errors: BadConfig for a name that no backend has; it lists those that exist.
absl::StatusOr<std::unique_ptr<Backend>> MakeBackend(absl::string_view name, const AllocInfo& info,
                                                     PageSource& pages,
                                                     const BackendOptions& options);
// The names MakeBackend takes.
std::vector<absl::string_view> BackendNames();

}  // namespace percpud

#endif  // PERCPUD_SERVER_PERCPU_BACKEND_BACKEND_H_
