// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_EXPORTER_SCRAPE_H_
#define PERCPUD_CLIENT_EXPORTER_SCRAPE_H_

#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>

#include "client/c/render.h"
#include "client/exporter/daemon_metrics.h"
#include "client/exporter/follower.h"
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
// that there were, and `percpud_up` is 0. Thread safe.
class Scrape {
 public:
  explicit Scrape(ScrapeOptions options);

  // Names are followed from now on also while nobody asks for a page.
  void Start() { follower_.Start(); }
  Page Answer(const Request& request);

 private:
  Page Metrics(const Request& request, const std::string_view* name_space);
  Page Ready();
  // Follows up to now, and returns whether that went well. Waits longer for the first names.
  bool Follow();
  // Appends what the series of the page come to; returns how many families were left out.
  std::size_t Render(const c::RenderOptions& options, exposition::Text& out);
  void WriteOwn(exposition::Writer& writer, bool is_up, std::size_t left_out) const;
  // What the daemon says of itself, on the page of all namespaces, and what /proc says of the
  // page's processes.
  void WriteDaemon(const std::string_view* name_space, exposition::Writer& writer);

  const ScrapeOptions options_;
  Follower follower_;
  std::mutex daemon_mutex_;
  // Guarded by daemon_mutex_.
  DaemonMetrics daemon_;
};

}  // namespace percpud::exporter

#endif  // PERCPUD_CLIENT_EXPORTER_SCRAPE_H_
