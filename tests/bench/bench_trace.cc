// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Replays an allocation trace through the allocator in this process.
//
// One pass measures fullness after every operation and checks each growth
// against a naive walk over all free gaps; the timed passes that follow do
// nothing but allocate and free. With --no-zero no memory is touched, which
// leaves the metadata work.

#include <time.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "client/cli/trace.h"
#include "server/arena/arena.h"
#include "server/percpu/allocator.h"
#include "tests/support/allocator_rig.h"
#include "tests/support/fake_page_source.h"

namespace percpud {
namespace {

struct Flags {
  std::string trace;
  std::uint32_t cpus = 16;
  std::uint64_t unit_size = 64 << 10;
  std::uint64_t static_size = 4096;
  std::uint64_t arena_size = std::uint64_t{16} << 30;
  bool no_zero = false;
  int reps = 5;
  std::string placements;
  std::string output = "table";
  std::uint32_t empty_pages_low = kEmptyPagesLow;
  std::uint32_t empty_pages_high = kEmptyPagesHigh;
};

double CpuNanoseconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

// Another source, with a watch on the time that the system takes to back and
// take back memory: that is not the allocator's work, and is told apart.
class TimedPageSource final : public PageSource {
 public:
  explicit TimedPageSource(std::unique_ptr<PageSource> real) : real_(std::move(real)) {}

  [[nodiscard]] Bytes size() const override { return real_->size(); }
  [[nodiscard]] Bytes page_size() const override { return real_->page_size(); }
  [[nodiscard]] std::byte* base() const override { return real_->base(); }
  absl::Status Populate(Bytes offset, Bytes length) override {
    return Timed([&] { return real_->Populate(offset, length); });
  }
  absl::Status Release(Bytes offset, Bytes length) override {
    return Timed([&] { return real_->Release(offset, length); });
  }
  [[nodiscard]] double nanoseconds() const { return nanoseconds_; }

 private:
  template <typename Work>
  absl::Status Timed(Work work) {
    const double start = CpuNanoseconds();
    absl::Status status = work();
    nanoseconds_ += CpuNanoseconds() - start;
    return status;
  }

  const std::unique_ptr<PageSource> real_;
  double nanoseconds_ = 0;
};

// An allocator for one pass, with the balancer run inline whenever it is due,
// so that every pass takes the same course.
class Pass {
 public:
  static absl::StatusOr<std::unique_ptr<Pass>> Make(const Flags& flags) {
    auto pass = std::make_unique<Pass>();
    std::unique_ptr<PageSource> pages =
        std::make_unique<testing::NullPageSource>(Bytes(flags.arena_size));
    if (!flags.no_zero) {
      auto arena = Arena::Create({.size = Bytes(flags.arena_size)});
      if (!arena.ok()) return arena.status();
      pages = *std::move(arena);
    }
    pass->pages_ = std::make_unique<TimedPageSource>(std::move(pages));
    Allocator::Options options;
    options.zero = !flags.no_zero;
    options.balance.empty_pages_low = flags.empty_pages_low;
    options.balance.empty_pages_high = flags.empty_pages_high;
    auto allocator = testing::MakeAllocator({.cpus = flags.cpus,
                                             .unit_size = Bytes(flags.unit_size),
                                             .static_size = Bytes(flags.static_size)},
                                            *pass->pages_, options);
    if (!allocator.ok()) return allocator.status();
    pass->allocator_ = *std::move(allocator);
    pass->allocator_->set_balance_wanted([raw = pass.get()] { raw->balance_due_ = true; });
    return pass;
  }

  absl::Status Run(const percpu::TraceOp& op) {
    if (op.id >= pointers_.size()) pointers_.resize(op.id + 1);
    if (op.alloc) {
      auto pointer = allocator_->Alloc({Bytes(op.size), Bytes(op.alignment)});
      if (!pointer.ok()) return pointer.status();
      pointers_[op.id] = *pointer;
    } else {
      auto freed = allocator_->Free(pointers_[op.id]);
      if (!freed.ok()) return freed.status();
    }
    if (balance_due_) {
      balance_due_ = false;
      allocator_->Balance();
    }
    return absl::OkStatus();
  }

