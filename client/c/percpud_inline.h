/* Copyright 2026 The percpud Authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * percpud_counter_add, percpud_number_add and percpud_histogram_observe as a few
 * instructions in the program's own code. Programs include percpud.h, which includes this.
 *
 * The structure below is part of the library's ABI, which LuaJIT's and other
 * foreign-function interfaces may read as well. It is how a counter begins; what follows
 * is the library's own.
 *
 *     this CPU's copy = unit0 + entry[the cpu_id in this thread's rseq area]
 *
 * While additions must go through the library, `entry` is a table without copies: while
 * the counter is local, where the arena is updated in another way, and for good once the
 * daemon has started with another arena. `unit0` is set before the first other table and
 * never changes from then on, so that whatever a thread has loaded belongs together.
 *
 * How the ABI grows: the fields keep their meaning and their order for as long as the
 * library is called libpercpud.so.0. More fields may follow. A library that cannot keep
 * to version 1 shows no copies, and every addition is a call.
 *
 * The sequence is the one of server/rseq, written for C. Where the compiler, the
 * machine or PERCPUD_NO_INLINE rules it out, these functions are calls.
 */

#ifndef PERCPUD_CLIENT_C_PERCPUD_INLINE_H_
#define PERCPUD_CLIENT_C_PERCPUD_INLINE_H_

#include <stddef.h>
#include <stdint.h>

#define PERCPUD_COUNTER_VERSION 1

struct percpud_counter {
  /* [cpu_id], from -2 up: bytes from unit 0's copy to the CPU's, below zero where there
   * is none. -1 and -2 are what a thread reads that is not registered. It is loaded
   * before the other fields (acquire), and anew for each addition. */
  const int64_t* entry;
  /* Unit 0's copy; NULL until there is one. */
  char* unit0;
  /* Bytes from a thread's thread pointer to its rseq area (linux/rseq.h). */
  ptrdiff_t area;
  /* PERCPUD_COUNTER_VERSION, or higher. */
  uint64_t version;
};

/* A counter of doubles. Its copies are doubles. */
struct percpud_number {
  struct percpud_counter cells;
};

/* A histogram or a summary. Its copies are cells of 16 bytes, {count, sum}, of which one
 * observation changes one, by one store: */
struct percpud_histogram {
  struct percpud_counter cells;
  /* Rising. NULL if there are none. */
  const double* bounds;
  uint64_t bound_count;
  /* Bytes from unit 0's copy to the first bucket's cell; the others follow it. */
  uint64_t first;
};

/* ThreadSanitizer does not see what sequences do. */
#if defined(__SANITIZE_THREAD__)
#define PERCPUD_SANITIZES_THREADS 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PERCPUD_SANITIZES_THREADS 1
#endif
#endif

#if !defined(PERCPUD_NO_INLINE) && !defined(PERCPUD_SANITIZES_THREADS) && defined(__GNUC__) && \
    defined(__LP64__) && (defined(__x86_64__) || (defined(__aarch64__) && defined(__AARCH64EL__)))
#define PERCPUD_COUNTER_ADD_IS_INLINE 1

