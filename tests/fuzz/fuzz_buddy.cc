// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <bit>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/arena/page_allocator.h"
#include "tests/fuzz/targets.h"
#include "tests/support/buddy_model.h"

namespace percpud::fuzz::buddy {
namespace {

constexpr std::uint32_t kMostPages = 600;
constexpr std::uint64_t kCheckEvery = 64;

class Player {
 public:
  explicit Player(std::uint32_t pages) : pages_(Pages(pages)), model_(pages) {}

  absl::Status Perform(const Op& op);
  absl::Status Drain();
  [[nodiscard]] absl::Status Check() const;
  [[nodiscard]] std::uint64_t performed() const { return performed_; }

 private:
  absl::Status Allocate(std::size_t order);
  absl::Status AllocateAt(PageId page, std::size_t order);
  absl::Status AllocateRun(std::uint64_t length);
  absl::Status AllocateRunAt(PageId page, std::uint64_t length);
  absl::Status FreeRun(std::size_t pick);
  absl::Status Free(std::size_t pick);
  absl::Status BadFree(PageId page, Order order);
  [[nodiscard]] absl::Status Fail(absl::string_view what) const {
    return absl::InternalError(absl::StrCat("operation ", performed_, ": ", what));
  }

  PageAllocator pages_;
  testing::BuddyModel model_;
  // First page and length of the runs that are whole.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> runs_;
  std::uint64_t performed_ = 0;
};

// Calls visit(page, order) for the blocks a run is granted as: one for every binary
// digit of its length, the largest first, until it returns false.
template <typename Visit>
bool ForEachPiece(std::uint64_t page, std::uint64_t length, Visit visit) {
  while (length > 0) {
    const std::uint64_t block = std::bit_floor(length);
    if (!visit(page, static_cast<std::size_t>(std::countr_zero(block)))) return false;
    page += block;
    length -= block;
  }
  return true;
}

absl::Status Player::Allocate(std::size_t order) {
  const absl::StatusOr<PageId> got = pages_.Allocate(Order(order));
  const std::optional<std::uint64_t> expected = model_.Allocate(order);
  if (got.ok() != expected.has_value() || (got.ok() && got->value() != *expected)) {
    return Fail(absl::StrCat("Allocate(", order, ")"));
  }
  if (!got.ok() && !absl::IsResourceExhausted(got.status())) return Fail(got.status().message());
  return absl::OkStatus();
}

absl::Status Player::AllocateAt(PageId page, std::size_t order) {
  absl::Status status = pages_.AllocateAt(page, Order(order));
  if (status.ok() != model_.AllocateAt(page.value(), order)) {
    return Fail(absl::StrCat("AllocateAt(", page.value(), ", ", order, ")"));
  }
  return status.ok() || absl::IsResourceExhausted(status) ? absl::OkStatus() : status;
}

// In the lowest block of the smallest order that holds it.
absl::Status Player::AllocateRun(std::uint64_t length) {
  const absl::StatusOr<PageId> got = pages_.AllocateRun(Pages(length));
  const std::optional<std::uint64_t> expected = model_.Allocate(OrderFor(Pages(length)).value());
  if (got.ok() != expected.has_value() || (got.ok() && got->value() != *expected)) {
    return Fail(absl::StrCat("AllocateRun(", length, ")"));
  }
  if (!got.ok()) return absl::OkStatus();
  model_.Free(*expected);
  ForEachPiece(*expected, length, [&](std::uint64_t page, std::size_t order) {
    return model_.AllocateAt(page, order);
  });
  runs_.emplace_back(*expected, length);
  return absl::OkStatus();
}

absl::Status Player::AllocateRunAt(PageId page, std::uint64_t length) {
  const absl::Status status = pages_.AllocateRunAt(page, Pages(length));
  testing::BuddyModel after = model_;
  const std::uint64_t step = BlockPages(OrderFor(Pages(length))).value();
  const bool possible =
      page.value() % step == 0 &&
      ForEachPiece(page.value(), length, [&](std::uint64_t at, std::size_t order) {
        return after.AllocateAt(at, order);
      });
  if (status.ok() != possible) {
    return Fail(absl::StrCat("AllocateRunAt(", page.value(), ", ", length, ")"));
  }
  if (!possible) return absl::OkStatus();
  model_ = after;
  runs_.emplace_back(page.value(), length);
  return absl::OkStatus();
}

absl::Status Player::FreeRun(std::size_t pick) {
  const auto [page, length] = runs_[pick];
  runs_[pick] = runs_.back();
  runs_.pop_back();
  // Parts may have been given back one by one, and granted again as others.
  const bool whole = ForEachPiece(page, length, [&](std::uint64_t at, std::size_t order) {
    const auto block = model_.blocks().find(at);
    return block != model_.blocks().end() && block->second == order;
  });
  if (!whole) return absl::OkStatus();
  if (absl::Status status = pages_.FreeRun(PageId(page), Pages(length)); !status.ok())
    return status;
  ForEachPiece(page, length, [&](std::uint64_t at, std::size_t /*order*/) {
    model_.Free(at);
    return true;
  });
  return absl::OkStatus();
}

absl::Status Player::Free(std::size_t pick) {
  const auto [page, order] = *std::next(model_.blocks().begin(), static_cast<std::ptrdiff_t>(pick));
  if (absl::Status status = pages_.Free(PageId(page), Order(order)); !status.ok()) return status;
  model_.Free(page);
  return absl::OkStatus();
}

absl::Status Player::BadFree(PageId page, Order order) {
  const auto block = model_.blocks().find(page.value());
  if (block != model_.blocks().end() && Order(block->second) == order) return absl::OkStatus();
  const Pages before = pages_.free_pages();
  if (!absl::IsInternal(pages_.Free(page, order)) || pages_.free_pages() != before) {
    return Fail("took back what was not granted");
  }
  return absl::OkStatus();
}

absl::Status Player::Check() const {
  if (absl::Status status = pages_.CheckInvariants(); !status.ok()) return status;
  std::vector<std::uint64_t> counts;
  for (const auto& blocks : model_.FreeBlocks()) counts.push_back(blocks.size());
  if (pages_.FreeBlocksByOrder() != counts) return Fail("FreeBlocksByOrder");
  if (pages_.free_pages().value() != model_.FreePages()) return Fail("free_pages");
  return absl::OkStatus();
}

absl::Status Player::Perform(const Op& op) {
  ++performed_;
  if (performed_ % kCheckEvery == 0) {
    if (absl::Status status = Check(); !status.ok()) return status;
  }
  // One order more than there is; small ones more often.
  const auto orders = static_cast<std::uint32_t>(pages_.order_count()) + 1;
  switch (op.kind) {
    case kAllocate:
      return Allocate(std::min(op.a % orders, op.b % orders));
    case kBadFree:
      return BadFree(PageId(op.c == 255 ? ~std::uint64_t{0} - op.a : op.a % (2 * kMostPages)),
                     Order(op.c % 2 == 0 ? op.b % orders : op.b));
    case kCheck:
      return Check();
    case kAllocateAt:
      return AllocateAt(PageId(op.a % (2 * kMostPages)), op.b % orders);
    case kAllocateRun:
      return AllocateRun(1 + op.a % kMostPages);
    case kAllocateRunAt:
      return AllocateRunAt(PageId(op.a % (2 * kMostPages)), 1 + op.b);
    case kFreeRun:
      if (!runs_.empty()) return FreeRun(op.a % runs_.size());
      break;
    case kFree:
      if (!model_.blocks().empty()) return Free(op.a % model_.blocks().size());
      break;
    default:
      break;
  }
  --performed_;
  return absl::OkStatus();
}

absl::Status Player::Drain() {
  if (absl::Status status = Check(); !status.ok()) return status;
  while (!model_.blocks().empty()) {
    ++performed_;
    if (absl::Status status = Free(model_.blocks().size() / 2); !status.ok()) return status;
  }
  if (pages_.free_pages() != pages_.total_pages()) return Fail("not all free in the end");
  return Check();
}

}  // namespace

absl::StatusOr<std::uint64_t> Perform(const Script& script) {
  Player player(script.setup[0] % (kMostPages + 1));
  for (const Op& op : script.ops) {
    if (absl::Status status = player.Perform(op); !status.ok()) return status;
  }
  if (absl::Status status = player.Drain(); !status.ok()) return status;
  return player.performed();
}

const Target kTarget{.name = "buddy",
                     .setup_size = 1,
                     .kinds = {"kAllocate", "kFree", "kBadFree", "kCheck", "kAllocateAt",
                               "kAllocateRun", "kAllocateRunAt", "kFreeRun"},
                     .run = Perform};

}  // namespace percpud::fuzz::buddy
