// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

// top: the daemon at work, a frame every interval. A rate is the difference of two
// readings.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "client/cli/commands/common.h"
#include "client/cli/commands/frames.h"
#include "client/cli/commands/target.h"
#include "server/base/clock.h"

namespace percpu::cli {
namespace {

// The most integers that are read for a frame, with a call each.
constexpr std::size_t kMaxIntegers = 1000;
// Rows of each table, where no screen limits them.
constexpr std::size_t kRows = 10;
// Lines of a frame that are not rows: the summary, three titles and headings with a
// blank line each, and the one that the cursor stays on.
constexpr std::size_t kOtherLines = 5 + 3 * 3 + 1;

// A counter or gauge with a name.
struct Integer {
  VariableType type = VariableType::kCounter;
  Pointer pointer = kNull;
  std::int64_t sum = 0;
};

// What is read for a frame.
struct Reading {
  percpud::BootTime at;
  Stats stats;
  std::vector<SessionInfo> sessions;
  std::vector<ChunkInfo> chunks;
  std::map<std::string, Integer> integers;
};

bool IsInteger(VariableType type) {
  return type == VariableType::kCounter || type == VariableType::kGauge;
}

// Names and pointers of all integers, those of the configuration included.
absl::Status FindIntegers(Client& client, std::map<std::string, Integer>& out) {
  const absl::StatusOr<std::vector<StaticVariable>> statics = client.ListStaticVariables();
  if (!statics.ok()) return statics.status();
  for (const StaticVariable& variable : *statics) {
    if (!IsInteger(variable.type)) continue;
    out[variable.name] = {.type = variable.type, .pointer = variable.pointer};
  }
  const absl::StatusOr<std::vector<Variable>> variables = client.ListVariables();
  if (!variables.ok()) return variables.status();
  for (const Variable& variable : *variables) {
    if (!IsInteger(variable.type)) continue;
    out[variable.name] = {.type = variable.type, .pointer = variable.pointer};
  }
  return absl::OkStatus();
}

// Reads as many as there may be; one that was removed just now is left out.
absl::Status SumIntegers(Client& client, std::map<std::string, Integer>& integers) {
  std::size_t read = 0;
  for (auto entry = integers.begin(); entry != integers.end();) {
    if (read == kMaxIntegers) {
      integers.erase(entry, integers.end());
      break;
    }
    const absl::StatusOr<std::int64_t> sum = client.Sum(entry->second.pointer);
    if (absl::IsNotFound(sum.status())) {
      entry = integers.erase(entry);
      continue;
    }
    if (!sum.ok()) return sum.status();
    entry->second.sum = *sum;
    ++entry;
    ++read;
  }
  return absl::OkStatus();
}

absl::StatusOr<Reading> Read(Context& context) {
  Reading out;
  const absl::StatusOr<Stats> stats = context.client.GetStats();
  if (!stats.ok()) return stats.status();
  absl::StatusOr<std::vector<SessionInfo>> sessions = context.client.ListSessions();
  if (!sessions.ok()) return sessions.status();
  absl::StatusOr<std::vector<ChunkInfo>> chunks = ListChunks(context.client);
  if (!chunks.ok()) return chunks.status();
  out.stats = *stats;
  out.sessions = *std::move(sessions);
  out.chunks = *std::move(chunks);
  absl::Status status = FindIntegers(context.client, out.integers);
  // The clock is read as near to the sums as can be: most rates are theirs.
  out.at = context.clock.now();
  if (status.ok()) status = SumIntegers(context.client, out.integers);
  if (!status.ok()) return status;
  return out;
}

// The first `rows` by a weight, the heaviest first.
template <typename T, typename Weight>
void KeepHeaviest(std::vector<T>& all, std::size_t rows, Weight weight) {
  std::stable_sort(all.begin(), all.end(),
                   [&](const T& a, const T& b) { return weight(a) > weight(b); });
  if (all.size() > rows) all.resize(rows);
}

// Frames of one run: rates from one reading to the next.
class Frame {
 public:
  Frame(const Reading& before, const Reading& now, std::size_t rows)
      : before_(before), now_(now), rows_(rows) {}

  [[nodiscard]] Report ToReport(percpud::BootTime began) const {
    return {{Summary(began), SessionsByBytes(), ChunksByFill(), IntegersByRate()}};
  }

 private:
  [[nodiscard]] double Rate(double from, double to) const {
    const double seconds = absl::ToDoubleSeconds(now_.at - before_.at);
    return seconds > 0 ? (to - from) / seconds : 0;
  }
  // 0 if the daemon was restarted in between, and counts from 0 again.
  [[nodiscard]] Real CallRate(std::uint64_t Stats::*field) const {
    return {std::max(0.0, Rate(static_cast<double>(before_.stats.*field),
                               static_cast<double>(now_.stats.*field)))};
  }

