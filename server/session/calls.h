// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SESSION_CALLS_H_
#define PERCPUD_SERVER_SESSION_CALLS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/base/limits.h"
#include "server/base/pace.h"
#include "server/base/units.h"
#include "server/percpu/allocator/allocator.h"
#include "server/percpu/allocator/updater.h"
#include "server/session/access/caller.h"
#include "server/session/access/exports.h"
#include "server/session/access/policy.h"
#include "server/session/sessions.h"

namespace percpud {

// What local and remote callers ask of memory, checked and served. The side door's lane
// and gRPC both end here, so that both refuse alike; neither's types are known here.
//
// Each call checks the caller's role and that its session lives, then the request's own
// limits. What a caller by TLS reads, rules of export name besides; its own areas need no
// rule. A refused call changes nothing. Thread safe, as the allocator is.
class Calls {
 public:
  struct Limits {
    // Entries in one Alloc, Free or HandOver.
    std::uint32_t batch = kDefaultBatch;
    // Bytes in one Read or Write.
    Bytes transfer = kDefaultTransfer;
  };
  struct AddRequest {
    PercpuPtr pointer;
    // nullopt: the unit of the CPU that the thread runs on.
    std::optional<UnitId> unit;
    std::int64_t delta = 0;
    // 4 or 8.
    Bytes width;
  };

  // The references outlive the calls.
  Calls(Allocator& allocator, Sessions& sessions, const Updater& updater, Limits limits,
        const Exports& exports = Exports::None())
      : allocator_(allocator),
        sessions_(sessions),
        updater_(updater),
        limits_(limits),
        exports_(exports) {}

  // Where the doors count what they were asked.
  [[nodiscard]] CallStats& stats() const { return sessions_.call_stats(); }

  [[nodiscard]] absl::Status Ping(const Caller& caller) const;

  // --- Areas ----------------------------------------------------------------------
  // Errors: BatchOverLimit, of the list that `field` names.
  [[nodiscard]] absl::Status CheckBatch(absl::string_view field, std::size_t entries) const;
  // Makes one AreaSpec for each size, in `out`. `size_at` and `alignment_at` return the
  // i-th number of a request's lists; there is one alignment for each size, one for all,
  // or none. A request that is too long is refused before memory is taken for it.
  // Errors: BatchOverLimit, AlignmentCountMismatch.
  template <typename SizeAt, typename AlignmentAt>
  absl::Status ReadSpecs(std::size_t sizes, SizeAt size_at, std::size_t alignments,
                         AlignmentAt alignment_at, std::vector<AreaSpec>& out) const;
  // Errors: BatchOverLimit, and Areas::AllocBatch's. REQUIRES: out is as long as specs.
  Outcome Alloc(const Caller& caller, Pace pace, std::span<const AreaSpec> specs,
                const AllocOptions& options, std::span<PercpuPtr> out) const;
  // Returns the freed bytes of one unit. Errors: BatchOverLimit, and
  // Areas::FreeBatch's.
  absl::StatusOr<Bytes> Free(const Caller& caller, std::span<const PercpuPtr> pointers,
                             Areas::Reach reach = Areas::Reach::kAllAllowed) const;

  // --- Bytes ----------------------------------------------------------------------
  // Copies bytes of one unit, not words: against a writer at work the copy may hold a
  // value half old and half new. Integers are for Add and Sum. Errors: UnitOutOfRange,
  // UnitIsGhost, TransferOverLimit, MemoryTaken, NotExported, and Allocator::Touch's.
  absl::Status Read(const Caller& caller, PercpuPtr pointer, UnitId unit, Bytes length,
                    std::string& out) const;
  // Copies bytes into one unit, as Read does. Errors: Read's, and NotOwner.
  absl::Status Write(const Caller& caller, PercpuPtr pointer, UnitId unit,
                     absl::string_view bytes) const;

  // --- Integers -------------------------------------------------------------------
  // Would sleep where it has to move the thread. The value is told to a caller who may read
  // it, and is 0 to others. Errors: UnitOutOfRange, UnitIsGhost,
  // UnknownEnum (the width), FieldOutOfRange, PointerMisaligned, NotOwner,
  // CpuOutOfReach, and Allocator::Touch's.
  OutcomeOr<Updater::Added> Add(const Caller& caller, Pace pace, const AddRequest& request) const;
  // Adds up the integers of all units that have a CPU. Errors: PointerMisaligned,
  // MemoryTaken, NotExported, and Allocator::Touch's. REQUIRES: `width` is 4 or 8 bytes.
  absl::StatusOr<std::int64_t> Sum(const Caller& caller, PercpuPtr pointer, Bytes width) const;

  // --- Variables ------------------------------------------------------------------
  // Would sleep where the variable has to be made. An alignment of 0 is the default
  // one. Errors: Variables::Open's.
  OutcomeOr<OpenedVariable> OpenVariable(const Caller& caller, Pace pace, VariableSpec spec) const;

