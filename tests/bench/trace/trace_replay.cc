// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/trace/trace_replay.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <fstream>
#include <utility>

#include "server/arena/arena.h"
#include "server/percpu/introspect/inspector.h"
#include "tests/support/allocator_rig.h"
#include "tests/support/fake_page_source.h"

namespace percpud::bench {

// Another source, with a watch on the time that the system takes to back and
// take back memory: that is not the allocator's work, and is told apart. What a virtual
// machine's host does when a page is written for the first time belongs to it, so each
// is: 2 to 5 us a page where that was measured, as much as clearing it in all units.
class TimedPageSource final : public PageSource {
 public:
  explicit TimedPageSource(std::unique_ptr<PageSource> real) : real_(std::move(real)) {}

  [[nodiscard]] Bytes size() const override { return real_->size(); }
  [[nodiscard]] Bytes page_size() const override { return real_->page_size(); }
  [[nodiscard]] std::byte* base() const override { return real_->base(); }
  absl::Status Populate(Bytes offset, Bytes length) override {
    return Timed([&] {
      absl::Status status = real_->Populate(offset, length);
      if (status.ok() && base() != nullptr) WriteOnce(base() + offset.value(), length);
      return status;
    });
  }
  absl::Status Release(Bytes offset, Bytes length) override {
    return Timed([&] { return real_->Release(offset, length); });
  }
  [[nodiscard]] double nanoseconds() const { return nanoseconds_; }

 private:
  // REQUIRES: the memory is backed and reads zero.
  static void WriteOnce(std::byte* begin, Bytes length) {
    for (std::byte* page = begin; page < begin + length.value(); page += kBasePageSize.value()) {
      *static_cast<volatile std::byte*>(page) = std::byte{0};
    }
  }
  template <typename Work>
  absl::Status Timed(Work work) {
    const double start = Nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
    absl::Status status = work();
    nanoseconds_ += Nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - start;
    return status;
  }

