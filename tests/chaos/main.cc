// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// usage: chaos_check [--cycles N] [--seed N] [--backend km|vm] [--rest-every N] [--only TEXT]
//
// --only makes the troubles whose names have TEXT in them, and no others. The exit
// status is 0 if nothing was lost, granted twice, granted dirty, leaked or broken. (With
// --client SLOT or --audit it is a process of such a run.)

#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "tests/chaos/audit.h"
#include "tests/chaos/client.h"
#include "tests/chaos/cycle.h"

namespace percpu::chaos {
namespace {

using Flags = std::map<std::string, std::string>;

std::uint32_t NumberOf(const Flags& flags, const std::string& name, std::uint32_t otherwise) {
  const auto found = flags.find(name);
  if (found == flags.end()) return otherwise;
  std::uint32_t number = 0;
  if (!absl::SimpleAtoi(found->second, &number)) {
    absl::FPrintF(stderr, "--%s: not a number: %s\n", name, found->second);
    std::exit(2);
  }
  return number;
}

std::string TextOf(const Flags& flags, const std::string& name, const std::string& otherwise) {
  const auto found = flags.find(name);
  return found == flags.end() ? otherwise : found->second;
}

// The troubles in a new order each time round.
class Deck {
 public:
  Deck(std::vector<Trouble> troubles, std::uint32_t seed)
      : troubles_(std::move(troubles)), random_(seed) {}
  Trouble Draw() {
    if (next_ == 0) std::shuffle(troubles_.begin(), troubles_.end(), random_);
    const Trouble drawn = troubles_.at(next_);
    next_ = (next_ + 1) % troubles_.size();
    return drawn;
  }
  [[nodiscard]] std::size_t size() const { return troubles_.size(); }

 private:
  std::vector<Trouble> troubles_;
  std::mt19937 random_;
  std::size_t next_ = 0;
};

void Print(Site& site, const Cycles& cycles, std::uint32_t made, std::size_t kinds,
           absl::Duration took) {
  Shadow& shadow = site.shadow();
  const auto sum = [&](auto field) {
    std::uint64_t total = 0;
    for (const Desk& desk : shadow.desks) total += desk.*field;
    return total;
  };
  absl::PrintF("%d cycles of %d troubles in %s; %d starts, %d of them refused; %d ends for want\n",
               made, kinds, absl::FormatDuration(absl::Trunc(took, absl::Seconds(1))),
               cycles.daemon().starts(), cycles.daemon().refused_starts(), cycles.excused_ends());
  absl::PrintF(
      "%d sessions, %d steps, %d areas granted, %d freed, %d calls refused, %d areas uncertain, "
      "%d adds\n",
      sum(&Desk::sessions), shadow.Steps(), sum(&Desk::granted), sum(&Desk::freed),
      sum(&Desk::refused), sum(&Desk::all_uncertain), sum(&Desk::adds_made));
  for (std::size_t i = 0; i < kFaults; ++i) {
    absl::PrintF("%s%d %s", i == 0 ? "" : ", ", shadow.faults.at(i).load(),
                 NameOf(static_cast<Fault>(i)));
  }
  absl::PrintF("\n");
}

int RunAll(const Flags& flags) {
  // A run is long, and looked at meanwhile.
  setvbuf(stdout, nullptr, _IOLBF, 0);
  const std::uint32_t cycles = NumberOf(flags, "cycles", 2000);
  const std::uint32_t seed = NumberOf(flags, "seed", 1);
  const std::uint32_t rest_every = std::max(1U, NumberOf(flags, "rest-every", 10));
  Site site;
  if (!TasksCanBeBounded()) absl::PrintF("tasks cannot be bounded here: none of these\n");
  if (!site.has_own_disk()) absl::PrintF("nothing can be mounted here: the disk is not filled\n");
  std::vector<Trouble> troubles = AllTroubles(TasksCanBeBounded(), site.has_own_disk());
  const std::string only = TextOf(flags, "only", "");
  std::erase_if(troubles,
                [&](const Trouble& trouble) { return !absl::StrContains(NameOf(trouble), only); });
  if (troubles.empty()) {
    absl::FPrintF(stderr, "--only: no trouble is named so\n");
    return 2;
  }
  Deck deck(std::move(troubles), seed);
  Cycles chaos(site, TextOf(flags, "backend", "km"), seed);
  const absl::Time began = absl::Now();
  std::uint32_t made = 0;
  bool goes_on = chaos.Begin();
  while (goes_on && made < cycles) {
    const Trouble trouble = deck.Draw();
    const std::uint64_t faults = site.shadow().Faults();
    goes_on = chaos.Run(trouble);
    ++made;
    if (goes_on && (made % rest_every == 0 || made == cycles)) goes_on = chaos.Rest();
    if (made % 100 == 0) absl::PrintF("%d cycles\n", made);
    if (site.shadow().Faults() > faults) {
      absl::PrintF("cycle %d, %s: see standard error\n", made, NameOf(trouble));
    }
  }
  if (goes_on) chaos.End();
  Print(site, chaos, made, deck.size(), absl::Now() - began);
  return goes_on && site.shadow().Faults() == 0 ? 0 : 1;
}

int Main(const std::vector<std::string>& arguments) {
  Flags flags;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (!absl::StartsWith(arguments[i], "--")) {
      absl::FPrintF(stderr, "not a flag: %s\n", arguments[i]);
      return 2;
    }
    const bool has_value = i + 1 < arguments.size() && !absl::StartsWith(arguments[i + 1], "--");
    flags[arguments[i].substr(2)] = has_value ? arguments[i + 1] : "";
    if (has_value) ++i;
  }
  if (!flags.contains("client") && !flags.contains("audit")) return RunAll(flags);
  auto shadow = Shadow::Map(TextOf(flags, "shadow", ""));
  if (!shadow.ok()) {
    absl::FPrintF(stderr, "%s\n", shadow.status().ToString());
    return 2;
  }
  const std::string address = TextOf(flags, "address", "");
  if (flags.contains("audit")) return Audit(**shadow, address);
  return Work(**shadow, NumberOf(flags, "client", 0), address, NumberOf(flags, "seed", 1));
}

}  // namespace
}  // namespace percpu::chaos

int main(int argc, char** argv) {
  return percpu::chaos::Main(std::vector<std::string>(argv + 1, argv + argc));
}
