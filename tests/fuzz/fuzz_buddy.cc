// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <iterator>
#include <optional>
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
  absl::Status Free(std::size_t pick);
  absl::Status BadFree(PageId page, Order order);
  [[nodiscard]] absl::Status Fail(absl::string_view what) const {
    return absl::InternalError(absl::StrCat("operation ", performed_, ": ", what));
  }

  PageAllocator pages_;
  testing::BuddyModel model_;
  std::uint64_t performed_ = 0;
};

absl::Status Player::Allocate(std::size_t order) {
  const absl::StatusOr<PageId> got = pages_.Allocate(Order(order));
  const std::optional<std::uint64_t> expected = model_.Allocate(order);
  if (got.ok() != expected.has_value() || (got.ok() && got->value() != *expected)) {
    return Fail(absl::StrCat("Allocate(", order, ")"));
  }
  if (!got.ok() && !absl::IsResourceExhausted(got.status())) return Fail(got.status().message());
  return absl::OkStatus();
}

absl::Status Player::Free(std::size_t pick) {
  const auto [page, order] = *std::next(model_.blocks().begin(), static_cast<std::ptrdiff_t>(pick));
  const absl::Status status = pages_.Free(PageId(page), Order(order));
  if (!status.ok()) return status;
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
                     .kinds = {"kAllocate", "kFree", "kBadFree", "kCheck"},
                     .run = Perform};

}  // namespace percpud::fuzz::buddy
