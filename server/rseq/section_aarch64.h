// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The sequences of section.h, which alone includes this, for little-endian
// aarch64. x9 holds the description, then the CPU, then the slot's address;
// `w` or `x` in an operand chooses the width, so each sequence stands as a
// macro over that letter.

#ifndef PERCPUD_SERVER_RSEQ_SECTION_AARCH64_H_
#define PERCPUD_SERVER_RSEQ_SECTION_AARCH64_H_

#include <cstddef>
#include <cstdint>

// The area: 4 is cpu_id, 8 is rseq_cs.
#define PERCPUD_RSEQ_POINT \
  "adrp x9, 3b\n\t"        \
  "add x9, x9, :lo12:3b\n\t"
#define PERCPUD_RSEQ_ARM "str x9, [%[area], #8]\n"

#define PERCPUD_RSEQ_LOCATE             \
  "1:\n\t"                              \
  "ldr w9, [%[area], #4]\n\t"           \
  "ldr x9, [%[entry], w9, sxtw #3]\n\t" \
  "cmp x9, #0\n\t"                      \
  "b.lt %l[unavailable]\n\t"            \
  "add x9, x9, %[unit0]\n\t"

// The signature is a BRK that nothing else uses.
#define PERCPUD_RSEQ_DONE                    \
  "2:\n\t"                                   \
  ".pushsection __rseq_failure, \"ax?\"\n\t" \
  ".balign 4\n\t"                            \
  ".inst 0xd428bc00\n"                       \
  "4:\n\t"                                   \
  "b %l[aborted]\n\t"                        \
  ".popsection\n\t"

#define PERCPUD_RSEQ_BEGIN \
  PERCPUD_RSEQ_DESCRIBE PERCPUD_RSEQ_POINT PERCPUD_RSEQ_ARM PERCPUD_RSEQ_LOCATE
#define PERCPUD_RSEQ_INPUTS \
  [area] "r"(AreaAddress(area)), [entry] "r"(table.entry), [unit0] "r"(unit0)
#define PERCPUD_RSEQ_BY_WIDTH(sequence) \
  if constexpr (sizeof(W) == 8) {       \
    sequence("x");                      \
  } else {                              \
    sequence("w");                      \
  }

