// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/area/lease_map.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace percpud {
namespace {

using abi::v1::kLeaseCached;
using abi::v1::kLeaseDigit;
using abi::v1::kLeaseDigits;
using abi::v1::kLeaseFree;
using abi::v1::kLeaseLarge;
using abi::v1::kLeaseRemote;

// A state byte taken apart. `code` is a class, kLeaseLarge, or 0: no area.
struct State {
  std::uint8_t code;
  LeaseMap::Use use;
};

State Decode(std::uint8_t byte) {
  for (const auto& [base, use] : {std::pair(kLeaseRemote, LeaseMap::Use::kRemotelyFreed),
                                  std::pair(kLeaseCached, LeaseMap::Use::kCached),
                                  std::pair(kLeaseFree, LeaseMap::Use::kLive)}) {
    if (byte <= base) continue;
    const auto code = static_cast<std::uint8_t>(byte - base);
    return {.code = code <= kLeaseLarge ? code : kLeaseFree, .use = use};
  }
  return {.code = kLeaseFree, .use = LeaseMap::Use::kLive};
}

absl::Status Fault(std::uint32_t granule, std::string_view what) {
  return absl::DataLossError(absl::StrCat("lease map: granule ", granule, " ",
                                          absl::string_view(what.data(), what.size())));
}

// The first state byte that is not 0 in [begin, end); `end` if there is none.
std::uint32_t NextSet(const std::uint8_t* states, std::uint32_t begin, std::uint32_t end) {
  std::uint32_t at = begin;
  for (std::uint64_t word = 0; at + sizeof(word) <= end; at += sizeof(word)) {
    std::memcpy(&word, states + at, sizeof(word));
    if (word != 0) return at + static_cast<std::uint32_t>(std::countr_zero(word)) / 8;
  }
  while (at < end && states[at] == 0) ++at;
  return at;
}

// Others may be changing their own bytes meanwhile.
std::uint8_t Load(const std::uint8_t* states, std::uint32_t at) {
  return std::atomic_ref<std::uint8_t>(const_cast<std::uint8_t&>(states[at]))
      .load(std::memory_order_relaxed);
}

// Granules of the area of class `code` at `at`; 0 if it leaves [0, limit), or
// its digits are none.
std::uint32_t AreaGranules(const std::uint8_t* states, std::uint32_t at, std::uint8_t code,
                           std::uint32_t limit) {
  std::uint32_t size = 0;
  if (code != kLeaseLarge) {
    size = abi::v1::LeaseClassBytes(code) / abi::v1::kLeaseGranuleBytes;
  } else {
    if (limit - at <= kLeaseDigits) return 0;
    for (std::uint32_t digit = 0; digit < kLeaseDigits; ++digit) {
      const std::uint8_t byte = Load(states, at + 1 + digit);
      if (byte < kLeaseDigit) return 0;
      size |= static_cast<std::uint32_t>(byte - kLeaseDigit) << (4 * digit);
    }
    if (size <= kLeaseDigits) return 0;
  }
  return size <= limit - at ? size : 0;
}

absl::Status CheckHeader(const LeaseMap::Header& header, Granules size) {
  if (header.magic != abi::v1::kLeaseMagic) {
    return absl::FailedPreconditionError("lease map: there is none (wrong magic)");
  }
  if (header.version != abi::v1::kLeaseVersion) {
    return absl::FailedPreconditionError(absl::StrCat(
        "lease map: version ", header.version, ", but only ", abi::v1::kLeaseVersion, " is known"));
  }
  if (header.granules != size.value()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "lease map: covers ", header.granules, " granules, but the unit has ", size.value()));
  }
  if (header.header_bytes != sizeof(LeaseMap::Header) ||
      header.granule_bytes != abi::v1::kLeaseGranuleBytes ||
      header.total_bytes != LeaseMap::StorageBytes(size) ||
      header.reserved != decltype(header.reserved){}) {
    return absl::DataLossError("lease map: a size or a reserved field of the header is wrong");
  }
  if (header.phase != abi::v1::kLeaseClean && header.phase != abi::v1::kLeaseInUse) {
    return absl::DataLossError(absl::StrCat("lease map: unknown phase ", header.phase));
  }
  return absl::OkStatus();
}

absl::Status CheckStates(const std::uint8_t* states, std::uint32_t granules, bool is_clean) {
  for (std::uint32_t at = NextSet(states, 0, granules); at < granules;
       at = NextSet(states, at, granules)) {
    if (states[at] >= kLeaseDigit) {
      if (is_clean) return Fault(at, "holds a digit that follows no large area");
      ++at;
      continue;
    }
    const State state = Decode(states[at]);
    if (state.code == 0) return Fault(at, "has an unknown state");
    if (is_clean && state.use != LeaseMap::Use::kLive) {
      return Fault(at, "holds an area that is not live, in a clean map");
    }
    const std::uint32_t size = AreaGranules(states, at, state.code, granules);
    if (size == 0) return Fault(at, "begins an area of an impossible size");
    const std::uint32_t inside = at + 1 + (state.code == kLeaseLarge ? kLeaseDigits : 0);
    const std::uint32_t next = NextSet(states, inside, at + size);
    if (next != at + size) return Fault(next, absl::StrCat("lies inside the area at ", at));
    at += size;
  }
  return absl::OkStatus();
}

}  // namespace

