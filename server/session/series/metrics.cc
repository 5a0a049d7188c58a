// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/series/metrics.h"

#include <algorithm>
#include <cassert>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/base/errors.h"
#include "server/base/status_macros.h"
#include "server/metrics/rules.h"
#include "server/session/series/collection.h"
#include "server/session/series/opening.h"
#include "server/session/series/records.h"
#include "server/session/series/removal.h"
#include "server/session/series/writer_cells.h"

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

// Families or series of one page, those that are not told among them.
constexpr std::size_t kMostLookedAt = 4096;

// Goes from series to series until a page is full, or enough was looked at.
class SeriesWalk {
 public:
  SeriesWalk(const Tables& tables, SeriesFrom from, Metrics::OnSeries on_series,
             Metrics::OnWriter on_writer)
      : tables_(tables), from_(from), on_series_(on_series), on_writer_(on_writer) {}

  // Each returns false once the walk is over: then the next one begins at next().
  bool Skip(FamilyId family) {
    if (++looked_at_ < kMostLookedAt) return true;
    next_ = {.family = FamilyId(family.value() + 1), .series = {}};
    return false;
  }
  bool Read(const Family& family) {
    const bool goes_on = family.id == from_.family;
    auto row = goes_on ? family.series.lower_bound(from_.series) : family.series.begin();
    for (; row != family.series.end(); ++row) {
      const metrics::Series& series = *row->second;
      const bool is_begun = goes_on && series.id == from_.series;
      const WriterId writer = is_begun ? from_.writer : WriterId(0);
      if (looked_at_++ >= kMostLookedAt) return Stop(family, series, writer);
      if (series.retired) continue;
      if (!on_series_(family, series)) return Stop(family, series, writer);
      if (series.writers != nullptr && !ReadWriters(family, series, writer)) return false;
    }
    return Skip(family.id);
  }
  [[nodiscard]] const SeriesFrom& next() const { return next_; }

 private:
  bool ReadWriters(const Family& family, const metrics::Series& series, WriterId from) {
    const metrics::SeriesWriters& writers = *series.writers;
    for (auto entry = writers.lower_bound(from); entry != writers.end(); ++entry) {
      const auto& [id, writer] = *entry;
      const absl::string_view label =
          writer.IsLive() ? tables_.writers.Find(id)->label : writer.label;
      const bool is_enough = looked_at_++ >= kMostLookedAt && entry != writers.lower_bound(from);
      if (is_enough || !on_writer_(id, writer, label)) return Stop(family, series, id);
    }
    return true;
  }
  bool Stop(const Family& family, const metrics::Series& series, WriterId writer) {
    next_ = {.family = family.id, .series = series.id, .writer = writer};
    return false;
  }

  const Tables& tables_;
  const SeriesFrom from_;
  Metrics::OnSeries on_series_;
  Metrics::OnWriter on_writer_;
  std::size_t looked_at_ = 0;
  SeriesFrom next_;
};

}  // namespace

void Metrics::SetLimits(const MetricLimits& limits) {
  RankedLock lock(&mu_);
  limits_ = limits;
}

MetricLimits Metrics::limits() const {
  RankedLock lock(&mu_);
  return limits_;
}

std::uint64_t Metrics::NowNs() const {
  return static_cast<std::uint64_t>(absl::ToUnixNanos(ToHour(clock_, clock_.Now())));
}

std::uint64_t Metrics::NowSinceBootNs() const {
  return static_cast<std::uint64_t>(absl::ToInt64Nanoseconds(clock_.Now().since_boot()));
}

absl::StatusOr<Opening> Metrics::Open(const Caller& caller, const OpeningWanted& wanted) {
  std::optional<absl::StatusOr<Opening>> opened = RunOpening(caller, wanted, true);
  assert(opened.has_value());
  return *std::move(opened);
}

std::optional<absl::StatusOr<Opening>> Metrics::TryOpen(const Caller& caller,
                                                        const OpeningWanted& wanted) {
  return RunOpening(caller, wanted, false);
}

