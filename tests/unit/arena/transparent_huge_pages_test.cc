// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// When transparent huge pages are refused, by settings that are made up; and
// that the system's own ones give them.

#include "server/arena/transparent_huge_pages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/arena/arena.h"
#include "server/base/limits.h"
#include "tests/support/process.h"

namespace percpud {
namespace {

using ::testing::HasSubstr;

class SettingsTest : public ::testing::Test {
 protected:
  // Writes what the kernel would: the choice is in brackets.
  void Choose(const std::string& choice) const { Write(shmem_enabled(), choice); }
  void ChooseForSize(const std::string& choice) const {
    std::filesystem::create_directories(dir_.path() + "/hugepages-2048kB");
    Write(of_size(), choice);
  }
  // The directory's file system, mounted first as something else.
  void Mount(const std::string& type, const std::string& options) const {
    struct stat info {};
    ASSERT_EQ(stat(dir_.path().c_str(), &info), 0);
    std::ofstream(mounts()) << "22 1 0:999 / / rw - ext4 /dev/root rw,huge=always\n"
                            << "23 22 " << major(info.st_dev) << ":" << minor(info.st_dev)
                            << " / /mnt/arenas rw,nosuid shared:7 - " << type << " tmpfs "
                            << options << "\n";
  }
  [[nodiscard]] absl::Status Check(const std::string& directory = "") const {
    return CheckTransparentHugePages(directory, {.directory = dir_.path(), .mounts = mounts()});
  }
  static void ExpectRefused(const absl::Status& status, const std::string& what) {
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(what));
  }
  [[nodiscard]] std::string shmem_enabled() const { return dir_.path() + "/shmem_enabled"; }
  [[nodiscard]] std::string of_size() const {
    return dir_.path() + "/hugepages-2048kB/shmem_enabled";
  }
  [[nodiscard]] std::string mounts() const { return dir_.path() + "/mountinfo"; }

  const testing::TempDir dir_;

