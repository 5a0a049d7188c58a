// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "client/cli/commands/common.h"
#include "client/cli/commands/greedy_grant.h"
#include "client/cli/interrupt.h"
#include "client/cli/parse.h"
#include "client/cli/progress.h"
#include "client/cli/trace.h"
#include "server/base/clock.h"

namespace percpu::cli {
namespace {

// More than any daemon takes in a call.
constexpr std::uint64_t kMaxBatch = 65536;
// How often utilisation is looked at in the course of a trace.
constexpr std::uint64_t kSamples = 50;

struct ReplayOptions {
  std::string path;
  std::uint64_t batch = 1;
  bool free_rest = false;
};

// Runs a trace against the daemon in windows of operations: the allocations of a window in
// one call, then its frees in one call.
class Player {
 public:
  Player(Client& client, const std::vector<TraceOp>& ops) : client_(client) {
    std::uint64_t ids = 0;
    for (const TraceOp& op : ops) ids = std::max(ids, op.id + 1);
    pointers_.resize(ids, kNull);
    in_frees_.resize(ids, false);
  }

  // Adds an operation to the window. One that an open free of the same id would
  // overtake closes the window first.
  // REQUIRES: an operation of the trace.
  absl::Status Add(const TraceOp& op) {
    assert(op.id < pointers_.size());
    if (op.alloc) {
      if (in_frees_[op.id]) {
        if (absl::Status status = Flush(); !status.ok()) return status;
      }
      alloc_ids_.push_back(op.id);
      specs_.push_back({.size_bytes = op.size, .alignment = Alignment(op)});
    } else {
      free_ids_.push_back(op.id);
      in_frees_[op.id] = true;
    }
    return absl::OkStatus();
  }

  [[nodiscard]] std::uint64_t window() const { return alloc_ids_.size() + free_ids_.size(); }

  absl::Status Flush() {
    absl::Status status = FlushAllocs();
    if (status.ok()) status = FlushFrees();
    return status;
  }

  // Gives back what the trace left.
  absl::Status FreeRest() {
    for (std::uint64_t id = 0; id < pointers_.size(); ++id) {
      if (pointers_[id] == kNull) continue;
      free_ids_.push_back(id);
      if (free_ids_.size() < kRestBatch) continue;
      if (absl::Status status = FlushFrees(); !status.ok()) return status;
    }
    return FlushFrees();
  }

  [[nodiscard]] std::uint64_t allocs() const { return allocs_; }
  [[nodiscard]] std::uint64_t frees() const { return frees_; }
  [[nodiscard]] std::uint64_t refused() const { return refused_; }

 private:
  static constexpr std::size_t kRestBatch = 1024;

  // What the wire cannot carry becomes what the daemon refuses.
  static std::uint32_t Alignment(const TraceOp& op) {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(op.alignment, 1U << 31));
  }

  absl::Status FlushAllocs() {
    const std::vector<AreaSpec> specs = std::exchange(specs_, {});
    const std::vector<std::uint64_t> ids = std::exchange(alloc_ids_, {});
    if (specs.empty()) return absl::OkStatus();
    std::vector<Pointer> pointers(ids.size(), kNull);
    GreedyGrant grant(client_);
    const absl::Status status = grant.Run(specs, pointers);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (pointers[i] != kNull) pointers_[ids[i]] = pointers[i];
    }
    allocs_ += grant.granted();
    refused_ += grant.refused();
    return status;
  }

  // Leaves out what was never granted.
  absl::Status FlushFrees() {
    std::vector<Pointer> pointers;
    for (const std::uint64_t id : std::exchange(free_ids_, {})) {
      in_frees_[id] = false;
      const Pointer pointer = std::exchange(pointers_[id], kNull);
      if (pointer != kNull) pointers.push_back(pointer);
    }
    if (pointers.empty()) return absl::OkStatus();
    frees_ += pointers.size();
    return client_.FreeBatch(pointers).status();
  }

  Client& client_;
  // By trace id: what is live, and what the window is about to free.
  std::vector<Pointer> pointers_;
  std::vector<bool> in_frees_;
  // The window.
  std::vector<AreaSpec> specs_;
  std::vector<std::uint64_t> alloc_ids_;
  std::vector<std::uint64_t> free_ids_;

  std::uint64_t allocs_ = 0;
  std::uint64_t frees_ = 0;
  std::uint64_t refused_ = 0;
};

// Mean of the daemon's utilisation over the course of a trace.
class Sampler {
 public:
  Sampler(Client& client, std::uint64_t ops) : client_(client), step_(ops / kSamples + 1) {}

  absl::Status Look(std::uint64_t done) {
    if (done < next_) return absl::OkStatus();
    next_ = done + step_;
    const absl::StatusOr<Stats> stats = client_.GetStats();
    if (!stats.ok()) return stats.status();
    sum_ += stats->utilisation;
    ++count_;
    return absl::OkStatus();
  }

