// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/main/daemon_layout.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/base/status_macros.h"
#include "server/main/layout_fingerprint.h"
#include "server/percpu/layout/cpu_units.h"
#include "server/rseq/self_test.h"

namespace percpud {
namespace {

// Names what the page allocator could only call a lack of pages.
absl::Status CheckRoom(const Footprint& footprint, const Arena& arena) {
  const Bytes block = ToBytes(footprint.block_pages, arena.page_size());
  if (block <= arena.size()) return absl::OkStatus();
  return errors::BadConfig(
      "arena_size",
      absl::StrCat(Format(arena.size()), " does not hold one chunk, a block of ", Format(block)));
}

// Restartable updates need a unit per CPU, and numbers of CPUs that can be trusted.
// Otherwise, or if asked for, several CPUs share a unit and lock.
absl::StatusOr<rseq::UpdateMode> ChooseMode(const std::optional<rseq::UpdateMode>& asked,
                                            const CpuUnits& units, const BelievedCpus& cpus) {
  using rseq::UpdateMode;
  if (!rseq::RseqWorks() && asked == UpdateMode::kRseq) {
    return errors::BadConfig("update_mode", "restartable sequences do not work here");
  }
  if (!units.exclusive && asked == UpdateMode::kRseq) {
    return errors::BadConfig("update_mode", "rseq needs a unit for every CPU this host may have");
  }
  if (!cpus.agree && asked == UpdateMode::kRseq) {
    return errors::BadConfig("update_mode",
                             absl::StrCat("rseq needs one word on the CPUs: ", cpus.sightings));
  }
  const bool can = units.exclusive && cpus.agree && rseq::RseqWorks();
  return asked.value_or(can ? UpdateMode::kRseq : UpdateMode::kAtomic);
}

}  // namespace

absl::StatusOr<DaemonLayout> LayOut(const DaemonConfig& config) {
  ASSIGN_OR_RETURN(AllocInfo info, BuildAllocInfo(config.sizes, config.topology));
  DaemonLayout out;
  out.cpus = Believe(LookAtCpus(config.has_host_topology ? &config.topology : nullptr));
  const CpuUnits units = PlaceCpus(info, out.cpus.count);
  ASSIGN_OR_RETURN(out.mode, ChooseMode(config.update_mode, units, out.cpus));
  out.text = LayoutText(info, config.statics, config.backend, config.backend_options,
                        config.page_size, out.mode);
  out.info = std::make_unique<const AllocInfo>(std::move(info));
  return out;
}

absl::StatusOr<std::unique_ptr<Backend>> MakeCheckedBackend(const DaemonConfig& config,
                                                            const AllocInfo& info, Arena& arena) {
  ASSIGN_OR_RETURN(std::unique_ptr<Backend> backend,
                   MakeBackend(config.backend, info, arena, config.backend_options));
  RETURN_IF_ERROR(backend->VerifyAllocInfo());
  RETURN_IF_ERROR(CheckRoom(backend->footprint(), arena));
  return backend;
}

Bytes FirstChunkSize(const DaemonConfig& config, const Backend& backend) {
  if (config.backend_options.page_first_chunk) return Bytes(0);
  const Footprint footprint = backend.footprint();
  const bool has_tail = config.backend == "km" && !footprint.returns_tail;
  return ToBytes(has_tail ? footprint.block_pages : footprint.pages_per_chunk, config.page_size);
}

}  // namespace percpud
