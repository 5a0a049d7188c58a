// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/area/area_map.h"
#include "server/area/lease_map.h"
#include "tests/fuzz/targets.h"
#include "tests/support/lease_model.h"

namespace percpud::fuzz::lease_map {
namespace {

using testing::LeaseModel;

constexpr std::array<std::uint32_t, 6> kSizes{1, 8, 64, 300, 1024, 2048};
constexpr std::uint64_t kTakeAllEvery = 16;

// A process's work on its map, and its misdeeds. A change that breaks the
// contract must be named by Validate, and is then undone.
class Player {
 public:
  explicit Player(std::uint32_t granules)
      : granules_(granules),
        bytes_(LeaseMap::StorageBytes(Granules(granules))),
        map_(LeaseMap::Format(bytes_, Granules(granules))) {}

  absl::Status Perform(const Op& op);
  [[nodiscard]] std::uint64_t performed() const { return performed_; }

 private:
  void Change(const Op& op);
  void Put(const Op& op);
  void SetLarge(const Op& op);
  // What the state byte of the area picked by `pick` is; nullptr if there is none.
  std::uint8_t* Picked(std::uint32_t pick);
  absl::Status Judge();
  absl::Status CheckUsable(std::vector<std::byte> copy, const LeaseModel::Areas& expected) const;
  absl::Status CheckRecovered(LeaseMap& map, const LeaseModel::Areas& expected) const;
  absl::Status CheckTruncated(std::uint32_t length) const;
  // The map may hold anything.
  absl::Status CheckBounds(std::uint32_t at) const;
  [[nodiscard]] bool IsFree(std::uint32_t at, std::uint32_t size) const {
    return at + size <= granules_ &&
           std::all_of(states() + at, states() + at + size,
                       [](std::uint8_t s) { return s == 0; }) &&
           !map_.EntryAt(Granules(at));
  }
  [[nodiscard]] absl::Status Fail(absl::string_view what) const {
    return absl::InternalError(absl::StrCat("operation ", performed_, ": ", what));
  }
  [[nodiscard]] std::uint8_t* states() const {
    return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(bytes_.data())) +
           sizeof(LeaseMap::Header);
  }

