// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/catalog/reader.h"

#include <array>
#include <cerrno>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/catalog/changes.h"

namespace percpud::catalog {
namespace {

constexpr std::array<const char*, kTables> kNames = {
    "meta",          "chunks",     "areas",  "variables",  "sessions",      "leases",
    "answers",       "identities", "opened", "quarantine", "namespaces",    "families",
    "series_blocks", "series",     "joined", "writers",    "writer_blocks", "series_writers"};

// Tables that a catalog of the first format does not have.
constexpr bool IsYoung(Table table) { return table >= Table::kIdentities; }

absl::string_view Text(const MDB_val& value) {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}

absl::Status Damaged(Table table, absl::string_view why) {
  return absl::DataLossError(absl::StrCat("table ", TableName(table), ": ", why));
}

// LMDB itself refused. No content makes it run out of memory.
absl::Status Failed(Table table, int code) {
  if (code == ENOMEM) return errors::OsRefused("read", TableName(table), code);
  return Damaged(table, mdb_strerror(code));
}

// Calls `on_record` (key, value, how many there are) for every record. It
// returns false for bytes that are not a record.
template <typename OnRecord>
absl::Status ForEach(MDB_txn* txn, Table table, OnRecord on_record) {
  MDB_dbi dbi = 0;
  MDB_stat stat{};
  int code = mdb_dbi_open(txn, TableName(table), TableFlags(table), &dbi);
  // The meta table is made with the others, before anything is entered.
  if (code == MDB_NOTFOUND && (table == Table::kMeta || IsYoung(table))) return absl::OkStatus();
  if (code == MDB_SUCCESS) code = mdb_stat(txn, dbi, &stat);
  MDB_cursor* cursor = nullptr;
  if (code == MDB_SUCCESS) code = mdb_cursor_open(txn, dbi, &cursor);
  if (code != MDB_SUCCESS) return Failed(table, code);
  const absl::Cleanup close = [cursor] { mdb_cursor_close(cursor); };
  std::size_t seen = 0;
  MDB_val key{};
  MDB_val value{};
  for (code = mdb_cursor_get(cursor, &key, &value, MDB_FIRST); code == MDB_SUCCESS;
       code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
    // A circle of pages would go on for ever.
    if (seen == stat.ms_entries) return Damaged(table, "it has more records than it says");
    if (!on_record(Text(key), Text(value), stat.ms_entries)) {
      return Damaged(table, absl::StrCat("record ", seen, " is wrong"));
    }
    ++seen;
  }
  if (code != MDB_NOTFOUND) return Failed(table, code);
  if (seen != stat.ms_entries) {
    return Damaged(table, absl::StrCat(seen, " records of ", stat.ms_entries));
  }
  return absl::OkStatus();
}

template <typename Record>
absl::Status ReadTable(MDB_txn* txn, Table table, std::vector<Record>& out) {
  return ForEach(txn, table, [&out](absl::string_view key, absl::string_view value, std::size_t) {
    std::optional<Record> record = Decode<Record>(key, value);
    if (!record) return false;
    out.push_back(*std::move(record));
    return true;
  });
}

absl::Status ReadMeta(MDB_txn* txn, Contents& out) {
  bool is_empty = true;
  std::string format;
  std::optional<Arena> arena;
  absl::Status status =
      ForEach(txn, Table::kMeta, [&](absl::string_view key, absl::string_view value, std::size_t) {
        is_empty = false;
        if (key == kFormatKey) format = std::string(value);
        if (key == kArenaKey) arena = Decode<Arena>(key, value);
        if (key == kLastMetricKey) {
          const std::optional<LastMetric> metric = Decode<LastMetric>(key, value);
          out.last_metric = metric.value_or(LastMetric{});
          return metric.has_value();
        }
        if (key != kLastSessionKey) return true;
        const std::optional<LastSession> last = Decode<LastSession>(key, value);
        out.last_session = last.value_or(LastSession{}).id;
        return last.has_value();
      });
  if (!status.ok()) return status;
  if (is_empty) return absl::NotFoundError("nothing was ever entered");
  if (format != kFormat && format != kFirstFormat) {
    return absl::FailedPreconditionError(
        absl::StrCat("its format is \"", absl::CEscape(format), "\", not \"", kFormat, "\""));
  }
  out.is_first_format = format == kFirstFormat;
  if (!arena) return Damaged(Table::kMeta, "the arena's record is wrong");
  out.arena = *std::move(arena);
  return absl::OkStatus();
}

}  // namespace

const char* TableName(Table table) { return kNames[static_cast<std::size_t>(table)]; }

unsigned TableFlags(Table table) {
  switch (table) {
    case Table::kChunks:
    case Table::kAreas:
    case Table::kSessions:
    case Table::kLeases:
    case Table::kIdentities:
    case Table::kQuarantine:
    case Table::kNamespaces:
    case Table::kFamilies:
    case Table::kSeriesBlocks:
    case Table::kSeries:
      return MDB_INTEGERKEY;
    default:
      return 0;
  }
}

absl::StatusOr<Contents> ReadAll(MDB_env* env, const OnArea& on_area) {
  MDB_txn* txn = nullptr;
  if (const int code = mdb_txn_begin(env, nullptr, MDB_RDONLY, &txn); code != MDB_SUCCESS) {
    return Failed(Table::kMeta, code);
  }
  const absl::Cleanup abort = [txn] { mdb_txn_abort(txn); };
  Contents out;
  absl::Status status = ReadMeta(txn, out);
  if (status.ok()) status = ReadTable(txn, Table::kChunks, out.chunks);
  if (status.ok()) {
    const auto on_record = [&](absl::string_view key, absl::string_view value, std::size_t of) {
      const std::optional<Area> area = Decode<Area>(key, value);
      ++out.areas;
      return area && on_area(*area, of);
    };
    status = ForEach(txn, Table::kAreas, on_record);
  }
  if (status.ok()) status = ReadTable(txn, Table::kVariables, out.variables);
  if (status.ok()) status = ReadTable(txn, Table::kSessions, out.sessions);
  if (status.ok()) status = ReadTable(txn, Table::kLeases, out.leases);
  if (status.ok()) status = ReadTable(txn, Table::kAnswers, out.answers);
  if (status.ok()) status = ReadTable(txn, Table::kIdentities, out.identities);
  if (status.ok()) status = ReadTable(txn, Table::kOpened, out.opened);
  if (status.ok()) status = ReadTable(txn, Table::kQuarantine, out.quarantined);
  if (status.ok()) status = ReadTable(txn, Table::kNamespaces, out.namespaces);
  if (status.ok()) status = ReadTable(txn, Table::kFamilies, out.families);
  if (status.ok()) status = ReadTable(txn, Table::kSeriesBlocks, out.blocks);
  if (status.ok()) status = ReadTable(txn, Table::kSeries, out.series);
  if (status.ok()) status = ReadTable(txn, Table::kJoined, out.joined);
  if (status.ok()) status = ReadTable(txn, Table::kWriters, out.writers);
  if (status.ok()) status = ReadTable(txn, Table::kWriterBlocks, out.writer_blocks);
  if (status.ok()) status = ReadTable(txn, Table::kSeriesWriters, out.series_writers);
  if (!status.ok()) return status;
  return out;
}

}  // namespace percpud::catalog