 private:
  static void Write(const std::string& path, const std::string& choice) {
    std::ofstream(path) << "always [" << choice << "] other\n";
  }
};

TEST_F(SettingsTest, AKernelWithoutThemIsToldByName) {
  ExpectRefused(Check(), "transparent_huge_pages: the kernel has none");
  Mount("tmpfs", "rw,huge=always");
  ExpectRefused(Check(dir_.path()), "the kernel has none");
  std::ofstream(shmem_enabled()) << "nonsense\n";
  ExpectRefused(Check(), "the kernel has none");
}

TEST_F(SettingsTest, AMemfdGoesByTheSettingOfSharedMemory) {
  for (const char* const good : {"always", "within_size", "advise", "force"}) {
    Choose(good);
    EXPECT_TRUE(Check().ok()) << good;
  }
  for (const char* const bad : {"never", "deny"}) {
    Choose(bad);
    ExpectRefused(Check(), absl::StrCat(shmem_enabled(), " says ", bad, "; `echo advise > ",
                                        shmem_enabled(), "` mends it"));
  }
}

TEST_F(SettingsTest, AMemfdGoesByTheSettingOfItsSizeWhereThereIsOne) {
  Choose("never");
  ChooseForSize("inherit");
  ExpectRefused(Check(), absl::StrCat("`echo advise > ", shmem_enabled(), "`"));
  ChooseForSize("advise");
  EXPECT_TRUE(Check().ok());
  Choose("advise");
  ChooseForSize("never");
  ExpectRefused(Check(), absl::StrCat(of_size(), " says never; `echo advise > ", of_size(), "`"));
  Choose("deny");
  ChooseForSize("advise");
  ExpectRefused(Check(), absl::StrCat(shmem_enabled(), " says deny"));
}

TEST_F(SettingsTest, AFileGoesByItsMount) {
  Choose("never");
  for (const char* const good : {"rw,size=8k,huge=advise", "rw,huge=within_size,nr_inodes=9"}) {
    Mount("tmpfs", good);
    EXPECT_TRUE(Check(dir_.path()).ok()) << good;
  }
  for (const char* const bad : {"rw", "rw,huge=never", "rw,size=8k"}) {
    Mount("tmpfs", bad);
    ExpectRefused(Check(dir_.path()), "`mount -o remount,huge=advise /mnt/arenas`");
  }
  Mount("ext4", "rw,huge=advise");
  ExpectRefused(Check(dir_.path()), dir_.path() + " is not on tmpfs");
  std::ofstream(mounts()) << "no table of mounts\n\n1 2 3\n";
  ExpectRefused(Check(dir_.path()), "is not on tmpfs");
  EXPECT_FALSE(Check(dir_.path() + "/nowhere").ok());
}

TEST_F(SettingsTest, DenyAndForceOverruleTheMount) {
  Mount("tmpfs", "rw,huge=always");
  Choose("deny");
  ExpectRefused(Check(dir_.path()), absl::StrCat("`echo never > ", shmem_enabled(), "`"));
  Mount("tmpfs", "rw");
  Choose("force");
  EXPECT_TRUE(Check(dir_.path()).ok());
}

// --- The system's ---------------------------------------------------------------

// What of the mapping at `base` is mapped by whole huge pages: smaps.
Bytes HugeMapped(const std::byte* base) {
  std::ifstream smaps("/proc/self/smaps");
  const std::string start = absl::StrCat(absl::Hex(reinterpret_cast<std::uintptr_t>(base)), "-");
  bool is_it = false;
  for (std::string line; std::getline(smaps, line);) {
    if (line.find(" rw-s ") != std::string::npos) is_it = line.rfind(start, 0) == 0;
    std::uint64_t kib = 0;
    constexpr char kKey[] = "ShmemPmdMapped:";
    if (!is_it || line.rfind(kKey, 0) != 0) continue;
    if (absl::SimpleAtoi(line.substr(sizeof(kKey) - 1, line.find(" kB") - sizeof(kKey) + 1),
                         &kib)) {
      return Bytes(kib << 10);
    }
  }
  return Bytes(0);
}

// Sets the system to give memfds huge pages that ask for them, and puts it back.
class SystemTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string all;
    std::getline(std::ifstream(kSetting), all);
    const std::size_t open = all.find('[');
    if (open != std::string::npos) before_ = all.substr(open + 1, all.find(']') - open - 1);
    if (!CheckTransparentHugePages("").ok()) std::ofstream(kSetting) << "advise" << std::endl;
    if (const absl::Status status = CheckTransparentHugePages(""); !status.ok()) {
      GTEST_SKIP() << "and it cannot be set here: " << status.message();
    }
  }
  void TearDown() override {
    if (!before_.empty()) std::ofstream(kSetting) << before_ << std::endl;
  }

  static constexpr char kSetting[] = "/sys/kernel/mm/transparent_hugepage/shmem_enabled";
  static constexpr Bytes kSize{32 << 20};
  static constexpr Bytes kHalf{16 << 20};
  std::string before_;
};

TEST_F(SystemTest, AMemfdIsBackedAndMappedByHugePages) {
  const auto arena = Arena::Create({.size = kSize, .transparent_huge_pages = true});
  ASSERT_TRUE(arena.ok()) << arena.status();
  ASSERT_TRUE((*arena)->Populate(Bytes(0), kHalf).ok());
  const Bytes mapped = HugeMapped((*arena)->base());
  if (mapped == Bytes(0)) GTEST_SKIP() << "the system had no huge page to give";
  EXPECT_EQ(mapped, kHalf);
  // Another mapping, such as a client's, has the huge pages too, without asking.
  void* const other = mmap(nullptr, kSize.value(), PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_NORESERVE, (*arena)->fd(), 0);
  ASSERT_NE(other, MAP_FAILED);
  auto* const bytes = static_cast<std::byte*>(other);
  std::memset(bytes, 0xa5, kHalf.value());
  EXPECT_EQ(HugeMapped(bytes), kHalf);
  munmap(other, kSize.value());
  // Given back, and zero when they come again.
  ASSERT_TRUE((*arena)->Release(Bytes(0), kHalf).ok());
  EXPECT_EQ(HugeMapped((*arena)->base()), Bytes(0));
  ASSERT_TRUE((*arena)->Populate(Bytes(0), kHugePageSize).ok());
  EXPECT_EQ((*arena)->base()[0], std::byte{0});
}

TEST_F(SystemTest, WhatDoesNotAskHasSmallPages) {
  std::ofstream(kSetting) << "advise" << std::endl;
  const auto arena = Arena::Create({.size = kSize});
  ASSERT_TRUE(arena.ok()) << arena.status();
  ASSERT_TRUE((*arena)->Populate(Bytes(0), kHalf).ok());
  EXPECT_EQ(HugeMapped((*arena)->base()), Bytes(0));
}

}  // namespace
}  // namespace percpud
