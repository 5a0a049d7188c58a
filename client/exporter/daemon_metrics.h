// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_EXPORTER_DAEMON_METRICS_H_
#define PERCPUD_CLIENT_EXPORTER_DAEMON_METRICS_H_

#include <memory>
#include <string>
#include <vector>

#include "client/exposition/writer.h"
#include "percpu/client.h"
#include "percpu/metrics_connection.h"

namespace percpud::exporter {

// The daemon's own metrics, percpud_*: memory, sessions and families, asked of it by a few
// calls at each scrape. Not thread safe.
class DaemonMetrics {
 public:
  // `address` is the daemon's, unix:PATH. Nothing is opened before the first call.
  explicit DaemonMetrics(const std::string& address);
  // For tests.
  DaemonMetrics(percpu::Client client, std::shared_ptr<percpu::MetricsConnection> metrics)
      : client_(std::move(client)), metrics_(std::move(metrics)) {}

  // Writes what the daemon answers; what it refuses, or does not answer in a second, is left
  // out.
  void Write(exposition::Writer& writer);

 private:
  void WriteStats(exposition::Writer& writer);
  void WritePages(exposition::Writer& writer);
  void WriteSessions(exposition::Writer& writer);
  void WriteFamilies(exposition::Writer& writer);

  percpu::Client client_;
  std::shared_ptr<percpu::MetricsConnection> metrics_;
};

}  // namespace percpud::exporter

#endif  // PERCPUD_CLIENT_EXPORTER_DAEMON_METRICS_H_
