// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What the arena makes of a system that refuses or is old: a system call filter
// answers in the kernel's place. A filter cannot be taken off, but it binds
// only the thread that put it on, so each test runs on a thread of its own.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/falloc.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <thread>

#include "server/arena/arena.h"

namespace percpud {
namespace {

constexpr std::uint32_t kNoExecSeal = 0x0008;
constexpr Bytes kPage{4096};

constexpr std::uint32_t kWholeWord = 0xffff'ffff;

// `call` fails with `error` when its argument, masked, is `value`.
struct Refusal {
  long call;
  unsigned argument;
  std::uint32_t mask;
  std::uint32_t value;
  int error;
};

bool Install(const Refusal& refusal) {
  const auto argument = static_cast<std::uint32_t>(offsetof(seccomp_data, args) +
                                                   refusal.argument * sizeof(std::uint64_t));
  const std::uint32_t answer = SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(refusal.error);
  std::array program = {
      sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(refusal.call), 0,
                           4),
      sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument),
      sock_filter BPF_STMT(BPF_ALU | BPF_AND | BPF_K, refusal.mask),
      sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, refusal.value, 0, 1),
      sock_filter BPF_STMT(BPF_RET | BPF_K, answer),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter = {static_cast<unsigned short>(program.size()), program.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

// Runs `body` where the call is refused; skips the test where filters are not
// to be had.
template <typename Body>
void Where(const Refusal& refusal, Body body) {
  bool installed = false;
  std::thread([&] {
    installed = Install(refusal);
    if (installed) body();
  }).join();
  if (!installed) GTEST_SKIP() << "no system call filter can be installed here";
}

constexpr Refusal PopulateFails(int error) {
  return {SYS_madvise, 2, kWholeWord, MADV_POPULATE_WRITE, error};
}

class PopulateErrno : public ::testing::TestWithParam<int> {};

TEST_P(PopulateErrno, IsExhaustion) {
  const auto arena = Arena::Create({.size = Bytes(1 << 20)});
  ASSERT_TRUE(arena.ok()) << arena.status();
  Where(PopulateFails(GetParam()), [&] {
    const absl::Status status = (*arena)->Populate(kPage, kPage);
    EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  });
}

// EAGAIN: the kernel says so for ever, and still the call returns.
INSTANTIATE_TEST_SUITE_P(Errnos, PopulateErrno,
                         ::testing::Values(ENOMEM, EFAULT, EHWPOISON, ENOSPC, EAGAIN));

TEST(ArenaErrnoTest, AnUnforeseenErrorIsNotExhaustion) {
  const auto arena = Arena::Create({.size = Bytes(1 << 20)});
  ASSERT_TRUE(arena.ok()) << arena.status();
  Where(PopulateFails(EPERM), [&] {
    const absl::Status status = (*arena)->Populate(kPage, kPage);
    EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
  });
}

TEST(ArenaErrnoTest, AKernelThatCannotPopulateAllocatesInstead) {
  const auto arena = Arena::Create({.size = Bytes(1 << 20)});
  ASSERT_TRUE(arena.ok()) << arena.status();
  Where(PopulateFails(EINVAL), [&] {
    std::byte* const first = (*arena)->base() + kPage.value();
    for (int round = 0; round < 2; ++round) {
      const absl::Status status = (*arena)->Populate(kPage, kPage);
      ASSERT_TRUE(status.ok()) << status;
      EXPECT_EQ(*first, std::byte{0});
      *first = std::byte{1};
      ASSERT_TRUE((*arena)->Release(kPage, kPage).ok());
    }
  });
}

TEST(ArenaErrnoTest, AKernelThatKnowsNoNoExecSealServesWithoutIt) {
  Where({SYS_memfd_create, 1, kNoExecSeal, kNoExecSeal, EINVAL}, [] {
    const auto arena = Arena::Create({.size = Bytes(1 << 20)});
    ASSERT_TRUE(arena.ok()) << arena.status();
    EXPECT_TRUE((*arena)->Populate(Bytes(0), kPage).ok());
  });
}

TEST(ArenaErrnoTest, ASystemWithoutHugePagesRefusesTheirSize) {
  Where({SYS_memfd_create, 1, MFD_HUGETLB, MFD_HUGETLB, ENODEV}, [] {
    const absl::Status status =
        Arena::Create({.size = Bytes(4 << 20), .page_size = Bytes(2 << 20)}).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_NE(status.message().find("page_size"), status.message().npos) << status;
  });
}

TEST(ArenaErrnoTest, AHoleThatIsNotPunchedIsAnError) {
  const auto arena = Arena::Create({.size = Bytes(1 << 20)});
  ASSERT_TRUE(arena.ok()) << arena.status();
  Where({SYS_fallocate, 1, FALLOC_FL_PUNCH_HOLE, FALLOC_FL_PUNCH_HOLE, EPERM},
        [&] { EXPECT_TRUE(absl::IsPermissionDenied((*arena)->Release(Bytes(0), kPage))); });
}

TEST(ArenaErrnoTest, ASizeThatCannotBeSealedIsNoArena) {
  Where({SYS_fcntl, 1, kWholeWord, F_ADD_SEALS, EPERM}, [] {
    EXPECT_TRUE(absl::IsPermissionDenied(Arena::Create({.size = Bytes(1 << 20)}).status()));
  });
}

}  // namespace
}  // namespace percpud
