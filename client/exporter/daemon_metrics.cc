// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/exporter/daemon_metrics.h"

#include <array>
#include <cstdint>
#include <map>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/exposition/labels.h"
#include "client/exposition/number.h"
#include "client/exposition/text.h"

namespace percpud::exporter {
namespace {

using exposition::FamilyType;
using percpu::Stats;

// A scrape waits for several calls, and Prometheus for the scrape: 10 seconds by default.
constexpr absl::Duration kPatience = absl::Seconds(1);

percpu::CallOptions Options() { return {.deadline = kPatience, .retry = {.max_retries = 0}}; }

// A number of the daemon's, and what it is called here.
struct Metric {
  std::string_view name;
  std::string_view help;
  FamilyType type;
  std::uint64_t Stats::*value;
};

constexpr auto kCounter = FamilyType::kCounter;
constexpr auto kGauge = FamilyType::kGauge;
constexpr std::array kStats = {
    Metric{"percpud_areas", "Areas that are granted.", kGauge, &Stats::nr_cur_alloc},
    Metric{"percpud_area_grants_total", "Areas granted since the daemon began.", kCounter,
           &Stats::nr_alloc},
    Metric{"percpud_area_frees_total", "Areas freed since the daemon began.", kCounter,
           &Stats::nr_dealloc},
    Metric{"percpud_failed_grants_total", "Allocations refused for lack of memory.", kCounter,
           &Stats::failed_allocs},
    Metric{"percpud_refused_frees_total", "Frees refused because the pointer was wrong.", kCounter,
           &Stats::refused_frees},
    Metric{"percpud_chunks", "Chunks that there are.", kGauge, &Stats::nr_chunks},
    Metric{"percpud_free_chunks", "Chunks without an area.", kGauge, &Stats::free_chunks},
    Metric{"percpud_leased_chunks", "Chunks that sessions divide themselves.", kGauge,
           &Stats::leased_chunks},
    Metric{"percpud_sidelined_chunks", "Chunks that are searched last.", kGauge,
           &Stats::sidelined_chunks},
    Metric{"percpud_chunks_created_total", "Chunks made since the daemon began.", kCounter,
           &Stats::chunks_created},
    Metric{"percpud_chunks_created_ahead_total", "Chunks made by the balancer ahead of demand.",
           kCounter, &Stats::chunks_created_ahead},
    Metric{"percpud_chunks_destroyed_total", "Chunks given back since the daemon began.", kCounter,
           &Stats::chunks_destroyed},
    Metric{"percpud_depopulated_pages_total",
           "Pages of a unit that the balancer gave back, each in every unit.", kCounter,
           &Stats::blocks_depopulated},
    Metric{"percpud_stray_bytes_released_total",
           "Bytes that had memory and belonged to nobody, and were given back.", kCounter,
           &Stats::stray_bytes_released},
    Metric{"percpud_live_bytes", "Bytes of one unit in areas.", kGauge, &Stats::live_bytes},
    Metric{"percpud_capacity_bytes", "Bytes of one unit that areas may take, in all chunks.",
           kGauge, &Stats::capacity_bytes},
    Metric{"percpud_populated_pages", "Pages that memory backs, in all units.", kGauge,
           &Stats::populated_pages},
    Metric{"percpud_wasted_pages", "Pages lost because blocks are powers of two.", kGauge,
           &Stats::wasted_pages},
    Metric{"percpud_ghost_pages", "Pages of units that back no CPU.", kGauge, &Stats::ghost_pages},
};

void Head(exposition::Writer& writer, std::string_view name, std::string_view help,
          FamilyType type) {
  writer.Family({.name = name, .help = help, .unit = "", .type = type});
}

void One(exposition::Writer& writer, std::string_view name, std::string_view help,
         std::uint64_t value) {
  Head(writer, name, help, kGauge);
  writer.Gauge("", static_cast<double>(value));
}

std::string_view KindName(percpu::SessionKind kind) {
  switch (kind) {
    case percpu::SessionKind::kLocalReadWrite:
      return "read-write";
    case percpu::SessionKind::kLocalReadOnly:
      return "read-only";
    case percpu::SessionKind::kLocalUnmapped:
      return "unmapped";
    case percpu::SessionKind::kRemote:
      return "remote";
    default:
      return "unknown";
  }
}

// How long calls took, by method.
void WriteLatency(const percpu::CallStats& stats, exposition::Writer& writer) {
  std::vector<exposition::Text> texts;
  for (const absl::Duration bound : stats.latency_bounds) {
    exposition::AppendBound(texts.emplace_back(), absl::ToDoubleSeconds(bound));
  }
  std::vector<std::string_view> bounds;
  for (const exposition::Text& text : texts) bounds.push_back(text.view());
  writer.Family({.name = "percpud_call_duration_seconds",
                 .help = "How long calls were served.",
                 .unit = "seconds",
                 .type = FamilyType::kHistogram});
  for (const percpu::MethodCalls& method : stats.methods) {
    if (method.latency.size() != bounds.size() + 1) continue;
    std::vector<std::uint64_t> cumulative = method.latency;
    std::partial_sum(cumulative.begin(), cumulative.end(), cumulative.begin());
    exposition::Text labels;
    exposition::AppendLabel(labels, 0, "method", method.method);
    writer.Histogram(
        labels.view(),
        {.bounds = bounds, .cumulative = cumulative, .sum = absl::ToDoubleSeconds(method.total)});
  }
}

}  // namespace

DaemonMetrics::DaemonMetrics(const std::string& address)
    : DaemonMetrics(percpu::Client(percpu::MakeGrpcConnection(address, Options())),
                    percpu::MakeGrpcMetricsConnection(address, Options()),
                    percpu::MakeGrpcServingConnection(address, Options())) {}

void DaemonMetrics::Write(const NamespaceSizes& sizes, exposition::Writer& writer) {
  WriteStats(writer);
  WritePages(writer);
  WriteCalls(writer);
  WriteSessions(writer);
  WriteFamilies(sizes, writer);
}

void DaemonMetrics::WriteStats(exposition::Writer& writer) {
  const absl::StatusOr<Stats> stats = client_.GetStats();
  if (!stats.ok()) return;
  for (const Metric& metric : kStats) {
    Head(writer, metric.name, metric.help, metric.type);
    const std::uint64_t value = (*stats).*metric.value;
    if (metric.type == kCounter) {
      writer.Counter("", value);
    } else {
      writer.Gauge("", static_cast<double>(value));
    }
  }
  Head(writer, "percpud_cleared_bytes_total",
       "Bytes cleared in all units, while an allocation waited or in the background.", kCounter);
  writer.Counter("where=\"background\"", stats->zeroed_background_bytes);
  writer.Counter("where=\"inline\"", stats->zeroed_inline_bytes);
}

void DaemonMetrics::WritePages(exposition::Writer& writer) {
  const absl::StatusOr<percpu::BuddyInfo> pages = client_.GetBuddyInfo();
  if (!pages.ok()) return;
  One(writer, "percpud_pages", "Pages of the arena.", pages->total_pages);
  One(writer, "percpud_free_pages", "Pages of the arena that no chunk has.", pages->free_pages);
  One(writer, "percpud_page_bytes", "The size of a page.", pages->page_bytes);
}

void DaemonMetrics::WriteCalls(exposition::Writer& writer) {
  const absl::StatusOr<percpu::CallStats> stats = serving_->GetCallStats();
  if (!stats.ok()) return;
  exposition::Text version;
  exposition::AppendLabel(version, 0, "version", stats->version);
  Head(writer, "percpud_build_info", "The daemon's version.", kGauge);
  writer.Gauge(version.view(), 1);
  Head(writer, "percpud_uptime_seconds", "How long the daemon has run.", kGauge);
  writer.Gauge("", absl::ToDoubleSeconds(stats->uptime));
  Head(writer, "percpud_calls_total",
       "Calls answered since the daemon began, over gRPC and by the side door.", kCounter);
  for (const percpu::MethodCalls& method : stats->methods) {
    for (const auto& [code, calls] : method.codes) {
      exposition::Text labels;
      exposition::AppendLabel(labels, 0, "method", method.method);
      exposition::AppendLabel(labels, 0, "code",
                              absl::StatusCodeToString(static_cast<absl::StatusCode>(code)));
      writer.Counter(labels.view(), calls);
    }
  }
  WriteLatency(*stats, writer);
}

const Workers& DaemonMetrics::FindWorkers() {
  if (NowSinceBoot() - workers_listed_ < kListEvery) return workers_;
  const absl::StatusOr<std::vector<percpu::WorkerInfo>> workers = serving_->ListWorkers();
  if (!workers.ok()) return workers_;
  workers_listed_ = NowSinceBoot();
  workers_.clear();
  for (const percpu::WorkerInfo& worker : *workers) {
    // Remote ones have no process here, nor have those that the daemon cannot see.
    if (worker.pid.value_or(0) == 0) continue;
    for (const std::string& name_space : worker.namespaces) {
      workers_[name_space].insert(*worker.pid);
    }
  }
  return workers_;
}

void DaemonMetrics::WriteSessions(exposition::Writer& writer) {
  const absl::StatusOr<std::vector<percpu::SessionInfo>> sessions = client_.ListSessions();
  if (!sessions.ok()) return;
  std::map<std::string_view, std::uint64_t> kinds;
  std::uint64_t leases = 0;
  for (const percpu::SessionInfo& session : *sessions) {
    ++kinds[session.is_left ? "left" : KindName(session.kind)];
    leases += session.leases;
  }
  Head(writer, "percpud_sessions",
       "Admitted processes, by how they map the arena, and those that were left.", kGauge);
  for (const auto& [kind, count] : kinds) {
    exposition::Text labels;
    exposition::AppendLabel(labels, 0, "kind", kind);
    writer.Gauge(labels.view(), static_cast<double>(count));
  }
  One(writer, "percpud_held_leases", "Leases that sessions hold.", leases);
}

void DaemonMetrics::CountRefusals() {
  if (NowSinceBoot() - families_listed_ < kListEvery) return;
  const absl::StatusOr<std::vector<percpu::FamilyInfo>> families =
      metrics_->ListFamilies(std::nullopt);
  if (!families.ok()) return;
  families_listed_ = NowSinceBoot();
  refusals_.clear();
  for (const percpu::FamilyInfo& family : *families) {
    Refusals& refusals = refusals_[family.name_space];
    refusals.refused += family.refused;
    refusals.overflowed += family.overflowed;
  }
}

// By namespace: a family of an application may have any name.
void DaemonMetrics::WriteFamilies(const NamespaceSizes& sizes, exposition::Writer& writer) {
  const auto write = [&writer](std::string_view name, std::string_view help, FamilyType type,
                               const auto& rows, auto value) {
    if (rows.empty()) return;
    Head(writer, name, help, type);
    for (const auto& [name_space, row] : rows) {
      exposition::Text labels;
      exposition::AppendLabel(labels, 0, "percpud_namespace", name_space);
      if (type == kCounter) {
        writer.Counter(labels.view(), row.*value);
      } else {
        writer.Gauge(labels.view(), static_cast<double>(row.*value));
      }
    }
  };
  write("percpud_families", "Families of a namespace.", kGauge, sizes, &NamespaceSize::families);
  write("percpud_series", "Series of a namespace.", kGauge, sizes, &NamespaceSize::series);
  CountRefusals();
  write("percpud_refused_openings_total",
        "Openings of series that wanted another shape of the family, since the daemon began.",
        kCounter, refusals_, &Refusals::refused);
  write("percpud_overflowed_openings_total",
        "Openings of series that found the family full, since the daemon began.", kCounter,
        refusals_, &Refusals::overflowed);
}

}  // namespace percpud::exporter