std::optional<absl::StatusOr<Opening>> Metrics::RunOpening(const Caller& caller,
                                                           const OpeningWanted& wanted,
                                                           bool may_sleep) {
  return SeriesOpening({.allocator = allocator_,
                        .books = books_,
                        .caller = caller,
                        .limits = limits(),
                        .now_ns = NowNs()},
                       wanted)
      .Run(may_sleep);
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
  const BootTime now = clock_.Now();
  const std::vector<std::string> names = books_.Update([now](Tables& tables) {
    tables.metrics.log().DropSilent(now);
    std::vector<std::string> out;
    for (const auto& [id, name_space] : tables.metrics.namespaces()) {
      if (name_space.least_writer != metrics::kNoWriter) out.push_back(name_space.name);
    }
    return out;
  });
  std::size_t gone = 0;
  for (const std::string& name : names) gone += SeriesCollection(allocator_, books_, name).Run();
  const auto kept_ns = static_cast<std::uint64_t>(absl::ToInt64Nanoseconds(limits().keep_dead));
  const std::uint64_t now_ns = NowSinceBootNs();
  if (now_ns > kept_ns) WriterFold(allocator_, books_, now_ns).ForgetDead(now_ns - kept_ns);
  KeepCounts();
  return gone;
}

// Refusing costs no commit: there is one now and then.
void Metrics::KeepCounts() {
  constexpr std::size_t kMost = 1024;
  Transaction tx(books_, {});
  if (!tx.keeps()) return;
  metrics::MetricTables& tables = tx.tables().metrics;
  std::vector<FamilyId> told;
  for (const FamilyId id : tables.untold()) {
    const metrics::Family& row = *tables.Find(id);
    // One that is being changed has another record on its way.
    if (tables.Find(row.name_space)->state != RowState::kSettled) continue;
    tx.Put(RecordOf(row));
    told.push_back(id);
    if (told.size() == kMost) break;
  }
  if (told.empty()) return;
  for (const FamilyId id : told) tables.NoteTold(id);
  const Journal::Ticket ticket = tx.EnterOwed([](Tables&) {});
  books_.journal().Await(ticket).IgnoreError();
}

// --- Writers -----------------------------------------------------------------

absl::StatusOr<std::uint64_t> Metrics::CloseWriter(const Caller& caller, WriterId writer) {
  RETURN_IF_ERROR(books_.Read([&](const Tables& tables) -> absl::Status {
    const metrics::Writer* const found = tables.writers.Find(writer);
    const bool is_own = found != nullptr && found->session == caller.session;
    return is_own ? absl::OkStatus() : errors::WriterNotFound(writer.value());
  }));
  return WriterFold(allocator_, books_, NowSinceBootNs()).Run(writer);
}

void Metrics::CloseWritersOf(SessionId session, Leaves leaves) {
  const std::vector<WriterId> writers =
      books_.Read([session](const Tables& tables) { return tables.writers.ListOf(session); });
  WriterFold fold(allocator_, books_, NowSinceBootNs());
  for (const WriterId writer : writers) fold.Run(writer, leaves);
}

void Metrics::CloseLeftWriters() {
  const std::vector<WriterId> writers = books_.Read([](const Tables& tables) {
    std::vector<WriterId> out;
    for (const auto& [id, writer] : tables.writers.all()) {
      if (tables.sessions.Find(writer.session) == nullptr) out.push_back(id);
    }
    return out;
  });
  WriterFold fold(allocator_, books_, NowSinceBootNs());
  for (const WriterId writer : writers) fold.Run(writer);
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
    Page page{.revision = tables.metrics.log().revision()};
    std::size_t looked_at = 0;
    const auto is_over = [&](FamilyId family, bool is_taken) {
      if (is_taken && ++looked_at < kMostLookedAt) return false;
      // One that was taken is not told again.
      page.next = SeriesFrom{.family = FamilyId(family.value() + (is_taken ? 1 : 0)), .series = {}};
      return true;
    };
    if (name_space) {
      ASSIGN_OR_RETURN(const Namespace* const one, Find(tables, *name_space));
      page.generation = one->generation;
      for (auto entry = one->families.lower_bound(from); entry != one->families.end(); ++entry) {
        if (is_over(entry->first, on_family(*one, *entry->second))) break;
      }
      return page;
    }
    const auto& families = tables.metrics.families();
    for (auto entry = families.lower_bound(from); entry != families.end(); ++entry) {
      const Family& family = entry->second;
      const Namespace& of = *tables.metrics.Find(family.name_space);
      if (is_over(entry->first, family.replaced || on_family(of, family))) break;
    }
    return page;
  });
}

