// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/series/metrics.h"

#include <algorithm>
#include <cassert>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

#include "server/base/errors.h"
#include "server/base/status_macros.h"
#include "server/metrics/rules.h"
#include "server/session/series/opening.h"
#include "server/session/series/removal.h"

namespace percpud {
namespace {

using metrics::Family;
using metrics::Namespace;

absl::string_view OrDefault(absl::string_view name_space) {
  return name_space.empty() ? metrics::kDefaultNamespace : name_space;
}

absl::StatusOr<const Namespace*> Find(const Tables& tables, absl::string_view name_space) {
  const Namespace* const found = tables.metrics.Find(OrDefault(name_space));
  if (found == nullptr) return errors::NamespaceNotFound(OrDefault(name_space));
  return found;
}

}  // namespace

std::uint64_t Metrics::NowNs() const {
  return static_cast<std::uint64_t>(absl::ToUnixNanos(ToHour(clock_, clock_.Now())));
}

absl::StatusOr<Opening> Metrics::Open(const Caller& caller, const OpeningWanted& wanted) {
  SeriesOpening opening({.allocator = allocator_,
                         .books = books_,
                         .caller = caller,
                         .limits = limits_,
                         .now_ns = NowNs()},
                        wanted);
  std::optional<absl::StatusOr<Opening>> opened = opening.Run(true);
  assert(opened.has_value());
  return *std::move(opened);
}

std::optional<absl::StatusOr<Opening>> Metrics::TryOpen(const Caller& caller,
                                                        const OpeningWanted& wanted) {
  return SeriesOpening({.allocator = allocator_,
                        .books = books_,
                        .caller = caller,
                        .limits = limits_,
                        .now_ns = 0},
                       wanted)
      .Run(false);
}

absl::StatusOr<std::uint64_t> Metrics::Remove(const Caller& caller, absl::string_view name_space,
                                              const RemovalWanted& wanted) {
  return SeriesRemoval(
             {.allocator = allocator_, .books = books_, .caller = caller, .now_ns = NowNs()},
             OrDefault(name_space))
      .Remove(wanted);
}

absl::StatusOr<NamespaceReset> Metrics::Reset(const Caller& caller, absl::string_view name_space,
                                              std::uint64_t if_generation) {
  return SeriesRemoval(
             {.allocator = allocator_, .books = books_, .caller = caller, .now_ns = NowNs()},
             OrDefault(name_space))
      .Reset(if_generation);
}

std::size_t Metrics::Collect() {
  const std::vector<std::string> names = books_.Read([](const Tables& tables) {
    std::vector<std::string> out;
    for (const auto& [id, name_space] : tables.metrics.namespaces()) {
      if (name_space.least_writer != metrics::kNoWriter) out.push_back(name_space.name);
    }
    return out;
  });
  const Caller daemon{.role = Role::kOperator};
  std::size_t gone = 0;
  for (const std::string& name : names) {
    gone +=
        SeriesRemoval({.allocator = allocator_, .books = books_, .caller = daemon}, name).Collect();
  }
  return gone;
}

std::uint64_t Metrics::Expire() {
  const Caller daemon{.role = Role::kOperator};
  std::uint64_t expired = 0;
  for (const SeriesExpiry::IdleFamily& idle : expiry_.Look(clock_.Now())) {
    SeriesRemoval removal(
        {.allocator = allocator_, .books = books_, .caller = daemon, .now_ns = NowNs()},
        idle.name_space);
    // What the catalog has no room for is still idle at the next look.
    expired += removal.Expire(idle.family, idle.series).value_or(0);
  }
  return expired;
}

// --- Reading -----------------------------------------------------------------

absl::StatusOr<Metrics::Page> Metrics::ListFamilies(std::optional<absl::string_view> name_space,
                                                    FamilyId from, OnFamily on_family) const {
  return books_.Read([&](const Tables& tables) -> absl::StatusOr<Page> {
    Page page{.revision = tables.metrics.revision()};
    if (name_space) {
      ASSIGN_OR_RETURN(const Namespace* const one, Find(tables, *name_space));
      page.generation = one->generation;
      for (auto entry = one->families.lower_bound(from); entry != one->families.end(); ++entry) {
        if (on_family(*one, *entry->second)) continue;
        page.next = SeriesFrom{.family = entry->first, .series = {}};
        break;
      }
      return page;
    }
    const auto& families = tables.metrics.families();
    for (auto entry = families.lower_bound(from); entry != families.end(); ++entry) {
      const Family& family = entry->second;
      const Namespace& of = *tables.metrics.Find(family.name_space);
      if (family.replaced || on_family(of, family)) continue;
      page.next = SeriesFrom{.family = entry->first, .series = {}};
      break;
    }
    return page;
  });
}

absl::StatusOr<Metrics::Page> Metrics::ReadSeries(absl::string_view name_space, FamilyId family,
                                                  SeriesFrom from, OnSeries on_series) const {
  return books_.Read([&](const Tables& tables) -> absl::StatusOr<Page> {
    ASSIGN_OR_RETURN(const Namespace* const one, Find(tables, name_space));
    Page page{.generation = one->generation, .revision = tables.metrics.revision()};
    const bool in_one = family != FamilyId(0);
    if (in_one && !one->families.contains(family)) {
      return errors::FamilyNotFound(absl::StrCat(family.value()));
    }
    auto entry = one->families.lower_bound(in_one ? std::max(family, from.family) : from.family);
    for (; entry != one->families.end(); ++entry) {
      if (in_one && entry->first != family) break;
      const auto& rows = entry->second->series;
      auto row = entry->first == from.family ? rows.lower_bound(from.series) : rows.begin();
      for (; row != rows.end(); ++row) {
        if (row->second->retired || on_series(*entry->second, *row->second)) continue;
        page.next = SeriesFrom{.family = entry->first, .series = row->first};
        return page;
      }
    }
    return page;
  });
}

std::size_t Metrics::CountJoined(absl::string_view name_space) const {
  return books_.Read([&](const Tables& tables) {
    const Namespace* const found = tables.metrics.Find(OrDefault(name_space));
    return found == nullptr ? 0 : found->joined.size();
  });
}

void LeaveAll(Tables& tables, SessionId session, catalog::Changes* changes) {
  for (const auto& [id, name_space] : tables.metrics.namespaces()) {
    if (!name_space.joined.contains(session)) continue;
    tables.metrics.Find(id)->joined.erase(session);
    if (changes != nullptr) changes->DeleteJoined(id, session);
  }
}

}  // namespace percpud
