// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// JavaScript's strings as the C library takes them.

#ifndef PERCPUD_CLIENT_NODE_SRC_TEXTS_H_
#define PERCPUD_CLIENT_NODE_SRC_TEXTS_H_

#include "module.h"

// Several texts in one piece of memory.
typedef struct {
  const char** all;
  uint32_t count;
} Texts;

// Returns a string in memory that free() takes; NULL with an exception thrown. It ends
// where the string has a zero.
char* TakeText(napi_env env, napi_value value);

// The same; undefined and null are NULL. Returns false with an exception thrown.
bool TakeOptionalText(napi_env env, napi_value value, char** out);

// Takes an array of strings. Returns false with an exception thrown. DropTexts afterwards.
bool TakeTexts(napi_env env, napi_value array, Texts* out);
void DropTexts(Texts* texts);

// Makes strings. NULL with an exception thrown.
napi_value FromText(napi_env env, percpud_text text);
napi_value FromChars(napi_env env, const char* text);

#endif  // PERCPUD_CLIENT_NODE_SRC_TEXTS_H_
