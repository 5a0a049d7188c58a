// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_EXPORTER_DAEMON_METRICS_H_
#define PERCPUD_CLIENT_EXPORTER_DAEMON_METRICS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "client/exporter/process_metrics.h"
#include "client/exposition/writer.h"
#include "percpu/client.h"
#include "percpu/metrics_connection.h"
#include "percpu/serving_connection.h"
#include "server/base/clock.h"

namespace percpud::exporter {

// How much there is of a namespace, as it was followed.
struct NamespaceSize {
  std::uint64_t families = 0;
  std::uint64_t series = 0;
};
using NamespaceSizes = std::map<std::string, NamespaceSize>;

// The daemon's own metrics, percpud_*: memory, sessions, what it was asked, and families. What
// moves without being followed is asked of it by a few calls. Not thread safe.
class DaemonMetrics {
 public:
  // What counts refusals is asked no more often: it lists all families.
  static constexpr absl::Duration kListEvery = absl::Seconds(10);

  // `address` is the daemon's, unix:PATH. Nothing is opened before the first call.
  explicit DaemonMetrics(const std::string& address);
  // For tests.
  DaemonMetrics(percpu::Client client, std::shared_ptr<percpu::MetricsConnection> metrics,
                std::shared_ptr<percpu::ServingConnection> serving)
      : client_(std::move(client)), metrics_(std::move(metrics)), serving_(std::move(serving)) {}

  // Writes what the daemon answers; what it refuses, or does not answer in a second, is left
  // out.
  void Write(const NamespaceSizes& sizes, exposition::Writer& writer);
  // Who may write to which namespace, as it was kListEvery ago at most.
  const Workers& FindWorkers();

 private:
  // What one namespace was refused, since the daemon started.
  struct Refusals {
    std::uint64_t refused = 0;
    std::uint64_t overflowed = 0;
  };

  void WriteStats(exposition::Writer& writer);
  void WritePages(exposition::Writer& writer);
  void WriteCalls(exposition::Writer& writer);
  void WriteSessions(exposition::Writer& writer);
  void WriteFamilies(const NamespaceSizes& sizes, exposition::Writer& writer);
  void CountRefusals();

  percpu::Client client_;
  std::shared_ptr<percpu::MetricsConnection> metrics_;
  std::shared_ptr<percpu::ServingConnection> serving_;
  Workers workers_;
  BootTime workers_listed_ = BootTime::InfinitePast();
  std::map<std::string, Refusals> refusals_;
  BootTime families_listed_ = BootTime::InfinitePast();
};

}  // namespace percpud::exporter

#endif  // PERCPUD_CLIENT_EXPORTER_DAEMON_METRICS_H_