  const std::uint32_t granules_;
  std::vector<std::byte> bytes_;
  LeaseMap map_;
  // What the map in bytes_ says.
  LeaseModel::Areas areas_;
  // Whether it kept the contract when last judged.
  bool is_well_ = true;
  std::uint64_t performed_ = 0;
};

std::uint8_t* Player::Picked(std::uint32_t pick) {
  if (areas_.empty()) return nullptr;
  const auto area = areas_.lower_bound(pick % granules_);
  return states() + (area == areas_.end() ? areas_.begin()->first : area->first);
}

void Player::Put(const Op& op) {
  const std::uint32_t at = op.a % granules_;
  const std::uint32_t size_class = 1 + op.b % abi::v1::kLeaseClasses;
  const std::array<std::uint32_t, 3> uses{0, abi::v1::kLeaseCached, abi::v1::kLeaseRemote};
  if (!IsFree(at, abi::v1::LeaseClassBytes(size_class) / abi::v1::kLeaseGranuleBytes)) return;
  map_.StateAt(at).store(static_cast<std::uint8_t>(size_class + uses[op.c % 3]));
}

void Player::SetLarge(const Op& op) {
  const std::uint32_t at = op.a % granules_;
  const std::uint32_t size = abi::v1::kLeaseDigits + 1 + op.b * (1 + op.c % 8);
  if (IsFree(at, size)) map_.SetLarge({Granules(at), Granules(size)});
}

void Player::Change(const Op& op) {
  std::uint8_t* const picked = Picked(op.a);
  switch (op.kind) {
    case kPut:
      return Put(op);
    case kSetLarge:
      return SetLarge(op);
    case kChangeUse:
      // One store, which is what a free does: live, kept, freed by another, free.
      if (picked != nullptr) {
        *picked = static_cast<std::uint8_t>(op.b % 4 == 3 ? 0 : *picked % 80 + op.b % 4 * 80);
      }
      return;
    case kClearLarge:
      if (picked != nullptr && *picked == abi::v1::kLeaseLarge) {
        map_.ClearLarge(Granules(static_cast<std::uint32_t>(picked - states())));
      }
      return;
    case kRecover:
      return map_.Recover();
    case kSetPhase:
      map_.header().phase = op.a % 4;
      return;
    case kScribbleState:
      states()[op.a % granules_] = static_cast<std::uint8_t>(op.b);
      return;
    case kScribbleHeader:
      bytes_[op.a % sizeof(LeaseMap::Header)] ^= static_cast<std::byte>(op.b);
      return;
    case kNoise:
      for (std::uint32_t i = 0; i < 1 + op.c % 16u; ++i) {
        states()[(op.a + i) % granules_] = static_cast<std::uint8_t>(op.b * (i + 1) + i * op.c);
      }
      return;
    default:
      return;
  }
}

absl::Status Player::CheckBounds(std::uint32_t at) const {
  const auto entry = map_.EntryAt(Granules(at));
  if (entry && (entry->area.offset > Granules(at) || entry->area.end() <= Granules(at) ||
                entry->area.end() > Granules(granules_))) {
    return Fail("EntryAt leaves its bounds");
  }
  return absl::OkStatus();
}

absl::Status Player::CheckTruncated(std::uint32_t length) const {
  // On the heap, to the byte: the sanitizer catches a read beyond it.
  const std::vector<std::byte> copy(bytes_.begin(), bytes_.begin() + length % bytes_.size());
  if (!absl::IsFailedPrecondition(LeaseMap::Validate(copy, Granules(granules_)))) {
    return Fail("a map that was cut short is taken for one");
  }
  return absl::OkStatus();
}

// What Validate passes is safe to work with, and means the same to all.
absl::Status Player::CheckUsable(std::vector<std::byte> copy,
                                 const LeaseModel::Areas& expected) const {
  absl::StatusOr<LeaseMap> map = LeaseMap::Attach(copy, Granules(granules_));
  if (!map.ok()) return Fail("Attach refuses what Validate passes");
  auto entry = map->Next(Granules(0));
  for (const auto& [offset, area] : expected) {
    if (!entry || entry->area.offset.value() != offset || entry->area.size.value() != area.size ||
        static_cast<int>(entry->use) != static_cast<int>(area.use)) {
      return Fail(absl::StrCat("Next misses the area at ", offset));
    }
    entry = map->Next(entry->area.end());
  }
  if (entry) return Fail(absl::StrCat("Next invents an area at ", entry->area.offset.value()));
  if (performed_ % kTakeAllEvery != 0) return absl::OkStatus();
  std::vector<AreaMap::Word> words(AreaMap::StorageWords(Granules(granules_)));
  AreaMap areas = AreaMap::Format(words, Granules(granules_));
  map->TakeAll(areas);
  if (absl::Status status = areas.CheckInvariants(); !status.ok()) return status;
  if (areas.live() != expected.size()) return Fail("TakeAll");
  return CheckRecovered(*map, expected);
}

absl::Status Player::CheckRecovered(LeaseMap& map, const LeaseModel::Areas& expected) const {
  map.Recover();
  auto live = map.Next(Granules(0));
  for (const auto& [offset, area] : expected) {
    if (area.use != LeaseModel::Use::kLive) continue;
    if (!live || live->area.offset.value() != offset || live->area.size.value() != area.size) {
      return Fail(absl::StrCat("Recover lost the area at ", offset));
    }
    live = map.Next(live->area.end());
  }
  return live ? Fail("Recover kept what was not live") : absl::OkStatus();
}

absl::Status Player::Judge() {
  const std::optional<LeaseModel::Areas> expected = LeaseModel::Read(bytes_, granules_);
  const std::vector<std::byte> copy = bytes_;
  const absl::Status status = LeaseMap::Validate(copy, Granules(granules_));
  is_well_ = expected.has_value();
  if (status.ok() != is_well_) {
    return Fail(absl::StrCat("Validate says ", status.ToString(), ", the model ",
                             is_well_ ? "that it is well" : "that it is not"));
  }
  if (!status.ok()) {
    if (!absl::IsDataLoss(status) && !absl::IsFailedPrecondition(status)) return status;
    if (status.message().empty()) return Fail("a fault without a name");
    return absl::OkStatus();
  }
  areas_ = *expected;
  return CheckUsable(copy, *expected);
}

absl::Status Player::Perform(const Op& op) {
  ++performed_;
  if (op.kind == kTruncate) return CheckTruncated(op.a);
  const std::vector<std::byte> before = bytes_;
  const bool in_order = op.kind < kSetPhase && map_.header().phase == abi::v1::kLeaseInUse;
  Change(op);
  if (absl::Status status = CheckBounds(op.a % granules_); !status.ok()) return status;
  if (absl::Status status = Judge(); !status.ok()) return status;
  if (is_well_) return absl::OkStatus();
  if (in_order) return Fail("an orderly change broke the map");
  std::copy(before.begin(), before.end(), bytes_.begin());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::uint64_t> Perform(const Script& script) {
  Player player(kSizes[script.setup[0] % kSizes.size()]);
  for (const Op& op : script.ops) {
    if (absl::Status status = player.Perform(op); !status.ok()) return status;
  }
  return player.performed();
}

const Target kTarget{
    .name = "lease_map",
    .setup_size = 1,
    .kinds = {"kPut", "kChangeUse", "kSetLarge", "kClearLarge", "kRecover", "kSetPhase",
              "kScribbleState", "kScribbleHeader", "kNoise", "kTruncate"},
    .run = Perform};

}  // namespace percpud::fuzz::lease_map