  const std::unique_ptr<PageSource> real_;
  std::atomic<double> nanoseconds_ = 0;
};

namespace {

// Whether any chunk but `except` has an aligned gap for the operation, found by
// walking the areas and nothing else.
bool HasRoom(const Allocator& allocator, const percpu::TraceOp& op, ChunkId except) {
  const std::uint64_t size = ToBytes(ToGranules(Bytes(op.size))).value();
  const std::uint64_t align = std::max<std::uint64_t>(op.alignment, kMinAlign.value());
  for (const ChunkSnapshot& chunk : Inspector(allocator).GetChunks(Index::kFirstId, SIZE_MAX)) {
    if (chunk.id == except) continue;
    auto map = Inspector(allocator).GetAreaMap(chunk.id);
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

double Physical(const Allocator& allocator, const Stats& stats) {
  const Pages taken = Inspector(allocator).backend_name() == "vm"
                          ? stats.populated_pages
                          : stats.populated_pages + stats.wasted_pages;
  const Bytes live = stats.live_bytes * allocator.info().cpus();
  return static_cast<double>(live.value()) /
         static_cast<double>(ToBytes(taken, allocator.pages().page_size()).value());
}

double PagesInUse(const Allocator& allocator) {
  double backed = 0;
  double empty = 0;
  for (const ChunkSnapshot& chunk : Inspector(allocator).GetChunks(Index::kFirstId, SIZE_MAX)) {
    backed += static_cast<double>(chunk.populated_pages.value()) / allocator.info().cpus();
    empty += static_cast<double>(chunk.empty_pop_pages);
  }
  return (backed - empty) / backed;
}

// A second or two of it.
constexpr std::uint64_t kMostCleared = std::uint64_t{4} << 30;

struct Cleared {
  PercpuPtr area;
  std::uint64_t size;
};

// Every one_in-th of them.
void Clear(const std::vector<Cleared>& areas, std::uint64_t one_in, const AllocInfo& info,
           std::byte* base) {
  for (std::size_t at = 0; at < areas.size(); at += one_in) {
    std::byte* const first = base + areas[at].area.value();
    for (std::uint32_t unit = 0; unit < info.units(); ++unit) {
      if (!info.unit_to_cpu[unit]) continue;
      std::memset(first + info.unit_offset[unit].value(), 0, areas[at].size);
    }
  }
}

absl::StatusOr<Timing> TimeOnce(Pass& pass, const Trace& trace, std::vector<PercpuPtr>& pointers) {
  const double backed = pass.backing_nanoseconds();
  const double balanced = pass.balancer_nanoseconds();
  const double start = Nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
  absl::Status status;
  ForEachOp(trace, pointers, [&](const percpu::TraceOp& op) { pass.Run(op, pointers, status); });
  if (!status.ok()) return status;
  const double spent = Nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - start;
  const double backing = pass.backing_nanoseconds() - backed;
  const auto count = static_cast<double>(trace.size());
  return Timing{.ns_per_op = (spent - backing) / count,
                .balancer_ns_per_op = (pass.balancer_nanoseconds() - balanced) / count,
                .backing_ns_per_op = backing / count};
}

}  // namespace

Pass::Pass() = default;
Pass::~Pass() = default;

absl::StatusOr<std::unique_ptr<Pass>> Pass::Make(const ReplayOptions& replay) {
  std::unique_ptr<Pass> pass(new Pass);
  std::unique_ptr<PageSource> pages =
      std::make_unique<testing::NullPageSource>(Bytes(replay.arena_size));
  if (!replay.no_zero) {
    auto arena = Arena::Create({.size = Bytes(replay.arena_size)});
    if (!arena.ok()) return arena.status();
    pages = *std::move(arena);
  }
  pass->pages_ = std::make_unique<TimedPageSource>(std::move(pages));
  Allocator::Options options;
  options.zero = !replay.no_zero;
  options.balance.empty_pages_low = replay.empty_pages_low;
  options.balance.empty_pages_high = replay.empty_pages_high;
  auto allocator = testing::MakeAllocator({.cpus = replay.cpus,
                                           .unit_size = Bytes(replay.unit_size),
                                           .static_size = Bytes(replay.static_size),
                                           .backend = replay.backend,
                                           .backend_options = replay.backend_options},
                                          *pass->pages_, options);
  if (!allocator.ok()) return allocator.status();
  pass->allocator_ = *std::move(allocator);
  pass->allocator_->set_balance_wanted([raw = pass.get()] { raw->balance_due_ = true; });
  return pass;
}

double Pass::backing_nanoseconds() const { return pages_->nanoseconds(); }

absl::Status Pass::Drain(std::vector<PercpuPtr>& pointers) {
  for (PercpuPtr& pointer : pointers) {
    if (pointer == PercpuPtr()) continue;
    const auto freed = allocator_->Free(std::exchange(pointer, PercpuPtr()));
    if (!freed.ok()) return freed.status();
  }
  Balance();
  return absl::OkStatus();
}

void Pass::Balance() {
  balance_due_ = false;
  const double backed = backing_nanoseconds();
  const double start = Nanoseconds(CLOCK_THREAD_CPUTIME_ID);
  allocator_->Balance();
  const double spent = Nanoseconds(CLOCK_THREAD_CPUTIME_ID) - start;
  balancer_nanoseconds_ += spent - (backing_nanoseconds() - backed);
}

absl::StatusOr<Fullness> MeasureFullness(const ReplayOptions& options, const Trace& trace,
                                         const std::string& placements_file) {
  auto pass = Pass::Make(options);
  if (!pass.ok()) return pass.status();
  const Allocator& allocator = (*pass)->allocator();
  std::ofstream placements;
  if (!placements_file.empty()) placements.open(placements_file);
  std::vector<PercpuPtr> pointers(trace.size());
  Fullness result;
  double sum = 0;
  double physical = 0;
  std::uint64_t demanded = 0;
  absl::Status status;
  for (const percpu::TraceOp& op : trace) {
    (*pass)->Run(op, pointers, status);
    if (!status.ok()) return status;
    const Stats stats = Inspector(allocator).GetStats();
    result.final_utilisation = stats.utilisation();
    sum += result.final_utilisation;
    result.final_physical = Physical(allocator, stats);
    physical += result.final_physical;
    result.chunks_peak = std::max(result.chunks_peak, stats.nr_chunks);
    if (stats.chunks_created - stats.chunks_created_ahead != demanded) {
      demanded = stats.chunks_created - stats.chunks_created_ahead;
      const ChunkId grown = Inspector(allocator).Resolve(pointers[op.id])->chunk;
      result.growths_while_room += HasRoom(allocator, op, grown) ? 1 : 0;
    }
    if (placements.is_open() && op.alloc) {
      placements << op.id << ' ' << pointers[op.id].value() << '\n';
    }
  }
  result.mean_utilisation = sum / static_cast<double>(trace.size());
  result.mean_physical = physical / static_cast<double>(trace.size());
  result.final_pages_in_use = PagesInUse(allocator);
  result.chunks_created = Inspector(allocator).GetStats().chunks_created;
  result.chunks_created_ahead = Inspector(allocator).GetStats().chunks_created_ahead;
  status = Inspector(allocator).CheckInvariants();
  if (!status.ok()) return status;
  return result;
}

absl::StatusOr<std::vector<Timing>> TimeReplay(const ReplayOptions& options, const Trace& trace,
                                               int warm_passes) {
  auto pass = Pass::Make(options);
  if (!pass.ok()) return pass.status();
  std::vector<PercpuPtr> pointers(trace.size());
  std::vector<Timing> timings;
  for (int i = 0; i <= warm_passes; ++i) {
    auto timing = TimeOnce(**pass, trace, pointers);
    if (!timing.ok()) return timing.status();
    timings.push_back(*timing);
    if (absl::Status status = (*pass)->Drain(pointers); !status.ok()) return status;
  }
  return timings;
}

absl::StatusOr<double> TimeClearing(const ReplayOptions& options, const Trace& trace) {
  ReplayOptions metadata = options;
  metadata.no_zero = true;
  auto pass = Pass::Make(metadata);
  if (!pass.ok()) return pass.status();
  std::vector<PercpuPtr> pointers(trace.size());
  std::vector<Cleared> areas;
  std::uint64_t bytes = 0;
  absl::Status status;
  for (const percpu::TraceOp& op : trace) {
    (*pass)->Run(op, pointers, status);
    if (!status.ok()) return status;
    if (!op.alloc) continue;
    areas.push_back({.area = pointers[op.id], .size = op.size});
    bytes += op.size * options.cpus;
  }
  auto arena = Arena::Create({.size = Bytes(options.arena_size)});
  if (!arena.ok()) return arena.status();
  const AllocInfo& info = (*pass)->allocator().info();
  const std::uint64_t one_in = bytes / kMostCleared + 1;
  // The first time, the system backs it.
  Clear(areas, one_in, info, (*arena)->base());
  const double start = Nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
  Clear(areas, one_in, info, (*arena)->base());
  const double spent = Nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - start;
  return spent * static_cast<double>(one_in) / static_cast<double>(trace.size());
}

}  // namespace percpud::bench
