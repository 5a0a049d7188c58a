// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/handoff/layout_writer.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "server/base/errors.h"

namespace percpud {
namespace {

static_assert(sizeof(std::atomic<std::uint64_t>) == sizeof(abi::v1::LiveWords) &&
              std::atomic<std::uint64_t>::is_always_lock_free);

// Puts `table` at the end, 8-byte aligned, and returns where it is.
template <typename T>
std::uint64_t Append(std::vector<std::byte>& page, const std::vector<T>& table) {
  page.resize(RoundUp(Bytes(page.size()), Bytes(8)).value());
  const std::size_t at = page.size();
  page.resize(at + table.size() * sizeof(T));
  std::memcpy(page.data() + at, table.data(), table.size() * sizeof(T));
  return at;
}

std::vector<std::uint64_t> UnitOffsets(const AllocInfo& info) {
  std::vector<std::uint64_t> out;
  for (const Bytes offset : info.unit_offset) out.push_back(offset.value());
  return out;
}

std::vector<std::uint32_t> UnitCpus(const AllocInfo& info) {
  std::vector<std::uint32_t> out;
  for (const std::optional<CpuId>& cpu : info.unit_to_cpu) {
    out.push_back(cpu ? cpu->value() : abi::v1::kNoCpu);
  }
  return out;
}

}  // namespace

std::vector<std::byte> EncodeLayout(const AllocInfo& info, const CpuUnits& cpus,
                                    const LayoutFacts& facts) {
  std::vector<std::byte> page(sizeof(abi::v1::LayoutHeader));
  abi::v1::LayoutHeader header{};
  header.magic = abi::v1::kLayoutMagic;
  header.major = abi::v1::kLayoutMajor;
  header.minor = abi::v1::kLayoutMinor;
  header.header_bytes = sizeof(header);
  header.arena_id = facts.arena_id;
  header.arena_bytes = facts.arena_size.value();
  header.page_bytes = facts.page_size.value();
  header.unit_bytes = info.unit_size.value();
  header.units = info.units();
  header.cpus = static_cast<std::uint32_t>(cpus.offset.size());
  header.update_mode = static_cast<std::uint32_t>(facts.update_mode);
  header.pair_commit = static_cast<std::uint32_t>(facts.pair_commit);
  header.epoch = facts.epoch;
  header.unit_offsets_at = Append(page, UnitOffsets(info));
  header.cpu_offsets_at = Append(page, cpus.offset);
  header.unit_cpus_at = Append(page, UnitCpus(info));
  header.live_at = RoundUp(Bytes(page.size()), kBasePageSize).value();
  page.resize(header.live_at + kBasePageSize.value());
  header.layout_bytes = page.size();
  std::memcpy(page.data(), &header, sizeof(header));
  return page;
}

absl::StatusOr<PublishedLayout> PublishedLayout::Publish(const std::vector<std::byte>& page) {
  PublishedLayout out;
  out.fd_ = UniqueFd(memfd_create("percpud-layout", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  const int fd = out.fd_.get();
  if (!out.fd_.ok()) return errors::OsRefused("memfd_create", "layout", errno);
  if (write(fd, page.data(), page.size()) != static_cast<ssize_t>(page.size())) {
    return errors::OsRefused("write", "layout", errno);
  }
  abi::v1::LayoutHeader header{};
  std::memcpy(&header, page.data(), sizeof(header));
  void* const live = mmap(nullptr, kBasePageSize.value(), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                          static_cast<off_t>(header.live_at));
  if (live == MAP_FAILED) return errors::OsRefused("mmap", "layout", errno);
  out.live_ = new (live) std::atomic<std::uint64_t>(0);
  // This mapping stays writable, and no other can be made.
  constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;
  if (fcntl(fd, F_ADD_SEALS, kSeals) != 0) {
    return errors::OsRefused("fcntl(F_ADD_SEALS)", "layout", errno);
  }
  return out;
}

PublishedLayout::PublishedLayout(PublishedLayout&& other) noexcept
    : fd_(std::move(other.fd_)), live_(std::exchange(other.live_, nullptr)) {}

PublishedLayout& PublishedLayout::operator=(PublishedLayout&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(live_, other.live_);
  return *this;
}

PublishedLayout::~PublishedLayout() {
  if (live_ != nullptr) munmap(live_, kBasePageSize.value());
}

}  // namespace percpud
