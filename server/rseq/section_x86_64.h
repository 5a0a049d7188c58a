// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The sequences of section.h, which alone includes this, for x86-64. The
// operands' types choose the width of the instructions. %rax holds the
// description, then the CPU, then the unit's offset.

#ifndef PERCPUD_SERVER_RSEQ_SECTION_X86_64_H_
#define PERCPUD_SERVER_RSEQ_SECTION_X86_64_H_

#include <cstddef>
#include <cstdint>

// The area: 4 is cpu_id, 8 is rseq_cs.
#define PERCPUD_RSEQ_ARM      \
  "leaq 3b(%%rip), %%rax\n\t" \
  "movq %%rax, %%fs:8(%[area])\n"

#define PERCPUD_RSEQ_LOCATE            \
  "1:\n\t"                             \
  "movslq %%fs:4(%[area]), %%rax\n\t"  \
  "movq (%[entry],%%rax,8), %%rax\n\t" \
  "testq %%rax, %%rax\n\t"             \
  "js %l[unavailable]\n\t"

// The signature is the tail of "ud1 0x53053053(%rip), %edi".
#define PERCPUD_RSEQ_DONE                    \
  "2:\n\t"                                   \
  ".pushsection __rseq_failure, \"ax?\"\n\t" \
  ".byte 0x0f, 0xb9, 0x3d\n\t"               \
  ".long 0x53053053\n"                       \
  "4:\n\t"                                   \
  "jmp %l[aborted]\n\t"                      \
  ".popsection\n\t"

#define PERCPUD_RSEQ_BEGIN PERCPUD_RSEQ_DESCRIBE PERCPUD_RSEQ_ARM PERCPUD_RSEQ_LOCATE
#define PERCPUD_RSEQ_INPUTS [area] "r"(area), [entry] "r"(table.entry), [unit0] "r"(unit0)

