// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_EXPORTER_SCRAPE_H_
#define PERCPUD_CLIENT_EXPORTER_SCRAPE_H_

#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>

#include "client/c/reader.h"
#include "client/exporter/daemon_metrics.h"
#include "client/exposition/text.h"
#include "client/exposition/writer.h"

namespace percpud::exporter {

struct ScrapeOptions {
  // The daemon's, unix:PATH.
  std::string address;
  // The label of `/metrics` that says whose a series is; empty: none.
  std::string namespace_label = "percpud_namespace";
  // Whether `_created` is shown.
  bool with_created = false;
};

// A request, as far as it matters. Views.
struct Request {
  // Without a query, and with nothing escaped.
  std::string_view path;
  std::string_view accept;
  std::string_view accept_encoding;
};

struct Page {
  int status = 200;
  const char* content_type = "text/plain; charset=utf-8";
  bool is_gzip = false;
  exposition::Text body;
};

// The exporter's pages:
//
//   /metrics            all namespaces, with a label that says which, and the daemon itself
//   /metrics/NAMESPACE  one alone
//   /healthz            that the exporter works
//   /-/ready            that the daemon does
//
// While the daemon is away the numbers are still read from the arena, under the names
// that there were, and `percpud_up` is 0. Thread safe; one page at a time is made.
class Scrape {
 public:
  explicit Scrape(ScrapeOptions options);

  Page Answer(const Request& request);

 private:
  Page Metrics(const Request& request, const std::string_view* name_space);
  Page Ready();
  void WriteOwn(exposition::Writer& writer, bool is_up, std::size_t left_out) const;

  const ScrapeOptions options_;
  std::mutex mutex_;
  // Both guarded by mutex_.
  c::Reader reader_;
  DaemonMetrics daemon_;
};

}  // namespace percpud::exporter

#endif  // PERCPUD_CLIENT_EXPORTER_SCRAPE_H_