  [[nodiscard]] double mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }

 private:
  Client& client_;
  const std::uint64_t step_;
  std::uint64_t next_ = 0;
  double sum_ = 0;
  std::uint64_t count_ = 0;
};

absl::Status Play(const std::vector<TraceOp>& ops, std::uint64_t batch, Context& context,
                  Player& player, Sampler& sampler) {
  Progress progress(context.progress, ops.size());
  for (std::uint64_t done = 0; done < ops.size();) {
    if (Interrupt::signal() != 0) return absl::CancelledError("interrupted");
    absl::Status status = player.Add(ops[done++]);
    const bool full = player.window() >= batch || done == ops.size();
    if (status.ok() && full) status = player.Flush();
    if (status.ok() && full) status = sampler.Look(done);
    if (!status.ok()) return status;
    if (full) progress.Show(done);
  }
  return absl::OkStatus();
}

CLI::Validator IsFile() {
  return {[](const std::string& path) {
            return std::filesystem::exists(path) ? ""
                                                 : absl::StrCat("there is no file \"", path, "\"");
          },
          ""};
}

Report Summary(const std::vector<TraceOp>& ops, const Player& player, const Sampler& sampler,
               absl::Duration elapsed) {
  const double seconds = absl::ToDoubleSeconds(elapsed);
  const auto count = static_cast<double>(ops.size());
  return {{Fields{.key = "",
                  .title = "",
                  .fields = {{"ops", Count{ops.size()}, ""},
                             {"allocs", Count{player.allocs()}, ""},
                             {"frees", Count{player.frees()}, ""},
                             {"refused", Count{player.refused()}, "for want of room"},
                             {"live_at_end", Count{player.allocs() - player.frees()}, ""},
                             {"mean_utilisation", Share{sampler.mean()}, "of all chunks"}}},
           Fields{.key = "",
                  .title = "",
                  .fields = {{"seconds", Real{seconds}, ""},
                             {"ops_per_second", Real{seconds > 0 ? count / seconds : 0}, ""}}}}};
}

// A trace that ends early leaves nothing: what it made belongs to nobody, and only
// this process knows the pointers. Returns the reason with what became of it.
absl::Status GiveUp(absl::Status reason, Player& player) {
  const std::uint64_t live = player.allocs() - player.frees();
  const absl::Status freed = player.FreeRest();
  return {reason.code(),
          freed.ok() ? absl::StrCat(reason.message(), "; freed the ", live, " areas it had made")
                     : absl::StrCat(reason.message(), "; cannot free the ", live,
                                    " areas it had made: ", freed.message())};
}

absl::StatusOr<Report> Replay(Context& context, const ReplayOptions& options) {
  const absl::StatusOr<std::vector<TraceOp>> ops = ReadTrace(options.path);
  if (!ops.ok()) return ops.status();
  Player player(context.client, *ops);
  Sampler sampler(context.client, ops->size());
  const Interrupt interrupt;
  const percpud::BootTime start = percpud::NowSinceBoot();
  if (absl::Status status = Play(*ops, options.batch, context, player, sampler); !status.ok()) {
    return GiveUp(std::move(status), player);
  }
  const absl::Duration elapsed = percpud::NowSinceBoot() - start;
  Report report = Summary(*ops, player, sampler, elapsed);
  if (options.free_rest) {
    if (absl::Status status = player.FreeRest(); !status.ok()) return status;
  }
  return report;
}

}  // namespace

Commands AddReplay(CLI::App& root) {
  CLI::App* parser = AddCommand(root, "replay", "Run a trace of allocations and frees");
  parser->footer(
      "A trace is a file of lines 'a ID SIZE ALIGN' and 'f ID'. With --batch, every N\n"
      "lines are two calls: their allocations, then their frees. A refused call is\n"
      "halved until what does not fit is found; within the N lines, what asks for no\n"
      "less than a refused allocation is refused without a call. What the trace leaves\n"
      "live stays, for chunk list and chunk show --map to look at, unless --free is\n"
      "given. A replay that is interrupted, or fails, frees all that it made.");
  const auto options = std::make_shared<ReplayOptions>();
  parser->add_option("TRACE", options->path, "The file")
      ->option_text(" ")
      ->check(IsFile())
      ->required();
  parser->add_option("--batch", options->batch, "How many lines share their calls")
      ->option_text("N [1]")
      ->transform(AsCount(1, kMaxBatch));
  parser->add_flag("--free", options->free_rest, "Free at the end what the trace left live");
  return {
      {.parser = parser, .run = [options](Context& context) { return Replay(context, *options); }}};
}

}  // namespace percpu::cli