std::size_t LeaseMap::StorageBytes(Granules size) {
  const std::size_t bytes = sizeof(Header) + size.value();
  return (bytes + abi::v1::kLeaseMapAlign - 1) / abi::v1::kLeaseMapAlign * abi::v1::kLeaseMapAlign;
}

LeaseMap::LeaseMap(std::span<std::byte> storage, Granules size)
    : header_(reinterpret_cast<Header*>(storage.data())),
      states_(reinterpret_cast<std::uint8_t*>(storage.data()) + sizeof(Header)),
      size_(size) {
  assert(storage.size() >= StorageBytes(size));
}

LeaseMap LeaseMap::Format(std::span<std::byte> storage, Granules size) {
  std::fill_n(storage.begin(), StorageBytes(size), std::byte{0});
  LeaseMap map(storage, size);
  *map.header_ = Header{.magic = abi::v1::kLeaseMagic,
                        .version = abi::v1::kLeaseVersion,
                        .header_bytes = sizeof(Header),
                        .total_bytes = StorageBytes(size),
                        .granules = size.value(),
                        .granule_bytes = abi::v1::kLeaseGranuleBytes,
                        .root = 0,
                        .phase = abi::v1::kLeaseInUse,
                        .holders = 1,
                        .reserved = {}};
  return map;
}

absl::StatusOr<LeaseMap> LeaseMap::Attach(std::span<std::byte> copy, Granules size) {
  if (absl::Status status = Validate(copy, size); !status.ok()) return status;
  return LeaseMap(copy, size);
}

absl::Status LeaseMap::Validate(std::span<const std::byte> copy, Granules size) {
  if (copy.size() < StorageBytes(size)) {
    return absl::FailedPreconditionError(absl::StrCat("lease map: ", copy.size(),
                                                      " bytes, but a unit of ", size.value(),
                                                      " granules needs ", StorageBytes(size)));
  }
  Header header;
  std::memcpy(&header, copy.data(), sizeof(header));
  if (absl::Status status = CheckHeader(header, size); !status.ok()) return status;
  const auto* states = reinterpret_cast<const std::uint8_t*>(copy.data()) + sizeof(Header);
  return CheckStates(states, size.value(), header.phase == abi::v1::kLeaseClean);
}

// --- Looking -----------------------------------------------------------------

std::optional<Granules> LeaseMap::SizeOf(Granules at) const {
  const State state = Decode(Load(states_, at.value()));
  if (state.code == 0) return std::nullopt;
  const std::uint32_t size = AreaGranules(states_, at.value(), state.code, size_.value());
  return size == 0 ? std::nullopt : std::optional(Granules(size));
}

std::optional<LeaseMap::Entry> LeaseMap::Next(Granules at) const {
  const std::uint32_t end = size_.value();
  for (std::uint32_t begin = NextSet(states_, at.value(), end); begin < end;
       begin = NextSet(states_, begin + 1, end)) {
    // Anything else is a digit that a crash left behind.
    const std::optional<Granules> size = SizeOf(Granules(begin));
    if (size) return Entry{{Granules(begin), *size}, Decode(Load(states_, begin)).use};
  }
  return std::nullopt;
}

std::optional<LeaseMap::Entry> LeaseMap::EntryAt(Granules at) const {
  for (std::uint32_t begin = at.value() + 1; begin-- > 0;) {
    const std::optional<Granules> size = SizeOf(Granules(begin));
    if (!size) continue;
    const AreaSpan area{Granules(begin), *size};
    if (at >= area.end()) return std::nullopt;
    return Entry{area, Decode(Load(states_, begin)).use};
  }
  return std::nullopt;
}

void LeaseMap::TakeAll(AreaMap& areas) const {
  assert(areas.size() == size_ && areas.live() == 0);
  for (auto entry = Next(Granules(0)); entry; entry = Next(entry->area.end())) {
    areas.Take(entry->area);
  }
}

// --- Changing ----------------------------------------------------------------

void LeaseMap::Recover() {
  std::uint32_t free_from = 0;
  const auto free_until = [&](std::uint32_t end) {
    std::fill(states_ + free_from, states_ + end, kLeaseFree);
  };
  ForEachLive([&](AreaSpan area) {
    free_until(area.offset.value());
    free_from = area.end().value();
  });
  free_until(size_.value());
}

void LeaseMap::SetLarge(AreaSpan area) {
  assert(area.size.value() > kLeaseDigits && area.end() <= size_);
  const std::uint32_t at = area.offset.value();
  for (std::uint32_t digit = 0; digit < kLeaseDigits; ++digit) {
    const std::uint32_t bits = (area.size.value() >> (4 * digit)) & 0xF;
    StateAt(at + 1 + digit)
        .store(static_cast<std::uint8_t>(kLeaseDigit + bits), std::memory_order_relaxed);
  }
  StateAt(at).store(kLeaseLarge, std::memory_order_release);
}

void LeaseMap::ClearLarge(Granules at) {
  StateAt(at.value()).store(kLeaseFree, std::memory_order_release);
  for (std::uint32_t digit = 0; digit < kLeaseDigits; ++digit) {
    StateAt(at.value() + 1 + digit).store(kLeaseFree, std::memory_order_release);
  }
}

}  // namespace percpud
