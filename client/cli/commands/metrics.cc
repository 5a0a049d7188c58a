// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

// metrics: what percpud-exporter would show now.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/commands/common.h"
#include "client/cli/parse.h"
#include "client/cli/reach.h"
#include "client/exporter/scrape.h"
#include "server/base/status_macros.h"

namespace percpu::cli {
namespace {

constexpr int kOk = 200;

struct MetricsOptions {
  std::string name_space;
  std::string format = "text";
};

absl::StatusOr<Report> Metrics(Context& context, const MetricsOptions& options) {
  const std::optional<std::string> path = SocketPath(context.address);
  if (!path) {
    return absl::InvalidArgumentError(
        absl::StrCat("--address: ", context.address,
                     ", but numbers are read in the arena, on the daemon's host"));
  }
  const std::string& wanted = options.name_space.empty() ? context.name_space : options.name_space;
  // The exporter shows nothing of a namespace that is not there; a user has mistyped it.
  if (!wanted.empty()) RETURN_IF_ERROR(context.metrics->ListFamilies(wanted).status());
  percpud::exporter::Scrape scrape({.address = absl::StrCat("unix:", *path)});
  const std::string page_path = wanted.empty() ? "/metrics" : absl::StrCat("/metrics/", wanted);
  const percpud::exporter::Page ready = scrape.Answer({.path = "/-/ready"});
  if (ready.status != kOk) return absl::UnavailableError("the daemon is away");
  const percpud::exporter::Page page = scrape.Answer(
      {.path = page_path,
       .accept = options.format == "text" ? "text/plain" : "application/openmetrics-text"});
  const std::string_view body = page.body.view();
  if (page.status != kOk) return absl::InternalError(std::string(body));
  return Report{{Text{.key = "metrics", .text = std::string(body)}}};
}

}  // namespace

Commands AddMetrics(CLI::App& root) {
  CLI::App* parser = AddCommand(root, "metrics", "Print what Prometheus would be shown now");
  parser->footer(
      "The series of all namespaces, or of one. On the daemon's host only, since the\n"
      "numbers are read in the arena. For node_exporter's textfile collector:\n"
      "  $ percpuctl metrics > percpud.prom.new && mv percpud.prom.new percpud.prom");
  const auto options = std::make_shared<MetricsOptions>();
  parser->add_option("NAMESPACE", options->name_space, "Whose metrics; all without it")
      ->option_text(" ");
  parser->add_option("--format", options->format, "Prometheus's text, or OpenMetrics")
      ->option_text("text|openmetrics [text]")
      ->check(OneOf({"text", "openmetrics"}));
  return {{.parser = parser,
           .run = [options](Context& context) { return Metrics(context, *options); }}};
}

}  // namespace percpu::cli
