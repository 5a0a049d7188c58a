/* Copyright 2026 The percpud Authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A library that counts with inlined additions, and is unloaded again. */

#include "client/c/percpud.h"

__attribute__((visibility("default"))) void Count(percpud_counter* counter, int times) {
  int i;
  for (i = 0; i < times; ++i) percpud_counter_add(counter, 1);
}
