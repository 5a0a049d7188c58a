// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/check.h"

#include <cstddef>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/percpu/introspect/inspector.h"
#include "server/session/variables.h"

namespace percpud {
namespace {

constexpr std::size_t kSlice = 256;

// What is charged beside the areas.
Usage UsageBesideAreas(const Holder& holder, Bytes unit_size, Usage opening) {
  Usage out;
  const Usage lease = UsageOfLease(unit_size);
  for (std::size_t i = 0; i < holder.leases.size(); ++i) out += lease;
  for (std::size_t i = 0; i < holder.opened.size(); ++i) out += opening;
  return out;
}

bool Covers(const Usage& charged, const Usage& held) {
  return charged.bytes >= held.bytes && charged.areas >= held.areas &&
         charged.leases >= held.leases && charged.records >= held.records;
}

// REQUIRES: it is a block.
Bytes SizeOfBlock(const Tables& tables, PercpuPtr block) {
  const metrics::Family& family = *tables.metrics.Find(tables.metrics.blocks().at(block));
  const auto slots = static_cast<std::uint32_t>(family.blocks.at(block).taken.size());
  return metrics::BlockBytes(family.shape, slots);
}

}  // namespace

absl::StatusOr<std::uint64_t> BooksCheck::Run() const {
  RETURN_IF_ERROR(CheckTotals());
  const std::vector<HolderId> holders = books_.Read([](const Tables& tables) {
    std::vector<HolderId> out;
    for (const auto& [id, holder] : tables.holders.all()) out.push_back(id);
    return out;
  });
  std::uint64_t areas = 0;
  for (const HolderId holder : holders) RETURN_IF_ERROR(CheckHolder(holder, areas));
  RETURN_IF_ERROR(CheckVariables(areas));
  RETURN_IF_ERROR(CheckBlocks(areas));
  RETURN_IF_ERROR(CheckWriterBlocks(areas));
  RETURN_IF_ERROR(CheckLeases());
  return areas;
}

absl::Status BooksCheck::CheckTotals() const {
  return books_.Read([](const Tables& tables) -> absl::Status {
    std::size_t areas = 0;
    absl::flat_hash_map<Identity, Usage> sums;
    for (const auto& [id, holder] : tables.holders.all()) {
      areas += holder.areas.size();
      sums[holder.identity] += holder.account.use();
    }
    if (areas != tables.areas.size()) {
      return absl::InternalError(absl::StrCat("sessions: holders have ", areas,
                                              " areas, the ledger ", tables.areas.size()));
    }
    for (const auto& [identity, row] : tables.holders.identities()) {
      if (row.account.use() == sums[identity]) continue;
      return absl::InternalError(
          absl::StrCat("sessions: ", Name(identity), "'s account is not the sum of what it has"));
    }
    for (const auto& [id, session] : tables.sessions.all()) {
      const bool is_known = tables.holders.Find(HolderOf(id)) != nullptr;
      const bool is_live = session.state == Session::State::kLive;
      if (is_known && (!is_live || tables.sessions.FindToken(session.token) == id)) continue;
      return absl::InternalError(
          absl::StrCat("sessions: session ", id.value(), " has no account, or another's token"));
    }
    return absl::OkStatus();
  });
}

absl::Status BooksCheck::CheckHolder(HolderId id, std::uint64_t& areas) const {
  std::vector<Claim> claims;
  Usage held;
  PercpuPtr after(0);
  const auto version = books_.Read([id](const Tables& tables) {
    const Holder* const holder = tables.holders.Find(id);
    return holder == nullptr ? std::uint64_t{0} : holder->version;
  });
  while (true) {
    ASSIGN_OR_RETURN(const bool more, WalkSlice(id, after, held, claims));
    RETURN_IF_ERROR(CheckClaims(claims));
    areas += claims.size();
    claims.clear();
    if (!more) break;
  }
  return CheckCharge(id, version, held);
}

absl::StatusOr<bool> BooksCheck::WalkSlice(HolderId id, PercpuPtr& after, Usage& held,
                                           std::vector<Claim>& claims) const {
  return books_.Read([&](const Tables& tables) -> absl::StatusOr<bool> {
    const Holder* const holder = tables.holders.Find(id);
    if (holder == nullptr) return false;
    auto area = holder->areas.upper_bound(after);
    for (; area != holder->areas.end() && claims.size() < kSlice; ++area) {
      const OwnedArea* const owned = tables.areas.Find(*area);
      if (owned == nullptr || owned->holder != id) {
        return absl::InternalError(absl::StrCat("sessions: ", tables.holders.NameOf(id),
                                                " holds area ", area->value(),
                                                ", which is not its own"));
      }
      held += owned->usage();
      claims.push_back({.pointer = *area, .size = owned->size});
      after = *area;
    }
    return area != holder->areas.end();
  });
}

// What was added up in slices is of one moment only if nothing changed meanwhile.
absl::Status BooksCheck::CheckCharge(HolderId id, std::uint64_t version, const Usage& held) const {
  return books_.Read([&](const Tables& tables) -> absl::Status {
    const Holder* const holder = tables.holders.Find(id);
    if (holder == nullptr || holder->version != version || holder->in_flight > 0) {
      return absl::OkStatus();
    }
    Usage all = held;
    all += UsageBesideAreas(*holder, allocator_.info().unit_size, UsageOfOpening());
    const Usage& use = holder->account.use();
    if (Covers(use, all)) return absl::OkStatus();
    return absl::InternalError(absl::StrCat("sessions: ", tables.holders.NameOf(id), " is charged ",
                                            use.bytes.value(), " bytes, ", use.areas, " areas, ",
                                            use.leases, " leases and holds ", all.bytes.value(),
                                            ", ", all.areas, ", ", all.leases));
  });
}

absl::Status BooksCheck::CheckVariables(std::uint64_t& areas) const {
  std::string after;
  while (true) {
    const std::vector<Variable> slice =
        books_.Read([&](const Tables& tables) { return tables.variables.List(after, kSlice); });
    if (slice.empty()) break;
    std::vector<Claim> claims;
    for (const Variable& variable : slice) {
      claims.push_back({.pointer = variable.pointer, .size = variable.size});
    }
    RETURN_IF_ERROR(CheckClaims(claims));
    areas += slice.size();
    after = slice.back().name;
  }
  PercpuPtr last(0);
  while (true) {
    const std::vector<QuarantinedArea> slice = books_.Read(
        [&](const Tables& tables) { return tables.openers.ListQuarantined(last, kSlice); });
    if (slice.empty()) return absl::OkStatus();
    std::vector<Claim> claims;
    for (const QuarantinedArea& area : slice) {
      claims.push_back({.pointer = area.pointer, .size = area.size});
    }
    RETURN_IF_ERROR(CheckClaims(claims));
    last = slice.back().pointer;
  }
}

absl::Status BooksCheck::CheckBlocks(std::uint64_t& areas) const {
  PercpuPtr last(0);
  while (true) {
    std::vector<Claim> claims;
    books_.Read([&](const Tables& tables) {
      const auto& blocks = tables.metrics.blocks();
      for (auto block = blocks.upper_bound(last); block != blocks.end() && claims.size() < kSlice;
           ++block) {
        claims.push_back({.pointer = block->first, .size = SizeOfBlock(tables, block->first)});
      }
    });
    if (claims.empty()) return absl::OkStatus();
    RETURN_IF_ERROR(CheckClaims(claims));
    areas += claims.size();
    last = claims.back().pointer;
  }
}

absl::Status BooksCheck::CheckWriterBlocks(std::uint64_t& areas) const {
  PercpuPtr last(0);
  while (true) {
    std::vector<Claim> claims;
    books_.Read([&](const Tables& tables) {
      const auto& blocks = tables.writers.blocks();
      for (auto block = blocks.upper_bound(last); block != blocks.end() && claims.size() < kSlice;
           ++block) {
        claims.push_back({.pointer = block->first, .size = block->second});
      }
    });
    if (claims.empty()) return absl::OkStatus();
    RETURN_IF_ERROR(CheckClaims(claims));
    areas += claims.size();
    last = claims.back().pointer;
  }
}

absl::Status BooksCheck::CheckLeases() const {
  ChunkId first(0);
  while (true) {
    const std::vector<LeaseRecord> slice =
        books_.Read([&](const Tables& tables) { return tables.leases.List(first, kSlice); });
    if (slice.empty()) return absl::OkStatus();
    std::vector<Claim> claims;
    for (const LeaseRecord& lease : slice) {
      claims.push_back(
          {.pointer = lease.chunk.base, .size = lease.chunk.unit_size, .is_lease = true});
    }
    RETURN_IF_ERROR(CheckClaims(claims));
    first = ChunkId(slice.back().chunk.id.value() + 1);
  }
}

absl::Status BooksCheck::CheckClaims(const std::vector<Claim>& claims) const {
  for (const Claim& claim : claims) {
    if (!IsLost(claim)) continue;
    return absl::InternalError(
        absl::StrCat("sessions: the allocator has no ", claim.is_lease ? "lease" : "area", " of ",
                     claim.size.value(), " bytes at ", claim.pointer.value()));
  }
  return absl::OkStatus();
}

// What is freed leaves the books first and the allocator then, and what is granted comes
// the other way: nothing in the books is ever unknown to the allocator. But the copy of
// them ages, and between two looks an area can go and come again: not time after time.
bool BooksCheck::IsLost(const Claim& claim) const {
  constexpr int kLooks = 4;
  for (int i = 0; i < kLooks; ++i) {
    if (IsGranted(claim) || !IsClaimed(claim)) return false;
  }
  return !IsGranted(claim);
}

bool BooksCheck::IsGranted(const Claim& claim) const {
  const absl::StatusOr<Resolution> found = Inspector(allocator_).Resolve(claim.pointer);
  if (!found.ok()) return false;
  if (claim.is_lease) return found->owner == Resolution::Owner::kLease;
  return found->owner == Resolution::Owner::kArea && found->area.pointer == claim.pointer &&
         found->area.size == claim.size;
}

bool BooksCheck::IsClaimed(const Claim& claim) const {
  return books_.Read([&](const Tables& tables) {
    if (claim.is_lease) return tables.leases.At(claim.pointer) != nullptr;
    if (const OwnedArea* const owned = tables.areas.Find(claim.pointer)) {
      return owned->size == claim.size;
    }
    const Variable* const variable = tables.variables.At(claim.pointer);
    if (variable != nullptr) return variable->size == claim.size;
    if (tables.metrics.IsBlock(claim.pointer)) {
      return SizeOfBlock(tables, claim.pointer) == claim.size;
    }
    const auto& of_writers = tables.writers.blocks();
    const auto block = of_writers.find(claim.pointer);
    if (block != of_writers.end()) return block->second == claim.size;
    return tables.openers.IsQuarantined(claim.pointer);
  });
}

}  // namespace percpud
