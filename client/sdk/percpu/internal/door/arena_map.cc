// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/door/arena_map.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "proto/percpud/abi/v1/cells.h"
#include "proto/percpud/abi/v1/layout_page.h"
#include "server/rseq/self_test.h"

namespace percpu {
namespace {

namespace abi = percpud::abi::v1;

absl::Status BadLayout(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("layout page: ", what));
}

// Returns a copy of the page. The copy is checked and used, and the page is not read again.
absl::StatusOr<std::vector<std::byte>> Copy(int fd) {
  struct stat info {};
  if (fstat(fd, &info) != 0) return BadLayout("cannot be looked at");
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (size < sizeof(abi::LayoutHeader) || size > abi::kMaxLayoutBytes) {
    return BadLayout(absl::StrCat("cannot have ", size, " bytes"));
  }
  std::vector<std::byte> page(size);
  if (pread(fd, page.data(), size, 0) != static_cast<ssize_t>(size)) {
    return BadLayout("cannot be read");
  }
  return page;
}

absl::StatusOr<abi::LayoutHeader> Header(const std::vector<std::byte>& page) {
  abi::LayoutHeader header;
  std::memcpy(&header, page.data(), sizeof(header));
  if (header.magic != abi::kLayoutMagic) return BadLayout("begins with another mark");
  if (header.major != abi::kLayoutMajor) {
    return absl::FailedPreconditionError(absl::StrCat("layout page: version ", header.major, ".",
                                                      header.minor, "; this client knows ",
                                                      abi::kLayoutMajor, ".x"));
  }
  if (header.layout_bytes != page.size() || header.units == 0 || header.cpus == 0 ||
      header.page_bytes < 4096) {
    return BadLayout("contradicts itself");
  }
  return header;
}

// Returns a table of `count` entries at `at`. Errors: DATA_LOSS unless it lies in the page.
template <typename T>
absl::StatusOr<std::vector<T>> Table(const std::vector<std::byte>& page, std::uint64_t at,
                                     std::uint64_t count) {
  if (at % 8 != 0 || at > page.size() || count > (page.size() - at) / sizeof(T)) {
    return BadLayout("a table leaves it");
  }
  std::vector<T> out(count);
  std::memcpy(out.data(), page.data() + at, count * sizeof(T));
  return out;
}

bool Inside(const std::vector<std::uint64_t>& offsets, std::uint64_t arena_bytes) {
  return std::all_of(offsets.begin(), offsets.end(),
                     [=](std::uint64_t offset) { return offset < arena_bytes; });
}

// Returns how cells are committed. A way that this version does not know counts as two
// stores, and so do units that are not aligned for a store of 16 bytes, which would fault.
abi::PairCommit PairsOf(const abi::LayoutHeader& header, const std::vector<std::uint64_t>& cpus) {
  const bool aligned = std::all_of(cpus.begin(), cpus.end(), [](std::uint64_t offset) {
    return offset % sizeof(abi::CountSum) == 0;
  });
  const bool whole =
      header.pair_commit == static_cast<std::uint32_t>(abi::PairCommit::kOneStore) && aligned;
  return whole ? abi::PairCommit::kOneStore : abi::PairCommit::kTwoStores;
}

}  // namespace

absl::Status ArenaMap::ReadLayout(const UniqueFd& layout) {
  const absl::StatusOr<std::vector<std::byte>> page = Copy(layout.get());
  if (!page.ok()) return page.status();
  const absl::StatusOr<abi::LayoutHeader> header = Header(*page);
  if (!header.ok()) return header.status();
  auto units = Table<std::uint64_t>(*page, header->unit_offsets_at, header->units);
  auto cpus = Table<std::uint64_t>(*page, header->cpu_offsets_at, header->cpus);
  const auto owners = Table<std::uint32_t>(*page, header->unit_cpus_at, header->units);
  for (const absl::Status& status : {units.status(), cpus.status(), owners.status()}) {
    if (!status.ok()) return status;
  }
  if (!Inside(*units, header->arena_bytes) || !Inside(*cpus, header->arena_bytes)) {
    return BadLayout("a unit lies outside the arena");
  }
  for (std::uint32_t unit = 0; unit < header->units; ++unit) {
    if ((*owners)[unit] == abi::kNoCpu) continue;
    backed_offsets_.push_back((*units)[unit]);
    cpu_units_.push_back({.cpu = (*owners)[unit], .unit = Unit{unit}, .offset = (*units)[unit]});
  }
  if (backed_offsets_.empty() || backed_offsets_[0] != 0) return BadLayout("unit 0 has no CPU");
  std::sort(cpu_units_.begin(), cpu_units_.end(),
            [](const CpuUnit& a, const CpuUnit& b) { return a.cpu < b.cpu; });
  unit_offsets_ = *std::move(units);
  cpu_entries_ = percpud::rseq::CpuEntries(*cpus);
  cpu_offsets_ = *std::move(cpus);
  arena_id_ = header->arena_id;
  arena_bytes_ = header->arena_bytes;
  unit_bytes_ = header->unit_bytes;
  mapping_.mode = static_cast<UpdateMode>(header->update_mode);
  mapping_.pair_commit = PairsOf(*header, *cpus);
  const bool known = mapping_.mode == UpdateMode::kRseq || mapping_.mode == UpdateMode::kAtomic;
  return known ? absl::OkStatus()
               : absl::FailedPreconditionError(absl::StrCat(
                     "layout page: update mode ", header->update_mode, " is unknown here"));
}

