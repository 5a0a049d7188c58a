// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The arena of a FakeMetricsDaemon, with a unit for each CPU, and its layout page.

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "proto/percpud/abi/v1/layout_page.h"
#include "server/rseq/pair.h"
#include "tests/support/fake_metrics_daemon.h"

namespace percpud::testing {
namespace {

using abi::v1::LayoutHeader;
using abi::v1::UpdateMode;

constexpr std::uint64_t kUnitBytes = (4 << 20) + 64;

std::uint32_t Cpus() { return static_cast<std::uint32_t>(sysconf(_SC_NPROCESSORS_CONF)); }

int MakeMemory(const char* name, std::uint64_t bytes) {
  const int fd = memfd_create(name, MFD_CLOEXEC);
  if (fd < 0 || ftruncate(fd, static_cast<off_t>(bytes)) != 0) std::abort();
  return fd;
}

}  // namespace

void FakeMetricsDaemon::MakeArena() {
  const std::uint32_t cpus = Cpus();
  arena_ = MakeMemory("fake-arena", kUnitBytes * cpus);
  void* const base =
      mmap(nullptr, kUnitBytes * cpus, PROT_READ | PROT_WRITE, MAP_SHARED, arena_, 0);
  if (base == MAP_FAILED) std::abort();
  base_ = static_cast<std::byte*>(base);
  const std::uint64_t table = cpus * sizeof(std::uint64_t);
  LayoutHeader header{};
  header.magic = abi::v1::kLayoutMagic;
  header.major = abi::v1::kLayoutMajor;
  header.minor = abi::v1::kLayoutMinor;
  header.header_bytes = sizeof(header);
  header.layout_bytes = 4096 * ((sizeof(header) + 3 * table + 4095) / 4096);
  arc4random_buf(header.arena_id.data(), header.arena_id.size());
  header.arena_bytes = kUnitBytes * cpus;
  header.page_bytes = 4096;
  header.unit_bytes = kUnitBytes;
  header.units = header.cpus = cpus;
  header.update_mode = static_cast<std::uint32_t>(UpdateMode::kRseq);
  header.pair_commit = static_cast<std::uint32_t>(rseq::ChoosePairCommit(UpdateMode::kRseq));
  header.epoch = 1;
  header.unit_offsets_at = sizeof(header);
  header.cpu_offsets_at = header.unit_offsets_at + table;
  header.unit_cpus_at = header.cpu_offsets_at + table;
  std::vector<std::byte> page(header.layout_bytes);
  std::memcpy(page.data(), &header, sizeof(header));
  for (std::uint32_t cpu = 0; cpu < cpus; ++cpu) {
    const std::uint64_t offset = cpu * kUnitBytes;
    std::memcpy(&page[header.unit_offsets_at + cpu * sizeof(offset)], &offset, sizeof(offset));
    std::memcpy(&page[header.cpu_offsets_at + cpu * sizeof(offset)], &offset, sizeof(offset));
    std::memcpy(&page[header.unit_cpus_at + cpu * sizeof(cpu)], &cpu, sizeof(cpu));
  }
  layout_ = MakeMemory("fake-layout", header.layout_bytes);
  if (pwrite(layout_, page.data(), page.size(), 0) < 0) std::abort();
}

void FakeMetricsDaemon::DropArena() {
  munmap(base_, kUnitBytes * Cpus());
  close(arena_);
  close(layout_);
}

std::vector<std::uint64_t> FakeMetricsDaemon::UnitOffsets() const {
  std::vector<std::uint64_t> out;
  for (std::uint32_t cpu = 0; cpu < Cpus(); ++cpu) out.push_back(cpu * kUnitBytes);
  return out;
}

}  // namespace percpud::testing