  void Reserve(std::size_t ids) { pointers_.resize(ids); }
  [[nodiscard]] const Allocator& allocator() const { return *allocator_; }
  [[nodiscard]] PercpuPtr pointer(std::uint64_t id) const { return pointers_[id]; }
  [[nodiscard]] double backing_nanoseconds() const { return pages_->nanoseconds(); }

 private:
  std::unique_ptr<TimedPageSource> pages_;
  std::unique_ptr<Allocator> allocator_;
  std::vector<PercpuPtr> pointers_;
  bool balance_due_ = false;
};

struct Result {
  double mean_utilisation = 0;
  double final_utilisation = 0;
  std::uint64_t chunks_peak = 0;
  std::uint64_t chunks_created = 0;
  std::uint64_t chunks_created_ahead = 0;
  std::uint64_t growths_while_room = 0;
  // Without the time the system took to back memory, which is beside it.
  std::vector<double> ns_per_op;
  std::vector<double> backing_ns_per_op;
};

// Whether any chunk but `except` has an aligned gap for the operation, found by
// walking the areas and nothing else.
bool HasRoom(const Allocator& allocator, const percpu::TraceOp& op, ChunkId except) {
  const std::uint64_t size = ToBytes(ToGranules(Bytes(op.size))).value();
  const std::uint64_t align = std::max<std::uint64_t>(op.alignment, kMinAlign.value());
  for (const ChunkSnapshot& chunk : allocator.GetChunks(Index::kFirstId, SIZE_MAX)) {
    if (chunk.id == except) continue;
    auto map = allocator.GetAreaMap(chunk.id);
    std::uint64_t at = chunk.begin_offset.value();
    map->areas.push_back(
        {.pointer = {}, .chunk = {}, .offset = chunk.end_offset, .size = {}, .tag = {}});
    for (const AreaSnapshot& area : map->areas) {
      const std::uint64_t start = (at + align - 1) / align * align;
      if (start + size <= area.offset.value()) return true;
      at = (area.offset + area.size).value();
    }
  }
  return false;
}

absl::Status Measure(const Flags& flags, const std::vector<percpu::TraceOp>& ops, Result& result) {
  auto pass = Pass::Make(flags);
  if (!pass.ok()) return pass.status();
  const Allocator& allocator = (*pass)->allocator();
  std::ofstream placements;
  if (!flags.placements.empty()) placements.open(flags.placements);
  double sum = 0;
  std::uint64_t demanded = 0;
  for (const percpu::TraceOp& op : ops) {
    if (absl::Status status = (*pass)->Run(op); !status.ok()) return status;
    const Stats stats = allocator.GetCounters();
    result.final_utilisation = stats.utilisation();
    sum += result.final_utilisation;
    result.chunks_peak = std::max(result.chunks_peak, stats.nr_chunks);
    if (stats.chunks_created - stats.chunks_created_ahead != demanded) {
      demanded = stats.chunks_created - stats.chunks_created_ahead;
      const ChunkId grown = allocator.Resolve((*pass)->pointer(op.id))->chunk;
      result.growths_while_room += HasRoom(allocator, op, grown) ? 1 : 0;
    }
    if (placements.is_open() && op.alloc) {
      placements << op.id << ' ' << (*pass)->pointer(op.id).value() << '\n';
    }
  }
  result.mean_utilisation = sum / static_cast<double>(ops.size());
  result.chunks_created = allocator.GetStats().chunks_created;
  result.chunks_created_ahead = allocator.GetStats().chunks_created_ahead;
  return allocator.CheckInvariants();
}

absl::Status Time(const Flags& flags, const std::vector<percpu::TraceOp>& ops, Result& result) {
  for (int rep = 0; rep < flags.reps; ++rep) {
    auto pass = Pass::Make(flags);
    if (!pass.ok()) return pass.status();
    (*pass)->Reserve(ops.size());
    const double backed = (*pass)->backing_nanoseconds();
    const double start = CpuNanoseconds();
    for (const percpu::TraceOp& op : ops) {
      if (absl::Status status = (*pass)->Run(op); !status.ok()) return status;
    }
    const double spent = CpuNanoseconds() - start;
    const double backing = (*pass)->backing_nanoseconds() - backed;
    const auto count = static_cast<double>(ops.size());
    result.ns_per_op.push_back((spent - backing) / count);
    result.backing_ns_per_op.push_back(backing / count);
  }
  std::sort(result.ns_per_op.begin(), result.ns_per_op.end());
  std::sort(result.backing_ns_per_op.begin(), result.backing_ns_per_op.end());
  return absl::OkStatus();
}

void Print(const Flags& flags, std::size_t ops, const Result& result) {
  const double median = result.ns_per_op[result.ns_per_op.size() / 2];
  const double backing = result.backing_ns_per_op[result.backing_ns_per_op.size() / 2];
  if (flags.output == "json") {
    const nlohmann::ordered_json json = {{"trace", flags.trace},
                                         {"operations", ops},
                                         {"cpus", flags.cpus},
                                         {"unit_size", flags.unit_size},
                                         {"zeroed", !flags.no_zero},
                                         {"ns_per_op_median", median},
                                         {"ns_per_op_min", result.ns_per_op.front()},
                                         {"ns_per_op_max", result.ns_per_op.back()},
                                         {"backing_ns_per_op_median", backing},
                                         {"mean_utilisation", result.mean_utilisation},
                                         {"final_utilisation", result.final_utilisation},
                                         {"chunks_peak", result.chunks_peak},
                                         {"chunks_created", result.chunks_created},
                                         {"chunks_created_ahead", result.chunks_created_ahead},
                                         {"growths_while_room", result.growths_while_room}};
    std::cout << json.dump(2) << '\n';
    return;
  }
  std::cout << absl::StrFormat(
      "%s: %d ops, %d CPUs, %s: %.1f ns/op [%.1f..%.1f] + %.1f backing, utilisation mean %.3f "
      "final %.3f, chunks "
      "peak %d created %d (%d ahead), growths while room %d\n",
      flags.trace, ops, flags.cpus, flags.no_zero ? "metadata only" : "zeroed", median,
      result.ns_per_op.front(), result.ns_per_op.back(), backing, result.mean_utilisation,
      result.final_utilisation, result.chunks_peak, result.chunks_created,
      result.chunks_created_ahead, result.growths_while_room);
}

int Main(int argc, char** argv) {
  // As the daemon does: the packaged abseil tracks lock order otherwise.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  Flags flags;
  CLI::App app{"Replays an allocation trace in process"};
  app.add_option("--trace", flags.trace)->required();
  app.add_option("--cpus", flags.cpus);
  app.add_option("--unit-size", flags.unit_size)->transform(CLI::AsSizeValue(false));
  app.add_option("--static-size", flags.static_size)->transform(CLI::AsSizeValue(false));
  app.add_option("--arena-size", flags.arena_size)->transform(CLI::AsSizeValue(false));
  app.add_flag("--no-zero", flags.no_zero, "touch no memory: the metadata work alone");
  app.add_option("--reps", flags.reps)->check(CLI::Range(1, 1000));
  app.add_option("--placements", flags.placements, "write 'ID POINTER' lines here");
  app.add_option("--empty-pages-low", flags.empty_pages_low);
  app.add_option("--empty-pages-high", flags.empty_pages_high);
  app.add_option("-o,--output", flags.output)->check(CLI::IsMember({"table", "json"}));
  CLI11_PARSE(app, argc, argv);

  const auto ops = percpu::ReadTrace(flags.trace);
  Result result;
  absl::Status status = ops.status();
  if (status.ok()) status = Measure(flags, *ops, result);
  if (status.ok()) status = Time(flags, *ops, result);
  if (!status.ok()) {
    std::cerr << "bench_trace: " << status.ToString() << '\n';
    return 1;
  }
  Print(flags, ops->size(), result);
  return 0;
}

}  // namespace
}  // namespace percpud

int main(int argc, char** argv) { return percpud::Main(argc, argv); }