absl::StatusOr<std::unique_ptr<ArenaMap>> ArenaMap::Map(const UniqueFd& arena,
                                                        const UniqueFd& layout, MapMode granted,
                                                        Fallback* fallback) {
  std::unique_ptr<ArenaMap> out(new ArenaMap);
  if (absl::Status status = out->ReadLayout(layout); !status.ok()) return status;
  out->writable_ = granted == MapMode::kReadWrite;
  const int protection = out->writable_ ? PROT_READ | PROT_WRITE : PROT_READ;
  void* base =
      mmap(nullptr, out->arena_bytes_, protection, MAP_SHARED | MAP_NORESERVE, arena.get(), 0);
  if (base == MAP_FAILED) {
    return absl::ErrnoToStatus(errno, absl::StrCat("mmap of ", out->arena_bytes_, " bytes"));
  }
  assert(!out->backed_offsets_.empty() && !out->cpu_units_.empty());
  Mapping& mapping = out->mapping_;
  mapping.base = static_cast<std::byte*>(base);
  mapping.unit_offsets = out->unit_offsets_;
  mapping.cpu_units = out->cpu_units_;
  const percpud::rseq::CpuTable table{.entry = out->cpu_entries_.cpu0()};
  // All updates of a reader go to the fallback.
  mapping.cpus =
      out->writable_ ? percpud::rseq::Usable(table, mapping.mode) : percpud::rseq::CpuTable{};
  mapping.fallback = fallback;
  return out;
}

absl::StatusOr<std::array<std::uint8_t, 16>> ArenaMap::ReadId(const UniqueFd& layout) {
  const absl::StatusOr<std::vector<std::byte>> page = Copy(layout.get());
  if (!page.ok()) return page.status();
  const absl::StatusOr<abi::LayoutHeader> header = Header(*page);
  if (!header.ok()) return header.status();
  return header->arena_id;
}

bool ArenaMap::Holds(std::uint64_t pointer, std::uint64_t bytes, std::uint64_t alignment) const {
  assert(alignment != 0);
  const std::uint64_t last = *std::max_element(backed_offsets_.begin(), backed_offsets_.end());
  return pointer != 0 && pointer % alignment == 0 && pointer < arena_bytes_ - last &&
         bytes <= arena_bytes_ - last - pointer;
}

void ArenaMap::SetUnits(bool has_units) noexcept {
  assert(!has_units || use_.load() != Use::kSuspended);
  for (std::uint32_t cpu = 0; cpu < cpu_offsets_.size(); ++cpu) {
    cpu_entries_.Set(cpu, has_units ? static_cast<std::int64_t>(cpu_offsets_[cpu])
                                    : percpud::rseq::CpuEntries::kNone);
  }
}

void ArenaMap::OnForkInChild() noexcept {
  is_inherited_.store(true);
  if (use_.load() != Use::kUsed) return;
  use_.store(Use::kSuspended);
  SetUnits(false);
}

void ArenaMap::Resume() {
  Use suspended = Use::kSuspended;
  if (!use_.compare_exchange_strong(suspended, Use::kUsed)) return;
  SetUnits(true);
  // It may have been retired meanwhile: the later of the two threads leaves no units.
  if (is_retired()) SetUnits(false);
}

void ArenaMap::Retire() {
  use_.store(Use::kRetired);
  SetUnits(false);
}

ArenaMap::~ArenaMap() {
  if (mapping_.base != nullptr) munmap(mapping_.base, arena_bytes_);
}

}  // namespace percpu