#ifdef __cplusplus
extern "C" {
#endif

/* Inlined where it is called, and never made into a function. */
#define PERCPUD_INLINE extern __inline__ __attribute__((gnu_inline, always_inline))

/* The description of the sequence: it begins at 1, ends at 2, and goes to 4 when it is
 * interrupted. The flag "?" ties it to the function that it describes. The arrays
 * tell debuggers where they must not stop. The sequences of the daemon and of the C++ SDK
 * are described alike; this header stands by itself, because it is all that is installed. */
#define PERCPUD_INLINE_SECTION(name, content) \
  ".pushsection " name ", \"aw?\"\n\t" content "\n\t.popsection\n\t"
#define PERCPUD_INLINE_DESCRIBE                                                                \
  PERCPUD_INLINE_SECTION("__rseq_cs", ".balign 32\n3:\n\t.long 0, 0\n\t.quad 1f, 2f - 1f, 4f") \
  PERCPUD_INLINE_SECTION("__rseq_cs_ptr_array", ".quad 3b")                                    \
  PERCPUD_INLINE_SECTION("__rseq_exit_point_array", ".quad 1f, %l[unavailable]")

/* A shared library may be unloaded, and the kernel follows the area's pointer to the
 * description at the next preemption. So code that may be part of one takes the
 * pointer back after each sequence. A program's own code stays where it is. */
#if defined(__PIC__) && !defined(__PIE__)
#define PERCPUD_INLINE_TAKES_BACK 1
#else
#define PERCPUD_INLINE_TAKES_BACK 0
#endif

#if defined(__x86_64__)

#if PERCPUD_INLINE_TAKES_BACK
#define PERCPUD_INLINE_TAKE_BACK "movq $0, %%fs:8(%[area])\n\t"
#else
#define PERCPUD_INLINE_TAKE_BACK
#endif

/* %rax is this CPU's copy less unit 0's from BEGIN on. */
#define PERCPUD_INLINE_BEGIN           \
  PERCPUD_INLINE_DESCRIBE              \
  "leaq 3b(%%rip), %%rax\n\t"          \
  "movq %%rax, %%fs:8(%[area])\n"      \
  "1:\n\t"                             \
  "movslq %%fs:4(%[area]), %%rax\n\t"  \
  "movq (%[entry],%%rax,8), %%rax\n\t" \
  "testq %%rax, %%rax\n\t"             \
  "js %l[unavailable]\n\t"
#define PERCPUD_INLINE_END                   \
  "2:\n\t" PERCPUD_INLINE_TAKE_BACK          \
  ".pushsection __rseq_failure, \"ax?\"\n\t" \
  ".byte 0x0f, 0xb9, 0x3d\n\t"               \
  ".long 0x53053053\n"                       \
  "4:\n\t"                                   \
  "jmp %l[aborted]\n\t"                      \
  ".popsection\n\t"
#define PERCPUD_INLINE_AREA(counter) ((counter)->area)

#define PERCPUD_INLINE_ADD "addq %[n], (%[unit0],%%rax)\n"
#define PERCPUD_INLINE_ADD_CLOBBERS "rax"
#define PERCPUD_INLINE_ADD_DOUBLE       \
  "movsd (%[unit0],%%rax), %%xmm15\n\t" \
  "addsd %[amount], %%xmm15\n\t"        \
  "movsd %%xmm15, (%[unit0],%%rax)\n"
#define PERCPUD_INLINE_ADD_DOUBLE_CLOBBERS "rax", "xmm15"
#define PERCPUD_INLINE_OBSERVE           \
  "movsd 8(%[unit0],%%rax), %%xmm15\n\t" \
  "addsd %[amount], %%xmm15\n\t"         \
  "movq (%[unit0],%%rax), %%rcx\n\t"     \
  "incq %%rcx\n\t"                       \
  "movq %%rcx, %%xmm14\n\t"              \
  "movlhps %%xmm15, %%xmm14\n\t"         \
  "movaps %%xmm14, (%[unit0],%%rax)\n"
#define PERCPUD_INLINE_OBSERVE_CLOBBERS "rax", "rcx", "xmm14", "xmm15"
#define PERCPUD_INLINE_DOUBLE "x"

#else /* aarch64 */

#if PERCPUD_INLINE_TAKES_BACK
#define PERCPUD_INLINE_TAKE_BACK "str xzr, [%[area], #8]\n\t"
#else
#define PERCPUD_INLINE_TAKE_BACK
#endif

/* x9 is this CPU's copy from BEGIN on. */
#define PERCPUD_INLINE_BEGIN            \
  PERCPUD_INLINE_DESCRIBE               \
  "adrp x9, 3b\n\t"                     \
  "add x9, x9, :lo12:3b\n\t"            \
  "str x9, [%[area], #8]\n"             \
  "1:\n\t"                              \
  "ldr w9, [%[area], #4]\n\t"           \
  "ldr x9, [%[entry], w9, sxtw #3]\n\t" \
  "cmp x9, #0\n\t"                      \
  "b.lt %l[unavailable]\n\t"            \
  "add x9, x9, %[unit0]\n\t"
#define PERCPUD_INLINE_END                   \
  "2:\n\t" PERCPUD_INLINE_TAKE_BACK          \
  ".pushsection __rseq_failure, \"ax?\"\n\t" \
  ".balign 4\n\t"                            \
  ".inst 0xd428bc00\n"                       \
  "4:\n\t"                                   \
  "b %l[aborted]\n\t"                        \
  ".popsection\n\t"
#define PERCPUD_INLINE_AREA(counter) ((char*)__builtin_thread_pointer() + (counter)->area)

#define PERCPUD_INLINE_ADD \
  "ldr x10, [x9]\n\t"      \
  "add x10, x10, %[n]\n\t" \
  "str x10, [x9]\n"
#define PERCPUD_INLINE_ADD_CLOBBERS "x9", "x10"
#define PERCPUD_INLINE_ADD_DOUBLE \
  "ldr d31, [x9]\n\t"             \
  "fadd d31, d31, %d[amount]\n\t" \
  "str d31, [x9]\n"
#define PERCPUD_INLINE_ADD_DOUBLE_CLOBBERS "x9", "v31"
#define PERCPUD_INLINE_OBSERVE    \
  "ldp x10, x11, [x9]\n\t"        \
  "add x10, x10, #1\n\t"          \
  "fmov d31, x11\n\t"             \
  "fadd d31, d31, %d[amount]\n\t" \
  "fmov x11, d31\n\t"             \
  "stp x10, x11, [x9]\n"
#define PERCPUD_INLINE_OBSERVE_CLOBBERS "x9", "x10", "x11", "v31"
#define PERCPUD_INLINE_DOUBLE "w"

#endif

/* The end of a sequence: a function returns 1, or 0 if nothing was added. */
#if PERCPUD_INLINE_TAKES_BACK
#define PERCPUD_INLINE_UNAVAILABLE \
  __asm__ __volatile__(PERCPUD_INLINE_TAKE_BACK : : [area] "r"(area) : "memory")
#else
#define PERCPUD_INLINE_UNAVAILABLE (void)area
#endif
#define PERCPUD_INLINE_RETURN \
  return 1;                   \
  unavailable:                \
  PERCPUD_INLINE_UNAVAILABLE; \
  aborted:                    \
  return 0

/* Each adds to this CPU's copy. Returns 1, or 0 if nothing was added. */
PERCPUD_INLINE int percpud_inline_add(const struct percpud_counter* counter, uint64_t n) {
  const int64_t* const entry = __atomic_load_n(&counter->entry, __ATOMIC_ACQUIRE);
  __typeof__(PERCPUD_INLINE_AREA(counter)) const area = PERCPUD_INLINE_AREA(counter);
  __asm__ __volatile__ goto(
      PERCPUD_INLINE_BEGIN PERCPUD_INLINE_ADD PERCPUD_INLINE_END
      :
      : [area] "r"(area), [entry] "r"(entry), [unit0] "r"(counter->unit0), [n] "r"(n)
      : PERCPUD_INLINE_ADD_CLOBBERS, "cc", "memory"
      : unavailable, aborted);
  PERCPUD_INLINE_RETURN;
}

PERCPUD_INLINE int percpud_inline_add_double(const struct percpud_counter* counter, double amount) {
  const int64_t* const entry = __atomic_load_n(&counter->entry, __ATOMIC_ACQUIRE);
  __typeof__(PERCPUD_INLINE_AREA(counter)) const area = PERCPUD_INLINE_AREA(counter);
  __asm__ __volatile__ goto(PERCPUD_INLINE_BEGIN PERCPUD_INLINE_ADD_DOUBLE PERCPUD_INLINE_END
                            :
                            : [area] "r"(area), [entry] "r"(entry), [unit0] "r"(counter->unit0),
                              [amount] PERCPUD_INLINE_DOUBLE(amount)
                            : PERCPUD_INLINE_ADD_DOUBLE_CLOBBERS, "cc", "memory"
                            : unavailable, aborted);
  PERCPUD_INLINE_RETURN;
}

/* `at` is bytes from unit 0's copy to the cell. A number, and no pointer: while the series is
 * local there is no copy to point into. */
PERCPUD_INLINE int percpud_inline_observe(const struct percpud_counter* counter, uint64_t at,
                                          double amount) {
  const int64_t* const entry = __atomic_load_n(&counter->entry, __ATOMIC_ACQUIRE);
  __typeof__(PERCPUD_INLINE_AREA(counter)) const area = PERCPUD_INLINE_AREA(counter);
  __asm__ __volatile__ goto(
      PERCPUD_INLINE_BEGIN PERCPUD_INLINE_OBSERVE PERCPUD_INLINE_END
      :
      : [area] "r"(area), [entry] "r"(entry), [unit0] "r"((uintptr_t)counter->unit0 + at),
        [amount] PERCPUD_INLINE_DOUBLE(amount)
      : PERCPUD_INLINE_OBSERVE_CLOBBERS, "cc", "memory"
      : unavailable, aborted);
  PERCPUD_INLINE_RETURN;
}

/* The first bucket whose bound is not below the value; the last one has no bound. As many
 * steps for every value, and no branch on what is compared: values are not predictable. */
PERCPUD_INLINE uint64_t percpud_inline_bucket(const struct percpud_histogram* histogram,
                                              double value) {
  const double* const bounds = histogram->bounds;
  uint64_t left = histogram->bound_count;
  uint64_t first = 0;
  while (left > 1) {
    const uint64_t half = left / 2;
    const uint64_t above = !(value <= bounds[first + half - 1]);
    first += half & (0 - above);
    left -= half;
  }
  return left == 0 ? 0 : first + !(value <= bounds[first]);
}

/* The same as the library's functions, under names that are never inlined. */
__attribute__((visibility("default"))) void percpud_counter_add_call(
    struct percpud_counter* counter, uint64_t n);
__attribute__((visibility("default"))) void percpud_number_add_call(struct percpud_number* number,
                                                                    double amount);
__attribute__((visibility("default"))) void percpud_histogram_observe_call(
    struct percpud_histogram* histogram, double value);

/* Described in percpud.h. The address of percpud_counter_add is the library's. */
PERCPUD_INLINE void percpud_counter_add(struct percpud_counter* counter, uint64_t n) {
  if (__builtin_expect(!!counter, 1) && __builtin_expect(percpud_inline_add(counter, n), 1)) {
    return;
  }
  percpud_counter_add_call(counter, n);
}

/* These are described in percpud_metrics.h. What they do not count is the call's to see. */
PERCPUD_INLINE void percpud_number_add(struct percpud_number* number, double amount) {
  if (__builtin_expect(number && amount >= 0, 1) &&
      __builtin_expect(percpud_inline_add_double(&number->cells, amount), 1)) {
    return;
  }
  percpud_number_add_call(number, amount);
}

PERCPUD_INLINE void percpud_histogram_observe(struct percpud_histogram* histogram, double value) {
  if (__builtin_expect(histogram && value == value, 1)) {
    const uint64_t at = histogram->first + 16 * percpud_inline_bucket(histogram, value);
    if (__builtin_expect(percpud_inline_observe(&histogram->cells, at, value), 1)) return;
  }
  percpud_histogram_observe_call(histogram, value);
}

#ifdef __cplusplus
}
#endif

#undef PERCPUD_INLINE
#undef PERCPUD_INLINE_SECTION
#undef PERCPUD_INLINE_DESCRIBE
#undef PERCPUD_INLINE_TAKES_BACK
#undef PERCPUD_INLINE_TAKE_BACK
#undef PERCPUD_INLINE_BEGIN
#undef PERCPUD_INLINE_END
#undef PERCPUD_INLINE_AREA
#undef PERCPUD_INLINE_ADD
#undef PERCPUD_INLINE_ADD_CLOBBERS
#undef PERCPUD_INLINE_ADD_DOUBLE
#undef PERCPUD_INLINE_ADD_DOUBLE_CLOBBERS
#undef PERCPUD_INLINE_OBSERVE
#undef PERCPUD_INLINE_OBSERVE_CLOBBERS
#undef PERCPUD_INLINE_DOUBLE
#undef PERCPUD_INLINE_UNAVAILABLE
#undef PERCPUD_INLINE_RETURN

#endif

#endif /* PERCPUD_CLIENT_C_PERCPUD_INLINE_H_ */
