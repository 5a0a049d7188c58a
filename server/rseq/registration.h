// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The registration that glibc makes for every thread. We make none: a second
// one is refused by the kernel, and other libraries may rely on the first.

#ifndef PERCPUD_SERVER_RSEQ_REGISTRATION_H_
#define PERCPUD_SERVER_RSEQ_REGISTRATION_H_

#include <sched.h>

#include <cstddef>
#include <cstdint>
#include <limits>

#include "server/rseq/section.h"

namespace percpud::rseq {
namespace internal {

// glibc's own symbols (2.35 and later), under names of ours. Where the program is
// built for such a glibc they are there, and the compiler knows them as constants:
// a loop of updates loads the offset once. A program that must run on older ones too
// defines PERCPUD_RSEQ_WEAK: then the addresses may be null.
#if defined(__GLIBC_PREREQ) && !defined(PERCPUD_RSEQ_WEAK)
#if __GLIBC_PREREQ(2, 35)
#define PERCPUD_RSEQ_GLIBC_HAS_AREAS 1
#endif
#endif

extern "C" {
#ifdef PERCPUD_RSEQ_GLIBC_HAS_AREAS
extern const std::ptrdiff_t percpud_glibc_rseq_offset __asm__("__rseq_offset");
extern const unsigned int percpud_glibc_rseq_size __asm__("__rseq_size");
#else
extern const std::ptrdiff_t percpud_glibc_rseq_offset __asm__("__rseq_offset")
    __attribute__((weak));
extern const unsigned int percpud_glibc_rseq_size __asm__("__rseq_size") __attribute__((weak));
#endif
}

// True if there are areas to look at, be they registered or not: an area of an
// unregistered thread says so in its cpu_id.
inline bool HasAreas() {
#ifdef PERCPUD_RSEQ_GLIBC_HAS_AREAS
  return true;
#else
  return &percpud_glibc_rseq_offset != nullptr && &percpud_glibc_rseq_size != nullptr;
#endif
}
// REQUIRES: HasAreas().
inline AreaOffset GlibcAreaOffset() { return percpud_glibc_rseq_offset; }

}  // namespace internal

// What CurrentCpu says if nobody knows.
inline constexpr std::uint32_t kNoCpu = std::numeric_limits<std::uint32_t>::max();

// True if glibc registered this process's threads. Thread safe.
inline bool GlibcRegistered() {
  return internal::HasAreas() && internal::percpud_glibc_rseq_size != 0;
}

// The CPU the calling thread was on at some moment of the call, kNoCpu if the
// system does not say. Thread safe, async-signal-safe.
inline std::uint32_t CurrentCpu() {
  if (internal::HasAreas()) {
    const std::uint32_t cpu = internal::ReadCpuId(internal::GlibcAreaOffset());
    if (cpu <= static_cast<std::uint32_t>(std::numeric_limits<std::int32_t>::max())) return cpu;
  }
  const int cpu = sched_getcpu();
  return cpu < 0 ? kNoCpu : static_cast<std::uint32_t>(cpu);
}

}  // namespace percpud::rseq

#endif  // PERCPUD_SERVER_RSEQ_REGISTRATION_H_
