// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// PHP's strings as C has them.

#ifndef PERCPUD_CLIENT_PHP_SRC_TEXTS_H_
#define PERCPUD_CLIENT_PHP_SRC_TEXTS_H_

#include "client/php/src/module.h"

// Strings that stay where they are until they are dropped.
typedef struct {
  const char** items;
  uint32_t count;
  zend_string** kept;
} Texts;

// Takes what an array holds, in its order. Zeros and what is not UTF-8 are replaced: a label
// must not break an application. Returns 0 with an exception set if something has no text.
int TakeTexts(Texts* out, HashTable* array);
void DropTexts(Texts* texts);

#endif  // PERCPUD_CLIENT_PHP_SRC_TEXTS_H_
