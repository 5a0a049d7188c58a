// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/area/area_map.h"
#include "tests/fuzz/targets.h"
#include "tests/support/interval_model.h"

namespace percpud::fuzz::area_map {
namespace {

constexpr std::array<std::uint32_t, 8> kSizes{1, 1000, 1024, 1500, 4096, 5000, 16384, 32768};
constexpr std::uint64_t kCheckEvery = 128;

class Player {
 public:
  Player(std::uint32_t granules, std::uint32_t hidden)
      : granules_(granules),
        hidden_(hidden),
        storage_(AreaMap::StorageWords(Granules(granules))),
        map_(AreaMap::Format(storage_, Granules(granules))),
        model_(hidden, granules) {
    if (hidden > 0) map_.HideHead(Granules(hidden));
  }

  absl::Status Perform(const Op& op);
  absl::Status Drain();
  absl::Status Check() const;
  [[nodiscard]] std::uint64_t performed() const { return performed_; }

 private:
  absl::Status Take(const Op& op);
  absl::Status TakeAt(const Op& op);
  absl::Status Free(std::size_t pick);
  absl::Status CheckFind(std::uint32_t size, std::uint32_t align,
                         std::optional<Granules> found) const;
  absl::Status FindInClass(const Op& op) const;
  absl::Status Look(std::uint32_t at) const;
  absl::Status CheckArea(std::uint32_t at) const;
  void Scribble(const Op& op) const;
  absl::Status Fail(std::string_view what) const {
    return absl::InternalError(
        absl::StrCat("operation ", performed_, ": ", absl::string_view(what.data(), what.size())));
  }
  void Enter(AreaSpan area) {
    map_.Take(area);
    live_.push_back(area);
  }

