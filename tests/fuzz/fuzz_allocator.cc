// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "server/percpu/allocator/allocator.h"
#include "tests/fuzz/targets.h"
#include "tests/support/allocator_model.h"
#include "tests/support/allocator_rig.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_page_source.h"

namespace percpud::fuzz::allocator {
namespace {

constexpr std::uint64_t kCheckEvery = 512;
constexpr std::array<std::uint64_t, 4> kUnitSizes{32 << 10, 64 << 10, 36 << 10, 128 << 10};

testing::Geometry GeometryOf(const std::vector<std::uint32_t>& setup) {
  const std::vector<absl::string_view> backends = BackendNames();
  testing::Geometry geometry;
  geometry.backend = std::string(backends[setup[0] % backends.size()]);
  geometry.cpus = 1 + setup[1] % 5;
  geometry.unit_size = Bytes(kUnitSizes[setup[2] % kUnitSizes.size()]);
  geometry.reserved_size = Bytes(setup[3] % 3 * 4096);
  // From one chunk to a few: most requests meet the end.
  geometry.arena_size = Bytes((std::uint64_t{1} << 20) * (1 + setup[4] % 6));
  return geometry;
}

class Player {
 public:
  static absl::StatusOr<std::unique_ptr<Player>> Make(const std::vector<std::uint32_t>& setup);

  absl::Status Perform(const Op& op);
  absl::Status Drain() { return model_->Drain(); }
  [[nodiscard]] std::uint64_t performed() const { return model_->operations(); }

 private:
  absl::Status Alloc(const Op& op, std::size_t count, const AllocOptions& options);
  absl::Status BadFree(const Op& op);
  absl::Status Lease(const Op& op);
  [[nodiscard]] AreaSpec SpecOf(const Op& op) const;

  std::unique_ptr<PageSource> real_;
  std::unique_ptr<testing::FailingPageSource> pages_;
  testing::FakeClock clock_;
  std::unique_ptr<Allocator> allocator_;
  std::unique_ptr<testing::AllocatorModel> model_;
  std::uint64_t seen_ = 0;
};

absl::StatusOr<std::unique_ptr<Player>> Player::Make(const std::vector<std::uint32_t>& setup) {
  auto player = std::make_unique<Player>();
  const testing::Geometry geometry = GeometryOf(setup);
  const bool marked = setup[5] % 4 == 0;
  if (marked) {
    player->real_ = std::make_unique<testing::HeapPageSource>(geometry.arena_size);
  } else {
    player->real_ = std::make_unique<testing::NullPageSource>(geometry.arena_size);
  }
  player->pages_ = std::make_unique<testing::FailingPageSource>(*player->real_);
  Allocator::Options options;
  options.clock = &player->clock_;
  options.zero = marked;
  auto made = testing::MakeAllocator(geometry, *player->pages_, options);
  if (!made.ok()) return made.status();
  player->allocator_ = *std::move(made);
  player->model_ = std::make_unique<testing::AllocatorModel>(*player->allocator_, testing::Mix{},
                                                             /*seed=*/setup[5], marked);
  return player;
}

// Log-uniform, up to a little more than can be served.
AreaSpec Player::SpecOf(const Op& op) const {
  const std::uint64_t largest = allocator_->max_alloc_size().value();
  const std::uint64_t size = 1 + (op.a * 2 + op.c % 2) % (std::uint64_t{1} << (op.b % 18));
  return {.size = Bytes(std::min(size, largest)),
          .alignment = Bytes(op.c % 3 == 0 ? std::uint64_t{1} << (op.c / 3 % 13) : 8)};
}

absl::Status Player::Alloc(const Op& op, std::size_t count, const AllocOptions& options) {
  std::vector<AreaSpec> specs(count, SpecOf(op));
  // Not all alike.
  for (std::size_t i = 1; i < count; ++i) {
    specs[i].size = Bytes(1 + (specs[0].size.value() * (i + 1)) % 3000);
  }
  if (options.region == Region::kReserved) {
    const Bytes reserved = allocator_->info().reserved_size;
    for (AreaSpec& spec : specs) spec.size = std::min(spec.size, reserved);
    if (reserved == Bytes(0)) return absl::OkStatus();
  }
  if (op.kind != kAllocFailing) return model_->Alloc(specs, options);
  pages_->FailNth(1 + op.c % 4);
  absl::Status status = model_->AllocFailing(specs, options);
  pages_->FailNth(0);
  return status;
}

absl::Status Player::BadFree(const Op& op) {
  if (model_->live() > 0 && op.c % 2 == 0) {
    return model_->BadFree(Advance(model_->pointer(op.a % model_->live()), Bytes(1 + op.b)));
  }
  // Anywhere in the arena and beyond.
  return model_->BadFree(PercpuPtr((std::uint64_t{op.a} << 8 | op.b) * (1 + op.c % 8)));
}

absl::Status Player::Lease(const Op& op) {
  // Some would leave no room for anything else.
  constexpr std::size_t kMost = 2;
  if (model_->leases() >= kMost) return absl::OkStatus();
  if (op.c % 4 == 0) pages_->FailNth(1 + op.b % 4);
  absl::Status status = model_->Lease();
  pages_->FailNth(0);
  return status;
}

absl::Status Player::Perform(const Op& op) {
  if (++seen_ % kCheckEvery == 0) {
    if (absl::Status status = model_->CheckAll(); !status.ok()) return status;
  }
  switch (op.kind) {
    case kAlloc:
      return Alloc(op, 1, {});
    case kAllocNoGrow:
      return Alloc(op, 1, {.no_grow = true});
    case kAllocReserved:
      return Alloc(op, 1, {.region = Region::kReserved});
    case kAllocBatch:
      return Alloc(op, 1 + op.c % 24, {.no_grow = op.a % 5 == 0});
    case kAllocFailing:
      return Alloc(op, 1 + op.c / 4 % 4, {});
    case kBadFree:
      return BadFree(op);
    case kBalance:
      return model_->Balance();
    case kAge:
      clock_.Advance(absl::Seconds(op.b % 16));
      return model_->Balance();
    case kCheck:
      return op.a % 16 == 0 ? model_->CheckAll() : absl::OkStatus();
    case kFreeBatch:
      return model_->FreeBatch(op.a, 1 + op.b % 24, /*twice=*/op.c % 4 == 0);
    case kLease:
      return Lease(op);
    case kReturnLease:
      return model_->leases() > 0 ? model_->ReturnLease(op.a % model_->leases()) : absl::OkStatus();
    case kFree:
      return model_->live() > 0 ? model_->Free(op.a % model_->live()) : absl::OkStatus();
    default:
      return absl::OkStatus();
  }
}

}  // namespace

absl::StatusOr<std::uint64_t> Perform(const Script& script) {
  auto player = Player::Make(script.setup);
  if (!player.ok()) return player.status();
  for (const Op& op : script.ops) {
    if (absl::Status status = (*player)->Perform(op); !status.ok()) return status;
  }
  if (absl::Status status = (*player)->Drain(); !status.ok()) return status;
  return (*player)->performed();
}

const Target kTarget{.name = "allocator",
                     .setup_size = 6,
                     .kinds = {"kAlloc", "kFree", "kAllocNoGrow", "kAllocReserved", "kAllocBatch",
                               "kBadFree", "kAllocFailing", "kBalance", "kAge", "kCheck",
                               "kFreeBatch", "kLease", "kReturnLease"},
                     .run = Perform};

}  // namespace percpud::fuzz::allocator