  [[nodiscard]] Fields Summary(percpud::BootTime began) const {
    const Stats& stats = now_.stats;
    return {.key = "",
            .title = "",
            .fields = {{"elapsed_seconds", Real{absl::ToDoubleSeconds(now_.at - began)}, ""},
                       {"nr_sessions", Count{now_.sessions.size()}, ""},
                       {"nr_cur_alloc", Count{stats.nr_cur_alloc}, ""},
                       {"live_bytes", Size{stats.live_bytes}, ""},
                       {"utilisation", Share{stats.utilisation}, ""},
                       {"nr_chunks", Count{stats.nr_chunks}, ""},
                       {"leased_chunks", Count{stats.leased_chunks}, ""},
                       {"allocs_per_second", CallRate(&Stats::nr_alloc), ""},
                       {"frees_per_second", CallRate(&Stats::nr_dealloc), ""},
                       {"failed_allocs_per_second", CallRate(&Stats::failed_allocs), ""},
                       {"refused_frees_per_second", CallRate(&Stats::refused_frees), ""}},
            .layout = Fields::Layout::kFlow};
  }

  [[nodiscard]] Table SessionsByBytes() const {
    std::vector<SessionInfo> sessions = now_.sessions;
    KeepHeaviest(sessions, rows_, [](const SessionInfo& each) { return each.held_bytes; });
    Table table = SessionTable(sessions);
    table.title = "sessions, by bytes";
    return table;
  }

  [[nodiscard]] Table ChunksByFill() const {
    const auto used = [](const ChunkInfo& chunk) {
      const auto capacity = static_cast<double>(chunk.capacity_bytes);
      return capacity > 0 ? 1 - static_cast<double>(chunk.free_bytes) / capacity : 0;
    };
    std::vector<ChunkInfo> chunks = now_.chunks;
    KeepHeaviest(chunks, rows_, used);
    Table table{.key = "chunks",
                .title = "chunks, by fill",
                .columns = {{"id", "ID"},
                            {"kind", "KIND"},
                            {"used", "USED"},
                            {"capacity_bytes", "CAPACITY"},
                            {"free_bytes", "FREE"},
                            {"largest_run_bytes", "LARGEST"},
                            {"live_areas", "AREAS"}},
                .rows = {}};
    for (const ChunkInfo& chunk : chunks) {
      table.rows.push_back(
          {Count{percpu::Value(chunk.id)}, ChunkKindName(chunk.kind), Share{used(chunk)},
           Size{chunk.capacity_bytes}, Size{chunk.free_bytes},
           chunk.kind == ChunkKind::kLeased ? Value(Absent{}) : Size{chunk.largest_run_bytes},
           Count{chunk.live_areas}});
    }
    return table;
  }

  [[nodiscard]] Table IntegersByRate() const {
    struct Row {
      std::string name;
      Integer integer;
      // None for one that was not there before.
      std::optional<double> rate;
    };
    std::vector<Row> integers;
    for (const auto& [name, integer] : now_.integers) {
      Row& row = integers.emplace_back(Row{.name = name, .integer = integer, .rate = {}});
      const auto was = before_.integers.find(name);
      if (was == before_.integers.end() || was->second.pointer != integer.pointer) continue;
      row.rate = Rate(static_cast<double>(was->second.sum), static_cast<double>(integer.sum));
    }
    KeepHeaviest(integers, rows_, [](const Row& row) { return std::abs(row.rate.value_or(0)); });
    Table table{.key = "variables",
                .title = "counters and gauges, by adds per second",
                .columns = {{"name", "NAME"},
                            {"type", "TYPE"},
                            {"sum", "SUM"},
                            {"adds_per_second", "ADDS/S"}},
                .rows = {}};
    for (Row& row : integers) {
      table.rows.push_back({std::move(row.name), VariableTypeName(row.integer.type),
                            Signed{row.integer.sum},
                            row.rate ? Value(Real{*row.rate}) : Value(Absent{})});
    }
    return table;
  }

  const Reading& before_;
  const Reading& now_;
  const std::size_t rows_;
};

// The rows for each of three tables.
std::size_t RowsOf(const Context& context, const FrameOptions& options) {
  if (options.rows != 0) return options.rows;
  constexpr std::size_t kTables = 3;
  return std::max<std::size_t>(1, RowsFor(context.style, kOtherLines, kTables * kRows) / kTables);
}

absl::StatusOr<Report> Top(Context& context, const FrameOptions& options) {
  const std::size_t rows = RowsOf(context, options);
  return RunFrames(
      context, "the daemon", options, [&context] { return Read(context); },
      [rows](const Reading& before, const Reading& now, percpud::BootTime began) {
        return Frame(before, now, rows).ToReport(began);
      });
}

}  // namespace

Commands AddTop(CLI::App& root) {
  CLI::App* parser = AddCommand(root, "top", "Live: sessions, chunks, adds per second");
  parser->footer(
      "Refreshes in a terminal, where q quits, and prints frame after frame into a\n"
      "pipe. JSON is one object a line. The first frame takes an interval. ADDS/S is\n"
      "the change of a counter's or gauge's sum, additions in mapped memory included.\n"
      "The first thousand names are read. When the daemon is restarted, top waits for\n"
      "it and goes on.");
  const auto options = std::make_shared<FrameOptions>();
  AddFrameOptions(*parser, *options, "N [as fit, or 10]");
  return {
      {.parser = parser, .run = [options](Context& context) { return Top(context, *options); }}};
}

}  // namespace percpu::cli