  const std::uint32_t granules_;
  const std::uint32_t hidden_;
  std::vector<AreaMap::Word> storage_;
  AreaMap map_;
  testing::IntervalModel model_;
  std::vector<AreaSpan> live_;
  std::uint64_t performed_ = 0;
};

// Log-uniform, so that small areas are as frequent as large ones.
std::uint32_t SizeOf(const Op& op) { return 1 + op.a % (1u << (op.b % 15)); }
std::uint32_t AlignOf(const Op& op) { return op.c % 2 == 0 ? 1 : 1u << (op.c / 2 % 11); }

// Find says whether the model has room, and says it of the tightest class.
absl::Status Player::CheckFind(std::uint32_t size, std::uint32_t align,
                               std::optional<Granules> found) const {
  std::uint32_t tightest = AreaMap::kClasses;
  std::uint32_t of_found = AreaMap::kClasses;
  model_.AnyGap([&](std::uint64_t begin, std::uint64_t end) {
    const std::uint32_t size_class = AreaMap::ClassOf(Granules(end - begin));
    const std::uint64_t start = (begin + align - 1) / align * align;
    if (start + size <= end) tightest = std::min(tightest, size_class);
    if (found && found->value() >= begin && found->value() + size <= end) of_found = size_class;
    return false;
  });
  const bool aligned = !found || found->value() % align == 0;
  if (aligned && of_found == tightest) return absl::OkStatus();
  return Fail(absl::StrCat("Find(", size, ", ", align, ") says ",
                           found ? absl::StrCat(found->value()) : "no", ", in class ", of_found,
                           ", the model class ", tightest));
}

absl::Status Player::Take(const Op& op) {
  const auto found = map_.Find(Granules(SizeOf(op)), Granules(AlignOf(op)));
  if (absl::Status same = CheckFind(SizeOf(op), AlignOf(op), found); !same.ok()) return same;
  if (!found) return absl::OkStatus();
  if (!model_.Take(found->value(), SizeOf(op))) return Fail("Find says what is taken");
  Enter({*found, Granules(SizeOf(op))});
  return absl::OkStatus();
}

// Looks in one class: whatever it finds is free, aligned and in a run of that class.
absl::Status Player::FindInClass(const Op& op) const {
  const std::uint32_t size = 1 + op.a % 64;
  const std::uint32_t size_class = AreaMap::ClassOf(Granules(size + op.b % 32));
  const auto run =
      map_.FindInClass(size_class, Granules(size), Granules(AlignOf(op)), 1 + op.c % 8);
  if (!run) return absl::OkStatus();
  const bool sound = run->at % AlignOf(op) == 0 && run->begin <= run->at &&
                     run->at + size <= run->end &&
                     AreaMap::ClassOf(Granules(run->end - run->begin)) == size_class;
  const bool is_gap = model_.AnyGap([&](std::uint64_t begin, std::uint64_t end) {
    return begin == run->begin && end == run->end;
  });
  return sound && is_gap ? absl::OkStatus() : Fail(absl::StrCat("FindInClass(", size_class, ")"));
}

// Anywhere that is free, not where Find would have it.
absl::Status Player::TakeAt(const Op& op) {
  const std::uint32_t at = (op.a + op.c * 256) % granules_;
  const std::uint32_t size = 1 + op.b;
  if (model_.Take(at, size)) Enter({Granules(at), Granules(size)});
  return absl::OkStatus();
}

absl::Status Player::Free(std::size_t pick) {
  const AreaSpan area = live_[pick];
  live_[pick] = live_.back();
  live_.pop_back();
  if (!map_.IsStart(area.offset) || !(map_.AreaFrom(area.offset) == area)) {
    return Fail("a live area has lost its bounds");
  }
  model_.Release(area.offset.value());
  map_.Release(area);
  return absl::OkStatus();
}

absl::Status Player::CheckArea(std::uint32_t at) const {
  const auto& taken = model_.taken();
  auto after = taken.upper_bound(at);
  std::optional<AreaSpan> covering;
  if (after != taken.begin()) {
    const auto [offset, size] = *std::prev(after);
    if (at < offset + size) {
      covering = AreaSpan{Granules(static_cast<std::uint32_t>(offset)),
                          Granules(static_cast<std::uint32_t>(size))};
    }
  }
  if (map_.AreaAt(Granules(at)) != covering) return Fail(absl::StrCat("AreaAt(", at, ")"));
  const auto next = taken.lower_bound(at);
  std::optional<AreaSpan> following;
  if (next != taken.end()) {
    following = AreaSpan{Granules(static_cast<std::uint32_t>(next->first)),
                         Granules(static_cast<std::uint32_t>(next->second))};
  }
  if (map_.NextArea(Granules(at)) != following) return Fail(absl::StrCat("NextArea(", at, ")"));
  if (map_.IsStart(Granules(at)) != taken.contains(at))
    return Fail(absl::StrCat("IsStart(", at, ")"));
  return absl::OkStatus();
}

absl::Status Player::Look(std::uint32_t at) const {
  if (absl::Status status = CheckArea(at); !status.ok()) return status;
  // What is left of the gap that covers `at`, or the next gap.
  std::optional<AreaSpan> expected;
  model_.AnyGap([&](std::uint64_t begin, std::uint64_t end) {
    if (end <= at) return false;
    const auto first = static_cast<std::uint32_t>(std::max<std::uint64_t>(begin, at));
    expected = AreaSpan{Granules(first), Granules(static_cast<std::uint32_t>(end) - first)};
    return true;
  });
  const std::optional<AreaSpan> found = map_.NextFree(Granules(at));
  if (found != expected) return Fail(absl::StrCat("NextFree(", at, ")"));
  return absl::OkStatus();
}

// An enemy's storage may be called wrong or right, as long as nothing breaks.
void Player::Scribble(const Op& op) const {
  std::vector<AreaMap::Word> copy = storage_;
  for (std::uint32_t i = 0; i <= op.c % 4; ++i) {
    copy[(op.a + i * 7919) % copy.size()] ^= AreaMap::Word{op.b + 1} << (op.c % 64);
  }
  AreaMap(copy, Granules(granules_)).CheckInvariants().IgnoreError();
}

absl::Status Player::Check() const {
  if (absl::Status status = map_.CheckInvariants(); !status.ok()) return status;
  if (map_.longest_run().value() != model_.LongestGap()) return Fail("longest_run");
  if (map_.free().value() != model_.free()) return Fail("free");
  if (map_.live() != model_.taken().size()) return Fail("live");
  std::uint32_t empty = 0;
  for (std::uint32_t block = 0; block < map_.blocks(); ++block) empty += map_.IsEmptyBlock(block);
  if (empty != map_.empty_blocks()) return Fail("empty_blocks");
  return absl::OkStatus();
}

absl::Status Player::Perform(const Op& op) {
  ++performed_;
  if (performed_ % kCheckEvery == 0) {
    if (absl::Status status = Check(); !status.ok()) return status;
  }
  switch (op.kind) {
    case kTake:
      return Take(op);
    case kTakeAt:
      return TakeAt(op);
    case kFindInClass:
      return FindInClass(op);
    case kLook:
      return Look(op.a % granules_);
    case kView:
      map_ = AreaMap(storage_, Granules(granules_));
      return absl::OkStatus();
    case kCheck:
      return Check();
    case kFree:
      if (!live_.empty()) return Free(op.a % live_.size());
      break;
    case kScribble:
      // Dear: the whole map is copied and walked.
      if (granules_ <= 5000) {
        Scribble(op);
        return absl::OkStatus();
      }
      break;
    default:
      break;
  }
  --performed_;
  return absl::OkStatus();
}

absl::Status Player::Drain() {
  if (absl::Status status = Check(); !status.ok()) return status;
  while (!live_.empty()) {
    ++performed_;
    if (absl::Status status = Free(live_.size() / 2); !status.ok()) return status;
  }
  if (map_.free().value() != granules_ - hidden_) return Fail("not empty in the end");
  return Check();
}

}  // namespace

absl::StatusOr<std::uint64_t> Perform(const Script& script) {
  const std::uint32_t granules = kSizes[script.setup[0] % kSizes.size()];
  const std::uint32_t hidden = script.setup[1] % 3 == 0 ? script.setup[1] % granules : 0;
  Player player(granules, hidden);
  for (const Op& op : script.ops) {
    if (absl::Status status = player.Perform(op); !status.ok()) return status;
  }
  if (absl::Status status = player.Drain(); !status.ok()) return status;
  return player.performed();
}

const Target kTarget{
    .name = "area_map",
    .setup_size = 2,
    .kinds = {"kTake", "kFree", "kTakeAt", "kFindInClass", "kLook", "kView", "kScribble", "kCheck"},
    .run = Perform};

}  // namespace percpud::fuzz::area_map
