// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Restartable sequences: one attempt each, one file per architecture.
//
//     describe   (other sections) where the sequence begins, ends, and where to
//                go when it is interrupted
//     arm        area.rseq_cs = the description
//     1: locate  at = table.entry[area.cpu_id]; at < 0? leave
//        ...     loads, compares: whatever may be thrown away
//        commit  one instruction that stores
//     2: done
//     4: abort   somewhere else, after the signature
//
// If the thread is preempted, migrated or gets a signal at [1, 2), the kernel
// sends it to 4 before it runs again. So nobody else ran on that CPU between
// the load of cpu_id and the store, and the store needs no lock.
//
// Rules: no system call and no function call inside; one store, the last
// instruction; the abort path trusts no register that the sequence set.
// cpu_id is taken as a signed number, so that one branch catches what glibc and
// the kernel write for an unregistered thread (-1, -2) and CPUs that have no unit.

#ifndef PERCPUD_SERVER_RSEQ_SECTION_H_
#define PERCPUD_SERVER_RSEQ_SECTION_H_

#include <concepts>
#include <cstddef>
#include <cstdint>

#include "server/rseq/cpu_table.h"

#if defined(PERCPUD_TSAN) || defined(__SANITIZE_THREAD__)
#define PERCPUD_RSEQ_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PERCPUD_RSEQ_TSAN 1
#endif
#endif

namespace percpud::rseq {

namespace internal {

// What the instructions work on; signs are the callers' view of it.
template <typename W>
concept Word = std::same_as<W, std::uint32_t> || std::same_as<W, std::uint64_t>;

enum class Attempt : std::uint8_t {
  kCommitted,
  // This thread is not registered, or its CPU has no unit.
  kUnavailable,
  // Interrupted before the commit; nothing was stored.
  kAborted,
};

// A thread's area, counted from its thread pointer: the same number in every
// thread of the process.
using AreaOffset = std::ptrdiff_t;

// Whether the self-test's section asks the kernel for anything.
enum class Arming : std::uint64_t { kArmed = ~std::uint64_t{0}, kUnarmed = 0 };

}  // namespace internal
}  // namespace percpud::rseq

// The flag "?" puts a piece into the COMDAT group of the function it describes,
// so that the linker drops both or none. The last two arrays are for debuggers:
// they must not stop between 1 and the exits.
#define PERCPUD_RSEQ_DESCRIBE                         \
  ".pushsection __rseq_cs, \"aw?\"\n\t"               \
  ".balign 32\n"                                      \
  "3:\n\t"                                            \
  ".long 0, 0\n\t"                                    \
  ".quad 1f, 2f - 1f, 4f\n\t"                         \
  ".popsection\n\t"                                   \
  ".pushsection __rseq_cs_ptr_array, \"aw?\"\n\t"     \
  ".quad 3b\n\t"                                      \
  ".popsection\n\t"                                   \
  ".pushsection __rseq_exit_point_array, \"aw?\"\n\t" \
  ".quad 1f, %l[unavailable]\n\t"                     \
  ".popsection\n\t"

#if !defined(PERCPUD_RSEQ_TSAN) && defined(__x86_64__) && defined(__LP64__)
#define PERCPUD_RSEQ_HAS_SECTIONS 1
#include "server/rseq/section_x86_64.h"
#elif !defined(PERCPUD_RSEQ_TSAN) && defined(__aarch64__) && defined(__AARCH64EL__)
#define PERCPUD_RSEQ_HAS_SECTIONS 1
#include "server/rseq/section_aarch64.h"
#else
#include "server/rseq/section_none.h"
#endif

#undef PERCPUD_RSEQ_DESCRIBE

#endif  // PERCPUD_SERVER_RSEQ_SECTION_H_