absl::StatusOr<Metrics::Page> Metrics::ReadSeries(absl::string_view name_space, FamilyId family,
                                                  SeriesFrom from, OnSeries on_series) const {
  return ReadSeries({.name_space = name_space, .family = family, .from = from}, on_series,
                    [](WriterId, const metrics::SeriesWriter&, absl::string_view) { return true; });
}

absl::StatusOr<Metrics::Page> Metrics::ReadSeries(const SeriesWanted& wanted, OnSeries on_series,
                                                  OnWriter on_writer) const {
  return books_.Read([&](const Tables& tables) -> absl::StatusOr<Page> {
    ASSIGN_OR_RETURN(const Namespace* const one, Find(tables, wanted.name_space));
    Page page{.generation = one->generation, .revision = tables.metrics.log().revision()};
    const bool in_one = wanted.family != FamilyId(0);
    if (in_one && !one->families.contains(wanted.family)) {
      return errors::FamilyNotFound(absl::StrCat(wanted.family.value()));
    }
    SeriesWalk walk(tables, wanted.from, on_series, on_writer);
    const FamilyId first =
        in_one ? std::max(wanted.family, wanted.from.family) : wanted.from.family;
    for (auto entry = one->families.lower_bound(first); entry != one->families.end(); ++entry) {
      if (in_one && entry->first != wanted.family) break;
      if (!absl::StartsWith(entry->second->shape.name, wanted.prefix)) {
        if (walk.Skip(entry->first)) continue;
      } else if (walk.Read(*entry->second)) {
        continue;
      }
      page.next = walk.next();
      break;
    }
    return page;
  });
}

bool Metrics::ReadLive(
    std::span<const LiveCell> cells,
    absl::FunctionRef<void(std::size_t, const metrics::WriterCell&)> on_cell) const {
  for (std::size_t i = 0; i < cells.size(); ++i) on_cell(i, ReadCell(allocator_, cells[i].place));
  // Memory of a writer that was folded may have been another's by then.
  return books_.Read([&](const Tables& tables) {
    return std::all_of(cells.begin(), cells.end(), [&](const LiveCell& cell) {
      const metrics::Writer* const writer = tables.writers.Find(cell.writer);
      return writer != nullptr && writer->cells.contains(cell.series);
    });
  });
}

// --- Watching ----------------------------------------------------------------

metrics::ChangeLog::Slice Metrics::Watch(SessionId session,
                                         std::optional<absl::string_view> name_space,
                                         std::uint64_t revision, std::size_t most) {
  return books_.Update([&](Tables& tables) {
    metrics::ChangeLog& log = tables.metrics.log();
    metrics::ChangeLog::Slice out = log.Read(revision, most);
    const bool is_live = tables.sessions.FindLive(session) != nullptr;
    if (is_live) log.Heard(session.value(), out.resync ? out.revision : revision);
    if (!name_space) return out;
    const Namespace* const one = tables.metrics.Find(OrDefault(*name_space));
    std::erase_if(out.changes, [one](const metrics::Change& change) {
      return one == nullptr || change.name_space != one->id;
    });
    return out;
  });
}

void Metrics::ShowRevisionAt(std::atomic<std::uint64_t>& word) {
  books_.Update([&word](Tables& tables) { tables.metrics.log().ShowAt(word); });
}

std::size_t Metrics::CountJoined(absl::string_view name_space) const {
  return books_.Read([&](const Tables& tables) {
    const Namespace* const found = tables.metrics.Find(OrDefault(name_space));
    return found == nullptr ? 0 : found->joined.size();
  });
}

void LeaveAll(Tables& tables, SessionId session, catalog::Changes* changes) {
  for (const NamespaceId left : tables.metrics.LeaveAll(session)) {
    if (changes != nullptr) changes->DeleteJoined(left, session);
  }
  tables.metrics.log().Leave(session.value());
}

}  // namespace percpud