namespace percpud::rseq::internal {

// The calling thread's cpu_id, as it is at some moment of the call.
inline std::uint32_t ReadCpuId(AreaOffset area) {
  std::uint32_t cpu = 0;
  __asm__ volatile("movl %%fs:4(%[area]), %[cpu]" : [cpu] "=r"(cpu) : [area] "r"(area));
  return cpu;
}

template <Word W>
inline Attempt TryAdd(AreaOffset area, const CpuTable& table, std::byte* unit0, W delta) {
  __asm__ volatile goto(PERCPUD_RSEQ_BEGIN "add %[delta], (%[unit0],%%rax)\n" PERCPUD_RSEQ_DONE
                        :
                        : PERCPUD_RSEQ_INPUTS, [delta] "r"(delta)
                        : "rax", "cc", "memory"
                        : unavailable, aborted);
  return Attempt::kCommitted;
unavailable:
  return Attempt::kUnavailable;
aborted:
  return Attempt::kAborted;
}

// Two values side by side, in one register.
using Words2 = long long __attribute__((vector_size(16)));

inline Attempt TryAddDouble(AreaOffset area, const CpuTable& table, std::byte* unit0,
                            double delta) {
  double sum;
  __asm__ volatile goto(PERCPUD_RSEQ_BEGIN
                        "movsd (%[unit0],%%rax), %[sum]\n\t"
                        "addsd %[delta], %[sum]\n\t"
                        "movsd %[sum], (%[unit0],%%rax)\n" PERCPUD_RSEQ_DONE
                        : [sum] "=&x"(sum)
                        : PERCPUD_RSEQ_INPUTS, [delta] "x"(delta)
                        : "rax", "cc", "memory"
                        : unavailable, aborted);
  return Attempt::kCommitted;
unavailable:
  return Attempt::kUnavailable;
aborted:
  return Attempt::kAborted;
}

// Adds to both halves of a {u64, double} and commits them by one store of 16 bytes.
// REQUIRES: the slot lies at a multiple of 16.
inline Attempt TryAddPair(AreaOffset area, const CpuTable& table, std::byte* unit0,
                          std::uint64_t count, double value) {
  const Words2 counted = {static_cast<long long>(count), 0};
  Words2 pair;
  double sum;
  __asm__ volatile goto(PERCPUD_RSEQ_BEGIN
                        "movsd 8(%[unit0],%%rax), %[sum]\n\t"
                        "addsd %[value], %[sum]\n\t"
                        "movq (%[unit0],%%rax), %[pair]\n\t"
                        "paddq %[counted], %[pair]\n\t"
                        "movlhps %[sum], %[pair]\n\t"
                        "movaps %[pair], (%[unit0],%%rax)\n" PERCPUD_RSEQ_DONE
                        : [sum] "=&x"(sum), [pair] "=&x"(pair)
                        : PERCPUD_RSEQ_INPUTS, [counted] "x"(counted), [value] "x"(value)
                        : "rax", "cc", "memory"
                        : unavailable, aborted);
  return Attempt::kCommitted;
unavailable:
  return Attempt::kUnavailable;
aborted:
  return Attempt::kAborted;
}

// A load and a store of 16 bytes, each whole where the hardware says so.
// REQUIRES: `at` is a multiple of 16.
inline void LoadPair(const std::byte* at, std::uint64_t& first, std::uint64_t& second) {
  Words2 pair;
  __asm__ volatile("movaps %[at], %[pair]"
                   : [pair] "=x"(pair)
                   : [at] "m"(*reinterpret_cast<const Words2*>(at)));
  first = static_cast<std::uint64_t>(pair[0]);
  second = static_cast<std::uint64_t>(pair[1]);
}
inline void StorePair(std::byte* at, std::uint64_t first, std::uint64_t second) {
  const Words2 pair = {static_cast<long long>(first), static_cast<long long>(second)};
  __asm__ volatile("movaps %[pair], %[at]"
                   : [at] "=m"(*reinterpret_cast<Words2*>(at))
                   : [pair] "x"(pair));
}

template <Word W>
inline Attempt TryStore(AreaOffset area, const CpuTable& table, std::byte* unit0, W value) {
  __asm__ volatile goto(PERCPUD_RSEQ_BEGIN "mov %[value], (%[unit0],%%rax)\n" PERCPUD_RSEQ_DONE
                        :
                        : PERCPUD_RSEQ_INPUTS, [value] "r"(value)
                        : "rax", "cc", "memory"
                        : unavailable, aborted);
  return Attempt::kCommitted;
unavailable:
  return Attempt::kUnavailable;
aborted:
  return Attempt::kAborted;
}

// `seen` is set if committed, here and below.
template <Word W>
inline Attempt TryLoad(AreaOffset area, const CpuTable& table, std::byte* unit0, W& seen) {
  W loaded;
  __asm__ volatile goto(PERCPUD_RSEQ_BEGIN "mov (%[unit0],%%rax), %[loaded]\n" PERCPUD_RSEQ_DONE
                        : [loaded] "=&r"(loaded)
                        : PERCPUD_RSEQ_INPUTS
                        : "rax", "cc", "memory"
                        : unavailable, aborted);
  seen = loaded;
  return Attempt::kCommitted;
unavailable:
  return Attempt::kUnavailable;
aborted:
  return Attempt::kAborted;
}

// Not xchg, which is a locked instruction even when nobody asks for that.
template <Word W>
inline Attempt TryExchange(AreaOffset area, const CpuTable& table, std::byte* unit0, W value,
                           W& seen) {
  W loaded;
  __asm__ volatile goto(PERCPUD_RSEQ_BEGIN
                        "mov (%[unit0],%%rax), %[loaded]\n\t"
                        "mov %[value], (%[unit0],%%rax)\n" PERCPUD_RSEQ_DONE
                        : [loaded] "=&r"(loaded)
                        : PERCPUD_RSEQ_INPUTS, [value] "r"(value)
                        : "rax", "cc", "memory"
                        : unavailable, aborted);
  seen = loaded;
  return Attempt::kCommitted;
unavailable:
  return Attempt::kUnavailable;
aborted:
  return Attempt::kAborted;
}

// Stores `desired` if `seen` is `expected`.
template <Word W>
inline Attempt TryCompareExchange(AreaOffset area, const CpuTable& table, std::byte* unit0,
                                  W expected, W desired, W& seen) {
  W loaded;
  __asm__ volatile goto(PERCPUD_RSEQ_BEGIN
                        "mov (%[unit0],%%rax), %[loaded]\n\t"
                        "cmp %[expected], %[loaded]\n\t"
                        "jne 2f\n\t"
                        "mov %[desired], (%[unit0],%%rax)\n" PERCPUD_RSEQ_DONE
                        : [loaded] "=&r"(loaded)
                        : PERCPUD_RSEQ_INPUTS, [expected] "r"(expected), [desired] "r"(desired)
                        : "rax", "cc", "memory"
                        : unavailable, aborted);
  seen = loaded;
  return Attempt::kCommitted;
unavailable:
  return Attempt::kUnavailable;
aborted:
  return Attempt::kAborted;
}

// Adds 1 with `spins` turns between load and store. For the self-test: an
// interruption nearly always falls inside. REQUIRES: spins > 0.
inline Attempt TrySlowIncrement(AreaOffset area, const CpuTable& table, std::byte* unit0,
                                std::uint64_t spins, Arming arming) {
  __asm__ volatile goto(PERCPUD_RSEQ_DESCRIBE
                        "leaq 3b(%%rip), %%rax\n\t"
                        "andq %[arming], %%rax\n\t"
                        "movq %%rax, %%fs:8(%[area])\n" PERCPUD_RSEQ_LOCATE
                        "movq (%[unit0],%%rax), %%rdx\n\t"
                        "movq %[spins], %%rcx\n"
                        "5:\n\t"
                        "decq %%rcx\n\t"
                        "jnz 5b\n\t"
                        "incq %%rdx\n\t"
                        "movq %%rdx, (%[unit0],%%rax)\n" PERCPUD_RSEQ_DONE
                        :
                        : PERCPUD_RSEQ_INPUTS, [spins] "r"(spins), [arming] "r"(arming)
                        : "rax", "rcx", "rdx", "cc", "memory"
                        : unavailable, aborted);
  return Attempt::kCommitted;
unavailable:
  return Attempt::kUnavailable;
aborted:
  return Attempt::kAborted;
}

}  // namespace percpud::rseq::internal

#undef PERCPUD_RSEQ_ARM
#undef PERCPUD_RSEQ_LOCATE
#undef PERCPUD_RSEQ_DONE
#undef PERCPUD_RSEQ_BEGIN
#undef PERCPUD_RSEQ_INPUTS

#endif  // PERCPUD_SERVER_RSEQ_SECTION_X86_64_H_