  // Variables whose names begin with `prefix`, by name, after `after`, `limit` at most, that are
  // exported to the caller; what is not costs nothing. The caller was admitted.
  [[nodiscard]] std::vector<Variable> ListVariables(const Caller& caller, absl::string_view after,
                                                    std::size_t limit,
                                                    absl::string_view prefix = {}) const;
  // nullopt if there is none. The caller was admitted. Errors: NotExported.
  [[nodiscard]] absl::StatusOr<std::optional<Variable>> FindVariable(const Caller& caller,
                                                                     absl::string_view name) const;

  // --- Metrics --------------------------------------------------------------------
  // Would sleep where there is more to make than a few series in cells that there are. Errors:
  // Metrics::Open's.
  OutcomeOr<Opening> OpenSeries(const Caller& caller, Pace pace, const OpeningWanted& wanted) const;
  // Errors: those of Metrics' methods of these names, Remove and Reset among them.
  absl::StatusOr<std::uint64_t> RemoveSeries(const Caller& caller, absl::string_view name_space,
                                             const RemovalWanted& wanted) const;
  absl::StatusOr<std::uint64_t> CloseWriter(const Caller& caller, WriterId writer) const;
  absl::StatusOr<NamespaceReset> ResetNamespace(const Caller& caller, absl::string_view name_space,
                                                std::uint64_t if_generation) const;
  // The same for what is read. A page leaves out what is not exported to the caller.
  // Errors besides: NotExported, if no rule can name anything that was asked for.
  absl::StatusOr<Metrics::Page> ListFamilies(const Caller& caller,
                                             std::optional<absl::string_view> name_space,
                                             FamilyId from, Metrics::OnFamily on_family) const;
  absl::StatusOr<Metrics::Page> ReadSeries(const Caller& caller,
                                           const Metrics::SeriesWanted& wanted,
                                           Metrics::OnSeries on_series,
                                           Metrics::OnWriter on_writer) const;
  // What changed behind `revision`; the caller's session is waited for as Metrics::Watch
  // says.
  absl::StatusOr<metrics::ChangeLog::Slice> WatchSeries(const Caller& caller,
                                                        std::optional<absl::string_view> name_space,
                                                        std::uint64_t revision,
                                                        std::size_t most) const;
  // The same for a caller that was admitted, and that nothing waits for. One to whom not all
  // of it is exported is told of namespaces only.
  metrics::ChangeLog::Slice ReadChanges(const Caller& caller,
                                        std::optional<absl::string_view> name_space,
                                        std::uint64_t revision, std::size_t most) const;
  // Whether it may follow them. Errors: NotExported.
  [[nodiscard]] absl::Status CheckWatch(const Caller& caller,
                                        std::optional<absl::string_view> name_space) const;
  // What leaves the host for that caller.
  [[nodiscard]] ExportView ExportsTo(const Caller& caller) const { return exports_.ViewOf(caller); }
  // REQUIRES: the cells are of a page of ReadSeries.
  bool ReadLive(std::span<const Metrics::LiveCell> cells,
                absl::FunctionRef<void(std::size_t, const metrics::WriterCell&)> on_cell) const {
    return sessions_.metrics().ReadLive(cells, on_cell);
  }
  // The arena offset of a writer's cell.
  [[nodiscard]] PercpuPtr PointerOf(const metrics::CellPlace& place) const;

 private:
  [[nodiscard]] absl::Status Admit(Rpc rpc, const Caller& caller) const;
  [[nodiscard]] absl::Status CheckLists(std::size_t sizes, std::size_t alignments) const;
  [[nodiscard]] absl::Status CheckTransfer(UnitId unit, Bytes length) const;
  [[nodiscard]] absl::Status CheckAdd(const AddRequest& request) const;
  // Keeps the bytes in place; the caller may change them, and they are of one area or of
  // the static part.
  [[nodiscard]] absl::StatusOr<Allocator::Pin> TouchToChange(Rpc rpc, const Caller& caller,
                                                             PercpuPtr pointer, Bytes length) const;
  // Keeps the bytes in place; the caller may read them.
  [[nodiscard]] absl::StatusOr<Allocator::Pin> TouchToRead(const Caller& caller, PercpuPtr pointer,
                                                           Bytes length) const;
  // Errors: NotExported.
  [[nodiscard]] absl::Status CheckMayRead(const Caller& caller, PercpuPtr area) const;
  [[nodiscard]] absl::StatusOr<Updater::Added> ToldTo(const Caller& caller, PercpuPtr area,
                                                      absl::StatusOr<Updater::Added> added) const;

  Allocator& allocator_;
  Sessions& sessions_;
  const Updater& updater_;
  const Limits limits_;
  const Exports& exports_;
};

template <typename SizeAt, typename AlignmentAt>
absl::Status Calls::ReadSpecs(std::size_t sizes, SizeAt size_at, std::size_t alignments,
                              AlignmentAt alignment_at, std::vector<AreaSpec>& out) const {
  if (absl::Status status = CheckLists(sizes, alignments); !status.ok()) return status;
  out.assign(sizes, AreaSpec{});
  for (std::size_t i = 0; i < sizes; ++i) {
    out[i].size = Bytes(size_at(i));
    if (alignments > 0) out[i].alignment = Bytes(alignment_at(alignments == 1 ? 0 : i));
  }
  return absl::OkStatus();
}

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_CALLS_H_
