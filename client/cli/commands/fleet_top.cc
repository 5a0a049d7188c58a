// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

// fleet top: the hosts at work, a frame every interval. A rate is the difference of two sums.

#include "client/cli/commands/fleet_top.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "client/cli/commands/common.h"
#include "client/cli/commands/fleet_agent.h"
#include "client/cli/commands/frames.h"
#include "client/cli/commands/target.h"
#include "client/cli/parse.h"
#include "percpu/fleet.h"
#include "server/base/clock.h"
#include "server/base/status_macros.h"

namespace percpu::cli {
namespace {

// Lines of a frame that are not rows: the summary, headings, and the one that the cursor stays on.
constexpr std::size_t kOtherLines = 6;

struct Options {
  std::shared_ptr<std::string> agent;
  // A variable or a family; empty for none.
  std::string name;
  std::int64_t deadline_ns = absl::ToInt64Nanoseconds(absl::Seconds(1));
  FrameOptions frames;
};

// What is read for a frame.
struct Reading {
  FleetView view;
  // When the sum was asked for.
  percpud::BootTime at;
  // Nothing was asked for, or it is not to be had just now.
  std::optional<FleetSum> sum;
  std::string problem;
};

absl::StatusOr<Reading> Read(Context& context, const Fleet& fleet, const Options& options) {
  Reading out;
  ASSIGN_OR_RETURN(out.view, Reached(fleet.Hosts()));
  out.at = context.clock.now();
  if (options.name.empty()) return out;
  absl::StatusOr<FleetSum> sum =
      fleet.Sum(options.name, {.policy = SumPolicy::kAvailable,
                               .deadline = absl::Nanoseconds(options.deadline_ns),
                               .name_space = context.name_space,
                               .by_host = true});
  // Where hosts fail is what one looks for: it ends nothing.
  if (sum.ok()) {
    out.problem = ProblemOf(sum->round);
    out.sum = *std::move(sum);
  } else {
    out.problem = std::string(sum.status().message());
  }
  return out;
}

// What is wrong comes first.
bool IsWell(const FleetHost& host) {
  return host.state == HostState::kUp && host.serving == HostServing::kUp && !host.drain;
}

// Frames of one run: rates from one reading to the next.
class Frame {
 public:
  // `name` is what the sums are of, if they are of something.
  Frame(const Reading& before, const Reading& now, const std::string& name)
      : before_(before), now_(now), name_(name) {}

  [[nodiscard]] Report ToReport(percpud::BootTime began, std::size_t rows) const {
    return {{Summary(began), Hosts(rows)}};
  }

 private:
  [[nodiscard]] std::uint64_t CountHosts(HostState state) const {
    const auto& hosts = now_.view.hosts;
    return static_cast<std::uint64_t>(
        std::count_if(hosts.begin(), hosts.end(),
                      [state](const FleetHost& host) { return host.state == state; }));
  }

  [[nodiscard]] Value Rate(std::optional<double> from, std::optional<double> to) const {
    const double seconds = absl::ToDoubleSeconds(now_.at - before_.at);
    if (!from || !to || seconds <= 0) return Absent{};
    return Real{(*to - *from) / seconds};
  }
  static std::optional<double> TotalOf(const Reading& reading) {
    if (!reading.sum) return std::nullopt;
    return reading.sum->total;
  }
  static std::optional<double> NumberOf(const Reading& reading, const std::string& host) {
    if (!reading.sum) return std::nullopt;
    const auto found = reading.sum->by_host.find(host);
    if (found == reading.sum->by_host.end()) return std::nullopt;
    return found->second;
  }
  static Value OrNone(std::optional<double> number) {
    return number ? Value(Number{*number}) : Absent{};
  }

  [[nodiscard]] Fields Summary(percpud::BootTime began) const {
    const FleetView& view = now_.view;
    Fields out{.key = "",
               .title = "",
               .fields = {{"elapsed_seconds", Real{absl::ToDoubleSeconds(now_.at - began)}, ""},
                          {"fleet", view.fleet, ""},
                          {"hosts_up", Count{CountHosts(HostState::kUp)}, ""},
                          {"hosts_lost", Count{CountHosts(HostState::kLost)}, ""},
                          {"mass_loss", view.mass_loss, ""},
                          {"stale_seconds", AgeOf(view.stale_since), ""},
                          {"epoch", view.epoch, ""}},
               .layout = Fields::Layout::kFlow};
    if (name_.empty()) return out;
    out.fields.push_back({"sum_of", name_, ""});
    out.fields.push_back({"sum", OrNone(TotalOf(now_)), ""});
    // A sum of other hosts than before has no rate.
    const bool is_alike =
        before_.sum && now_.sum && before_.sum->round.hosts == now_.sum->round.hosts;
    out.fields.push_back(
        {"per_second", is_alike ? Rate(TotalOf(before_), TotalOf(now_)) : Absent{}, ""});
    out.fields.push_back({"problem", OrAbsent(now_.problem), ""});
    return out;
  }

  [[nodiscard]] Table Hosts(std::size_t rows) const {
    std::vector<FleetHost> hosts = now_.view.hosts;
    std::stable_partition(hosts.begin(), hosts.end(),
                          [](const FleetHost& host) { return !IsWell(host); });
    if (hosts.size() > rows) hosts.resize(rows);
    const bool sums = !name_.empty();
    Table out{.key = "hosts", .title = "", .columns = HostColumns(), .rows = {}};
    out.columns.push_back({"free_bytes", "FREE"});
    if (sums) {
      out.columns.push_back({"sum", "SUM"});
      out.columns.push_back({"per_second", "PER SECOND"});
    }
    for (const FleetHost& host : hosts) {
      std::vector<Value>& row = out.rows.emplace_back(HostRow(host));
      row.push_back(host.layout ? Value(Size{host.layout->free_bytes}) : Absent{});
      if (!sums) continue;
      const std::optional<double> number = NumberOf(now_, host.name);
      row.push_back(OrNone(number));
      row.push_back(Rate(NumberOf(before_, host.name), number));
    }
    return out;
  }

  const Reading& before_;
  const Reading& now_;
  const std::string& name_;
};

absl::StatusOr<Report> Top(Context& context, const Options& options) {
  constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();
  const std::size_t rows =
      options.frames.rows != 0 ? options.frames.rows : RowsFor(context.style, kOtherLines, kAll);
  const Fleet fleet(context.connect_fleet(*options.agent), {});
  return RunFrames(
      context, "percpud-fleet", options.frames, [&] { return Read(context, fleet, options); },
      [&](const Reading& before, const Reading& now, percpud::BootTime began) {
        return Frame(before, now, options.name).ToReport(began, rows);
      });
}

}  // namespace

Command AddFleetTop(CLI::App& noun, const std::shared_ptr<std::string>& agent) {
  const auto options = std::make_shared<Options>();
  options->agent = agent;
  Command out =
      AddPlain(noun, "top", "Live: hosts, and what they count",
               "As top. With --sum a variable or a family of --namespace, by host; hosts\n"
               "that do not answer are named. FREE is what areas may still take of one\n"
               "unit. Hosts that are not well come first.",
               [options](Context& context) { return Top(context, *options); });
  out.parser->add_option("--sum", options->name, "What to add up")
      ->option_text("NAME")
      ->check(IsName());
  out.parser->add_option("--deadline", options->deadline_ns, "How long hosts have")
      ->option_text("TIME [1s]")
      ->transform(AsNanoseconds());
  AddFrameOptions(*out.parser, options->frames, "N [as fit, or all]");
  return out;
}

}  // namespace percpu::cli
