// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The page allocator beside a naive peer with the same interface, so that the
// ratio means something on any machine: compare rows of the same name. The
// arena is the default one, 256 MiB of 4 KiB pages.
//
// The peer wins as long as its lists are short, which a steady load keeps them.
// Checkerboard is what the bit trees are for: many holes that cannot join.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <utility>
#include <vector>

#include "server/arena/page_allocator.h"
#include "server/base/errors.h"

namespace percpud {
namespace {

constexpr Pages kTotal{64 << 10};
constexpr std::uint8_t kLargestMixed = 8;

// Buddies with a std::vector per order as free list: taking is the end of a
// vector, joining has to look for the buddy. It forgets what is granted, so it
// checks no free. REQUIRES: a power of two of pages.
class NaiveBuddy {
 public:
  explicit NaiveBuddy(Pages total) : free_lists_(OrderFor(total).value() + 1U) {
    free_lists_.back().push_back(0);
  }

  absl::StatusOr<PageId> Allocate(Order order) {
    std::size_t from = order.value();
    while (from < free_lists_.size() && free_lists_[from].empty()) ++from;
    if (from == free_lists_.size()) return errors::NoContiguousBlock(order, Pages(0));
    const std::uint64_t page = free_lists_[from].back();
    free_lists_[from].pop_back();
    while (from > order.value()) {
      --from;
      free_lists_[from].push_back(page + (std::uint64_t{1} << from));
    }
    return PageId(page);
  }

  absl::Status Free(PageId block, Order order) {
    std::uint64_t page = block.value();
    std::size_t at = order.value();
    for (; at + 1 < free_lists_.size(); ++at) {
      std::vector<std::uint64_t>& list = free_lists_[at];
      const auto buddy = std::find(list.begin(), list.end(), page ^ (std::uint64_t{1} << at));
      if (buddy == list.end()) break;
      *buddy = list.back();
      list.pop_back();
      page &= ~(std::uint64_t{1} << at);
    }
    free_lists_[at].push_back(page);
    return absl::OkStatus();
  }

 private:
  std::vector<std::vector<std::uint64_t>> free_lists_;
};

// What is granted, in no order; gives back random ones.
template <typename Allocator>
class Load {
 public:
  // False if there is no such block.
  bool Take(Order order) {
    const absl::StatusOr<PageId> page = allocator_.Allocate(order);
    if (!page.ok()) return false;
    blocks_.emplace_back(*page, order);
    used_ += BlockPages(order);
    return true;
  }

  void GiveBackOne() {
    std::swap(blocks_[random_() % blocks_.size()], blocks_.back());
    const auto [page, order] = blocks_.back();
    blocks_.pop_back();
    used_ -= BlockPages(order);
    if (!allocator_.Free(page, order).ok()) std::abort();
  }

  // All blocks of one order, then random ones back until `percent` are left:
  // holes all over the arena.
  void FillTo(Order order, std::int64_t percent) {
    while (Take(order)) {
    }
    const Pages wanted(kTotal.value() * static_cast<std::uint64_t>(percent) / 100);
    while (!blocks_.empty() && used_ > wanted) GiveBackOne();
  }

  // Small orders more often, as chunks of few CPUs are.
  Order AnyOrder() {
    const std::uint64_t orders = kLargestMixed + 1;
    return Order(std::min(random_() % orders, random_() % orders));
  }
  [[nodiscard]] Pages used() const { return used_; }
  [[nodiscard]] bool empty() const { return blocks_.empty(); }

 private:
  Allocator allocator_{kTotal};
  std::vector<std::pair<PageId, Order>> blocks_;
  Pages used_;
  std::mt19937_64 random_{1};
};

// One block more, then a random one back: the fill stays what it is.
template <typename Allocator>
void BM_AllocateFree(benchmark::State& state) {
  const Order order(state.range(0));
  Load<Allocator> load;
  load.FillTo(order, state.range(1));
  for ([[maybe_unused]] auto _ : state) {
    if (!load.Take(order)) std::abort();
    load.GiveBackOne();
  }
  state.SetItemsProcessed(state.iterations());
}

// Any order, up and down around half full.
template <typename Allocator>
void BM_RandomMix(benchmark::State& state) {
  Load<Allocator> load;
  for ([[maybe_unused]] auto _ : state) {
    const bool takes = load.empty() || load.used() < Pages(kTotal.value() / 2);
    if (!takes || !load.Take(load.AnyOrder())) load.GiveBackOne();
  }
  state.SetItemsProcessed(state.iterations());
}

// Every other block is free: one is taken and given back, and has no free buddy
// to be found. The arena stays as it is.
template <typename Allocator>
void BM_Checkerboard(benchmark::State& state) {
  const Order order(state.range(0));
  Allocator allocator(kTotal);
  std::vector<PageId> blocks;
  for (auto page = allocator.Allocate(order); page.ok(); page = allocator.Allocate(order)) {
    blocks.push_back(*page);
  }
  for (const PageId page : blocks) {
    const bool is_odd = (page.value() >> order.value()) % 2 == 1;
    if (is_odd && !allocator.Free(page, order).ok()) std::abort();
  }
  for ([[maybe_unused]] auto _ : state) {
    const absl::StatusOr<PageId> page = allocator.Allocate(order);
    if (!page.ok() || !allocator.Free(*page, order).ok()) std::abort();
  }
  state.SetItemsProcessed(state.iterations());
}

void Grid(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"order", "fill"})->ArgsProduct({{0, 4, 8}, {0, 50, 90}});
}

BENCHMARK_TEMPLATE(BM_AllocateFree, PageAllocator)->Apply(Grid);
BENCHMARK_TEMPLATE(BM_AllocateFree, NaiveBuddy)->Apply(Grid);
BENCHMARK_TEMPLATE(BM_RandomMix, PageAllocator);
BENCHMARK_TEMPLATE(BM_RandomMix, NaiveBuddy);
BENCHMARK_TEMPLATE(BM_Checkerboard, PageAllocator)->ArgName("order")->Arg(0)->Arg(4);
BENCHMARK_TEMPLATE(BM_Checkerboard, NaiveBuddy)->ArgName("order")->Arg(0)->Arg(4);

}  // namespace
}  // namespace percpud
