// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/exporter/scrape.h"

#include <cstdint>
#include <utility>

#include "client/c/lane_link.h"
#include "client/c/render.h"
#include "client/exporter/gzip.h"
#include "client/exporter/negotiate.h"

namespace percpud::exporter {
namespace {

using exposition::FamilyType;
using exposition::Format;

constexpr std::string_view kMetrics = "/metrics";
constexpr std::string_view kOfNamespace = "/metrics/";
// How long a scrape waits for its first names. Prometheus gives up after 10 seconds by default.
constexpr std::int64_t kFirstPatienceNs = 2'000'000'000;
// Less is sent as fast as it is compressed.
constexpr std::size_t kLeastGzip = 4096;

Page Plain(int status, std::string_view text) {
  Page page;
  page.status = status;
  page.body.Append(text);
  return page;
}

}  // namespace

Scrape::Scrape(ScrapeOptions options)
    : options_(std::move(options)), follower_(options_.address), daemon_(options_.address) {}

Page Scrape::Answer(const Request& request) {
  if (request.path == "/healthz") return Plain(200, "ok\n");
  if (request.path == "/-/ready") return Ready();
  if (request.path == kMetrics) return Metrics(request, nullptr);
  if (request.path.starts_with(kOfNamespace)) {
    std::string_view name_space = request.path;
    name_space.remove_prefix(kOfNamespace.size());
    return Metrics(request, &name_space);
  }
  if (request.path == "/") {
    return Plain(200, "percpud-exporter: /metrics, /metrics/NAMESPACE, /healthz, /-/ready\n");
  }
  return Plain(404, "there is no such page: /metrics, /metrics/NAMESPACE, /healthz, /-/ready\n");
}

bool Scrape::Follow() {
  const std::int64_t patience = follower_.has_names() ? Follower::kPatienceNs : kFirstPatienceNs;
  return follower_.Follow(c::LaneLink::NowNs() + patience);
}

Page Scrape::Ready() {
  if (follower_.Follow(c::LaneLink::NowNs() + kFirstPatienceNs)) return Plain(200, "ok\n");
  Page page = Plain(503, options_.address);
  page.body.Append(": ").Append(follower_.reason()).Append('\n');
  return page;
}

std::size_t Scrape::Render(const c::RenderOptions& options, exposition::Text& out) {
  // A page that was held up may have read cells that are others' by now.
  constexpr int kTries = 3;
  for (int tries = kTries;; --tries) {
    std::size_t left_out = 0;
    follower_.Look([&](const Directory& directory, const c::Arena* arena) {
      if (arena != nullptr) left_out = c::Render(directory.Parts(), *arena, options, out);
    });
    if (!follower_.TookTooLong()) return left_out;
    out.Truncate(0);
    if (tries == 1) return 0;
    Follow();
  }
}

Page Scrape::Metrics(const Request& request, const std::string_view* name_space) {
  const Format format = ChooseFormat(request.accept);
  Page page;
  page.content_type = exposition::ContentType(format);
  exposition::Writer writer(page.body, format);
  const bool is_up = Follow();
  c::RenderOptions options{.format = format, .with_created = options_.with_created};
  if (name_space == nullptr) {
    options.namespace_label = options_.namespace_label;
  } else {
    options.is_one_namespace = true;
    options.name_space = *name_space;
  }
  WriteOwn(writer, is_up, Render(options, page.body));
  if (is_up) WriteDaemon(name_space, writer);
  writer.End();
  if (!page.body.ok()) return Plain(503, "memory is short\n");
  if (page.body.size() < kLeastGzip || !TakesGzip(request.accept_encoding)) return page;
  exposition::Text zipped;
  if (Gzip(page.body.view(), zipped)) {
    page.body = std::move(zipped);
    page.is_gzip = true;
  }
  return page;
}

void Scrape::WriteDaemon(const std::string_view* name_space, exposition::Writer& writer) {
  NamespaceSizes sizes;
  follower_.Look([&sizes](const Directory& directory, const c::Arena* /*arena*/) {
    for (const auto& [number, family] : directory.families()) {
      NamespaceSize& size = sizes[family.head.name_space];
      ++size.families;
      size.series += family.series();
    }
  });
  const std::lock_guard lock(daemon_mutex_);
  if (name_space == nullptr) daemon_.Write(sizes, writer);
  const Workers& workers = daemon_.FindWorkers();
  if (name_space == nullptr) return WriteProcesses(workers, options_.namespace_label, writer);
  const auto own = workers.find(std::string(*name_space));
  if (own != workers.end()) WriteProcesses({*own}, {}, writer);
}

void Scrape::WriteOwn(exposition::Writer& writer, bool is_up, std::size_t left_out) const {
  writer.Family({.name = "percpud_up",
                 .help = "Whether the daemon answers. If not, names are those it had last.",
                 .unit = "",
                 .type = FamilyType::kGauge});
  writer.Gauge("", is_up ? 1 : 0);
  writer.Family({.name = "percpud_exporter_left_out_families",
                 .help = "Families that have the name of one of another type, in a namespace "
                         "that was there before.",
                 .unit = "",
                 .type = FamilyType::kGauge});
  writer.Gauge("", static_cast<double>(left_out));
}

}  // namespace percpud::exporter
