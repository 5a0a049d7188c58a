// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Adds by restartable sequences as others make them, to stand beside ours. Written
// here from what librseq does for load_add_store with a CPU id, so that both are
// built by one compiler and inlined into one loop: read the CPU id, reckon the
// slot's address from a stride of 64 KiB, then a sequence that compares the id
// and adds. And the shortest that a sequence can be, which checks nothing: it
// works only in a thread that glibc registered, on a CPU that has a unit.
//
// Only what is measured here: an interrupted add is given up.

#ifndef PERCPUD_TESTS_BENCH_THIS_CPU_PLAIN_SEQUENCES_H_
#define PERCPUD_TESTS_BENCH_THIS_CPU_PLAIN_SEQUENCES_H_

#include "server/rseq/registration.h"

#if defined(PERCPUD_RSEQ_HAS_SECTIONS) && defined(__x86_64__)
#define PERCPUD_BENCH_HAS_PLAIN_SEQUENCES 1

#include <cstddef>
#include <cstdint>

namespace percpud::bench {

// log2 of the bytes from one CPU's slots to the next one's.
inline constexpr int kPlainShift = 16;

// librseq's variable of this kind is not constant either.
inline std::ptrdiff_t g_plain_area = 0;
inline void FindPlainArea() { g_plain_area = rseq::internal::GlibcAreaOffset(); }

#define PERCPUD_PLAIN_BEGIN             \
  ".pushsection __rseq_cs, \"aw?\"\n\t" \
  ".balign 32\n"                        \
  "3:\n\t"                              \
  ".long 0, 0\n\t"                      \
  ".quad 1f, 2f - 1f, 4f\n\t"           \
  ".popsection\n\t"                     \
  "leaq 3b(%%rip), %%rax\n\t"           \
  "movq %%rax, %%fs:8(%[area])\n"       \
  "1:\n\t"
#define PERCPUD_PLAIN_END                    \
  "2:\n\t"                                   \
  ".pushsection __rseq_failure, \"ax?\"\n\t" \
  ".byte 0x0f, 0xb9, 0x3d\n\t"               \
  ".long 0x53053053\n"                       \
  "4:\n\t"                                   \
  "jmp %l[aborted]\n\t"                      \
  ".popsection\n\t"

// False if interrupted.
[[gnu::always_inline]] inline bool LibrseqAdd(std::byte* cpu0, std::uint64_t delta) {
  const std::ptrdiff_t area = g_plain_area;
  const std::uint32_t cpu = rseq::internal::ReadCpuId(area);
  auto* const slot = reinterpret_cast<std::uint64_t*>(cpu0 + (std::uint64_t{cpu} << kPlainShift));
  __asm__ volatile goto(PERCPUD_PLAIN_BEGIN
                        "cmpl %[cpu], %%fs:4(%[area])\n\t"
                        "jnz %l[aborted]\n\t"
                        "addq %[delta], %[slot]\n" PERCPUD_PLAIN_END
                        :
                        : [area] "r"(area), [cpu] "r"(cpu), [slot] "m"(*slot), [delta] "r"(delta)
                        : "rax", "cc", "memory"
                        : aborted);
  return true;
aborted:
  return false;
}

// False if interrupted.
[[gnu::always_inline]] inline bool ShortestAdd(std::byte* cpu0, std::uint64_t delta) {
  __asm__ volatile goto(PERCPUD_PLAIN_BEGIN
                        "movl %%fs:4(%[area]), %%eax\n\t"
                        "shlq %[shift], %%rax\n\t"
                        "addq %[delta], (%[cpu0],%%rax)\n" PERCPUD_PLAIN_END
                        :
                        : [area] "r"(rseq::internal::GlibcAreaOffset()), [shift] "i"(kPlainShift),
                          [cpu0] "r"(cpu0), [delta] "r"(delta)
                        : "rax", "cc", "memory"
                        : aborted);
  return true;
aborted:
  return false;
}

#undef PERCPUD_PLAIN_BEGIN
#undef PERCPUD_PLAIN_END

}  // namespace percpud::bench

#endif

#endif  // PERCPUD_TESTS_BENCH_THIS_CPU_PLAIN_SEQUENCES_H_
