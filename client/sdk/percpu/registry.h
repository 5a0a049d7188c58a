// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Metrics for Prometheus that belong to no process: counters, gauges, histograms and
// summaries with labels, which all workers of an application count in together.
//
//   percpu::Registry registry;
//   const auto requests = registry.Counter("http_requests", {.help = "Requests answered.",
//                                                            .labels = {"code"}});
//   const percpu::Counter ok = requests.With({"200"});
//   ok.Increment();
//
// A session (session.h) is not needed beside it, nor is gRPC: this is the C library
// (percpud.h) in C++.

#ifndef PERCPU_REGISTRY_H_
#define PERCPU_REGISTRY_H_

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/c/percpud.h"
#include "percpu/metrics.h"

namespace percpu {

// What a family is, beside its name and type.
struct MetricOptions {
  std::string help = {};
  // Such as `seconds`; the name ends with it then.
  std::string unit = {};
  std::vector<std::string> labels = {};
  // More series than this share one. 0 is the daemon's default.
  std::uint32_t most_series = 0;
  // A series that stands still for so long is removed. 0 is never.
  std::chrono::seconds ttl{0};
};

struct RegistryOptions {
  // unix:PATH. Empty takes $PERCPUD_ADDRESS or, if there is none, the packaged daemon's.
  std::string address = {};
  // Any name or path of at most 255 bytes. Empty takes $PERCPUD_NAMESPACE or, without it,
  // `default`.
  std::string name_space = {};
  // What names this process among those that set a gauge. Empty is its process id.
  std::string writer = {};
  // An opening waits so long for a daemon that is there.
  std::chrono::milliseconds open_wait{1000};
  // Told once of each thing that keeps metrics from being shared, and what to do about it,
  // from within the call that found out. It may not call the registry.
  std::function<void(percpud_notice, std::string_view)> notice = {};
};

// A process's metrics. They work at once and for ever: without a daemon, without room or
// after a refusal they count in this process, and Poll adds them when it can.
//
// Ownership: owns its families and series; what it has handed out ends with it.
// Thread safety: all methods from any thread, the destructor and moves excepted.
// fork: a child counts on at once, in the same cells.
class Registry {
 public:
  explicit Registry(RegistryOptions options = {})
      : notice_(std::make_unique<Notice>(std::move(options.notice))) {
    percpud_options c{};
    c.size = sizeof(c);
    c.address = OrNull(options.address);
    c.name_space = OrNull(options.name_space);
    c.writer = OrNull(options.writer);
    c.open_wait_ms = static_cast<std::uint32_t>(options.open_wait.count());
    client_.reset(percpud_open_as(&c));
    if (*notice_) percpud_on_notice(client_.get(), &Tell, notice_.get());
  }

  // Each returns the family of that name and description, made if there is none. It is
  // false if no daemon would take the description: a name that is empty, bounds that do
  // not rise. What a daemon refuses for another reason is told as a notice, and counts in
  // this process.
  Family<percpu::Counter> Counter(const std::string& name, const MetricOptions& options = {}) {
    return Open<percpu::Counter>(name, options, PERCPUD_COUNTER);
  }
  Family<percpu::IntegerCounter> IntegerCounter(const std::string& name,
                                                const MetricOptions& options = {}) {
    percpud_family_options c{};
    c.flags = PERCPUD_INTEGER;
    return Open<percpu::IntegerCounter>(name, options, PERCPUD_COUNTER, c);
  }
  // With `live_only` what a process has set goes when it dies.
  Family<percpu::Gauge> Gauge(const std::string& name, percpud_fold fold,
                              const MetricOptions& options = {}, bool live_only = false) {
    percpud_family_options c{};
    c.fold = fold;
    c.flags = live_only ? PERCPUD_LIVE_ONLY : 0;
    return Open<percpu::Gauge>(name, options, PERCPUD_GAUGE, c);
  }
  // `bounds` are finite and rise. The last bucket has none.
  Family<percpu::Histogram> Histogram(const std::string& name, const std::vector<double>& bounds,
                                      const MetricOptions& options = {}) {
    percpud_family_options c{};
    c.bounds = bounds.data();
    c.bound_count = static_cast<std::uint32_t>(bounds.size());
    return Open<percpu::Histogram>(name, options, PERCPUD_HISTOGRAM, c);
  }
  Family<percpu::Summary> Summary(const std::string& name, const MetricOptions& options = {}) {
    return Open<percpu::Summary>(name, options, PERCPUD_SUMMARY);
  }

  // Looks for the daemon, at most once a second, and adds what was counted here. Never
  // waits. Returns whether everything is shared.
  bool Poll() { return percpud_poll(client_.get()) == 1; }
  // The same, waiting for that to be so.
  bool Wait(std::chrono::milliseconds most) {
    return percpud_wait(client_.get(), static_cast<int>(most.count())) == 1;
  }

  // Returns what the namespace shows, of all processes, as Prometheus scrapes it. Nothing if
  // the daemon does not answer in time: Reason says why.
  std::optional<std::string> Render(percpud_format format = PERCPUD_OPENMETRICS,
                                    std::chrono::milliseconds most = std::chrono::seconds(1)) {
    std::size_t size = 0;
    const std::unique_ptr<char, decltype(&percpud_free)> text(
        percpud_render(client_.get(), format, static_cast<int>(most.count()), &size),
        &percpud_free);
    return text == nullptr ? std::nullopt : std::optional(std::string(text.get(), size));
  }
  // Returns why Render, a removal or a reset failed last.
  [[nodiscard]] std::string Reason() const {
    std::string out(percpud_reason(client_.get(), nullptr, 0) + 1, '\0');
    percpud_reason(client_.get(), out.data(), out.size());
    out.resize(std::char_traits<char>::length(out.c_str()));
    return out;
  }

  // For what percpud.h has besides, such as percpud_collect. It ends with the registry.
  [[nodiscard]] percpud_client* client() const { return client_.get(); }

 private:
  using Notice = std::function<void(percpud_notice, std::string_view)>;

  static const char* OrNull(const std::string& text) {
    return text.empty() ? nullptr : text.c_str();
  }
  static void Tell(void* notice, percpud_notice what, const char* text) {
    (*static_cast<const Notice*>(notice))(what, text);
  }
  template <typename Metric>
  Family<Metric> Open(const std::string& name, const MetricOptions& options, percpud_type type,
                      percpud_family_options c = {}) {
    std::vector<const char*> labels;
    labels.reserve(options.labels.size());
    for (const std::string& label : options.labels) labels.push_back(label.c_str());
    c.size = sizeof(c);
    c.name = OrNull(name);
    c.help = options.help.c_str();
    c.unit = options.unit.c_str();
    c.type = type;
    c.label_count = static_cast<std::uint32_t>(labels.size());
    c.label_names = labels.data();
    c.most_series = options.most_series;
    c.ttl_seconds = static_cast<std::uint32_t>(options.ttl.count());
    return Family<Metric>(percpud_family_open(client_.get(), &c), labels.size());
  }

  struct Close {
    void operator()(percpud_client* client) const { percpud_close(client); }
  };
  // Where the client finds it, wherever the registry is moved to.
  std::unique_ptr<Notice> notice_;
  std::unique_ptr<percpud_client, Close> client_;
};

}  // namespace percpu

#endif  // PERCPU_REGISTRY_H_