namespace percpud::rseq::internal {

inline std::byte* AreaAddress(AreaOffset area) {
  return static_cast<std::byte*>(__builtin_thread_pointer()) + area;
}

// The calling thread's cpu_id, as it is at some moment of the call.
inline std::uint32_t ReadCpuId(AreaOffset area) {
  std::uint32_t cpu = 0;
  __asm__ volatile("ldr %w[cpu], [%[area], #4]" : [cpu] "=r"(cpu) : [area] "r"(AreaAddress(area)));
  return cpu;
}

#define PERCPUD_RSEQ_ADD(width)                                                        \
  __asm__ volatile goto(PERCPUD_RSEQ_BEGIN "ldr " width                                \
                                           "10, [x9]\n\t"                              \
                                           "add " width "10, " width "10, %" width     \
                                           "[delta]\n\t"                               \
                                           "str " width "10, [x9]\n" PERCPUD_RSEQ_DONE \
                        :                                                              \
                        : PERCPUD_RSEQ_INPUTS, [delta] "r"(delta)                      \
                        : "x9", "x10", "cc", "memory"                                  \
                        : unavailable, aborted)

template <Word W>
inline Attempt TryAdd(AreaOffset area, const CpuTable& table, std::byte* unit0, W delta) {
  PERCPUD_RSEQ_BY_WIDTH(PERCPUD_RSEQ_ADD)
  return Attempt::kCommitted;
unavailable:
  return Attempt::kUnavailable;
aborted:
  return Attempt::kAborted;
}

inline Attempt TryAddDouble(AreaOffset area, const CpuTable& table, std::byte* unit0,
                            double delta) {
  double sum;
  __asm__ volatile goto(PERCPUD_RSEQ_BEGIN
                        "ldr %d[sum], [x9]\n\t"
                        "fadd %d[sum], %d[sum], %d[delta]\n\t"
                        "str %d[sum], [x9]\n" PERCPUD_RSEQ_DONE
                        : [sum] "=&w"(sum)
                        : PERCPUD_RSEQ_INPUTS, [delta] "w"(delta)
                        : "x9", "cc", "memory"
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
  double sum;
  __asm__ volatile goto(PERCPUD_RSEQ_BEGIN
                        "ldp x10, x11, [x9]\n\t"
                        "add x10, x10, %[count]\n\t"
                        "fmov %d[sum], x11\n\t"
                        "fadd %d[sum], %d[sum], %d[value]\n\t"
                        "fmov x11, %d[sum]\n\t"
                        "stp x10, x11, [x9]\n" PERCPUD_RSEQ_DONE
                        : [sum] "=&w"(sum)
                        : PERCPUD_RSEQ_INPUTS, [count] "r"(count), [value] "w"(value)
                        : "x9", "x10", "x11", "cc", "memory"
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
  __asm__ volatile("ldp %[first], %[second], [%[at]]"
                   : [first] "=r"(first), [second] "=r"(second)
                   : [at] "r"(at)
                   : "memory");
}
inline void StorePair(std::byte* at, std::uint64_t first, std::uint64_t second) {
  __asm__ volatile("stp %[first], %[second], [%[at]]"
                   :
                   : [at] "r"(at), [first] "r"(first), [second] "r"(second)
                   : "memory");
}

#define PERCPUD_RSEQ_STORE(width)                                                            \
  __asm__ volatile goto(PERCPUD_RSEQ_BEGIN "str %" width "[value], [x9]\n" PERCPUD_RSEQ_DONE \
                        :                                                                    \
                        : PERCPUD_RSEQ_INPUTS, [value] "r"(value)                            \
                        : "x9", "cc", "memory"                                               \
                        : unavailable, aborted)

template <Word W>
inline Attempt TryStore(AreaOffset area, const CpuTable& table, std::byte* unit0, W value) {
  PERCPUD_RSEQ_BY_WIDTH(PERCPUD_RSEQ_STORE)
  return Attempt::kCommitted;
unavailable:
  return Attempt::kUnavailable;
aborted:
  return Attempt::kAborted;
}

#define PERCPUD_RSEQ_LOAD(width)                                                              \
  __asm__ volatile goto(PERCPUD_RSEQ_BEGIN "ldr %" width "[loaded], [x9]\n" PERCPUD_RSEQ_DONE \
                        : [loaded] "=&r"(loaded)                                              \
                        : PERCPUD_RSEQ_INPUTS                                                 \
                        : "x9", "cc", "memory"                                                \
                        : unavailable, aborted)

// `seen` is set if committed, here and below.
template <Word W>
inline Attempt TryLoad(AreaOffset area, const CpuTable& table, std::byte* unit0, W& seen) {
  W loaded;
  PERCPUD_RSEQ_BY_WIDTH(PERCPUD_RSEQ_LOAD)
  seen = loaded;
  return Attempt::kCommitted;
unavailable:
  return Attempt::kUnavailable;
aborted:
  return Attempt::kAborted;
}

#define PERCPUD_RSEQ_EXCHANGE(width)                                                         \
  __asm__ volatile goto(PERCPUD_RSEQ_BEGIN "ldr %" width                                     \
                                           "[loaded], [x9]\n\t"                              \
                                           "str %" width "[value], [x9]\n" PERCPUD_RSEQ_DONE \
                        : [loaded] "=&r"(loaded)                                             \
                        : PERCPUD_RSEQ_INPUTS, [value] "r"(value)                            \
                        : "x9", "cc", "memory"                                               \
                        : unavailable, aborted)

template <Word W>
inline Attempt TryExchange(AreaOffset area, const CpuTable& table, std::byte* unit0, W value,
                           W& seen) {
  W loaded;
  PERCPUD_RSEQ_BY_WIDTH(PERCPUD_RSEQ_EXCHANGE)
  seen = loaded;
  return Attempt::kCommitted;
unavailable:
  return Attempt::kUnavailable;
aborted:
  return Attempt::kAborted;
}

#define PERCPUD_RSEQ_COMPARE_EXCHANGE(width)                                                    \
  __asm__ volatile goto(PERCPUD_RSEQ_BEGIN "ldr %" width                                        \
                                           "[loaded], [x9]\n\t"                                 \
                                           "cmp %" width "[loaded], %" width                    \
                                           "[expected]\n\t"                                     \
                                           "b.ne 2f\n\t"                                        \
                                           "str %" width "[desired], [x9]\n" PERCPUD_RSEQ_DONE  \
                        : [loaded] "=&r"(loaded)                                                \
                        : PERCPUD_RSEQ_INPUTS, [expected] "r"(expected), [desired] "r"(desired) \
                        : "x9", "cc", "memory"                                                  \
                        : unavailable, aborted)

// Stores `desired` if `seen` is `expected`.
template <Word W>
inline Attempt TryCompareExchange(AreaOffset area, const CpuTable& table, std::byte* unit0,
                                  W expected, W desired, W& seen) {
  W loaded;
  PERCPUD_RSEQ_BY_WIDTH(PERCPUD_RSEQ_COMPARE_EXCHANGE)
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
  __asm__ volatile goto(PERCPUD_RSEQ_DESCRIBE PERCPUD_RSEQ_POINT
                        "and x9, x9, %[arming]\n\t" PERCPUD_RSEQ_ARM PERCPUD_RSEQ_LOCATE
                        "ldr x10, [x9]\n\t"
                        "mov x11, %[spins]\n"
                        "5:\n\t"
                        "subs x11, x11, #1\n\t"
                        "b.ne 5b\n\t"
                        "add x10, x10, #1\n\t"
                        "str x10, [x9]\n" PERCPUD_RSEQ_DONE
                        :
                        : PERCPUD_RSEQ_INPUTS, [spins] "r"(spins), [arming] "r"(arming)
                        : "x9", "x10", "x11", "cc", "memory"
                        : unavailable, aborted);
  return Attempt::kCommitted;
unavailable:
  return Attempt::kUnavailable;
aborted:
  return Attempt::kAborted;
}

}  // namespace percpud::rseq::internal

#undef PERCPUD_RSEQ_POINT
#undef PERCPUD_RSEQ_ARM
#undef PERCPUD_RSEQ_LOCATE
#undef PERCPUD_RSEQ_DONE
#undef PERCPUD_RSEQ_BEGIN
#undef PERCPUD_RSEQ_INPUTS
#undef PERCPUD_RSEQ_BY_WIDTH
#undef PERCPUD_RSEQ_ADD
#undef PERCPUD_RSEQ_STORE
#undef PERCPUD_RSEQ_LOAD
#undef PERCPUD_RSEQ_EXCHANGE
#undef PERCPUD_RSEQ_COMPARE_EXCHANGE

#endif  // PERCPUD_SERVER_RSEQ_SECTION_AARCH64_H_
