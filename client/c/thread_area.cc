// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/c/thread_area.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

#include "server/rseq/registration.h"

namespace percpud::c {

constinit rseq::internal::AreaOffset g_thread_area = 0;

namespace {

// The kernel reads and writes these 32 bytes, the first of include/uapi/linux/rseq.h's.
struct alignas(32) Area {
  std::uint32_t cpu_id_start = 0;
  // RSEQ_CPU_ID_UNINITIALIZED.
  std::uint32_t cpu_id = ~std::uint32_t{0};
  std::uint64_t rseq_cs = 0;
  std::uint32_t flags = 0;
  std::uint32_t padding[3] = {};
};
static_assert(sizeof(Area) == 32);

// In the block that is made with each thread, so that its offset is one number.
__attribute__((tls_model("initial-exec"))) constinit thread_local Area t_area;

#if defined(__aarch64__)
[[maybe_unused]] constexpr std::uint32_t kSignature = 0xd428bc00;
#else
[[maybe_unused]] constexpr std::uint32_t kSignature = 0x53053053;
#endif

std::byte* ThreadPointer() {
#if defined(__x86_64__)
  std::byte* self = nullptr;
  __asm__("movq %%fs:0, %[self]" : [self] "=r"(self));
  return self;
#else
  return static_cast<std::byte*>(__builtin_thread_pointer());
#endif
}

}  // namespace

bool RegisterThread() {
  if (rseq::GlibcRegistered()) {
    g_thread_area = rseq::internal::GlibcAreaOffset();
    return true;
  }
  g_thread_area = reinterpret_cast<std::byte*>(&t_area) - ThreadPointer();
#ifdef PERCPUD_RSEQ_HAS_SECTIONS
  constexpr auto kLargestCpu = static_cast<std::uint32_t>(INT32_MAX);
  // What the kernel writes there once it knows of the area.
  if (__atomic_load_n(&t_area.cpu_id, __ATOMIC_RELAXED) <= kLargestCpu) return true;
  return syscall(SYS_rseq, &t_area, sizeof(t_area), 0, kSignature) == 0;
#else
  return false;
#endif
}

}  // namespace percpud::c
