/* Copyright 2026 The percpud Authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Variables: named bytes with a copy for each CPU, which all processes of a host share and
 * which stay until somebody removes them. Programs include percpud.h, which includes this.
 *
 *     percpud_variable* load = percpud_variable_open(p, "shop/load", sizeof(Load), 8, 1000);
 *     Load* mine = percpud_variable_data(load, cpu);
 *
 * What is in the bytes is the application's. Another process may write a copy at any
 * time; words that are updated from several threads want atomic operations.
 */

#ifndef PERCPUD_CLIENT_C_PERCPUD_VARIABLE_H_
#define PERCPUD_CLIENT_C_PERCPUD_VARIABLE_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* It belongs to its client. */
typedef struct percpud_variable percpud_variable;

/* Returns the variable of that name. Makes it, all zeros, if there is none and `size` is
 * not 0. `alignment` is a power of two, at most a page; 0 is that of a word. Waits for the
 * daemon `milliseconds` at most. Returns NULL if it does not answer or refuses, as it does
 * if the variable has another size (percpud_reason says why), if this process maps no
 * arena, and if memory is short. */
PERCPUD_EXPORT percpud_variable* percpud_variable_open(percpud_client* p, const char* name,
                                                       size_t size, size_t alignment,
                                                       int milliseconds);

/* Returns the bytes of one copy. */
PERCPUD_EXPORT size_t percpud_variable_size(const percpud_variable* variable);

/* Returns one more than the highest CPU id that has a copy. */
PERCPUD_EXPORT uint32_t percpud_variable_cpus(const percpud_variable* variable);

/* Returns a CPU's copy; NULL if it has none. It stays mapped until the client is closed. After
 * a cold start of the daemon it is nobody else's any more, and percpud_variable_open returns
 * the new one. */
PERCPUD_EXPORT void* percpud_variable_data(const percpud_variable* variable, uint32_t cpu);

/* Returns 1 if this process may write the copies, 0 if that would be a fault. */
PERCPUD_EXPORT int percpud_variable_is_writable(const percpud_variable* variable);

#ifdef __cplusplus
}
#endif

#endif /* PERCPUD_CLIENT_C_PERCPUD_VARIABLE_H_ */
