// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Workers that count what they serve in metrics that belong to none of them, and what
// Prometheus would see of it.
//
//   prefork_metrics         with percpud at $PERCPUD_ADDRESS, or none

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <string>

#include "percpu/registry.h"

namespace {

constexpr int kWorkers = 4;
constexpr int kRequests = 1000;

void Serve(const percpu::Counter& answered, const percpu::Histogram& seconds) {
  for (int i = 0; i < kRequests; ++i) {
    answered.Increment();
    seconds.Observe(i % 2 == 0 ? 0.25 : 2);
  }
}

}  // namespace

int main() {
  percpu::Registry registry({.notice = [](percpud_notice, std::string_view text) {
    std::fprintf(stderr, "prefork_metrics: %.*s\n", static_cast<int>(text.size()), text.data());
  }});
  const auto requests =
      registry.Counter("example_requests", {.help = "Requests answered.", .labels = {"code"}});
  const auto durations =
      registry.Histogram("example_seconds", {0.5, 1}, {.help = "How long they took."});
  const percpu::Counter answered = requests.With({"200"});
  const percpu::Histogram seconds = durations.With();

  for (int worker = 0; worker < kWorkers; ++worker) {
    if (fork() != 0) continue;
    Serve(answered, seconds);
    _exit(0);
  }
  while (wait(nullptr) > 0) continue;

  if (const auto text = registry.Render()) {
    std::fputs(text->c_str(), stdout);
    return 0;
  }
  std::fprintf(stderr, "prefork_metrics: %s\n", registry.Reason().c_str());
  return 1;
}
