// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "texts.h"

#include <stdlib.h>

static void* Allocate(napi_env env, size_t bytes) {
  void* const memory = calloc(1, bytes == 0 ? 1 : bytes);
  if (memory == NULL) napi_throw_error(env, NULL, "memory is short");
  return memory;
}

char* TakeText(napi_env env, napi_value value) {
  size_t bytes = 0;
  if (!Ok(env, napi_get_value_string_utf8(env, value, NULL, 0, &bytes))) return NULL;
  char* const text = Allocate(env, bytes + 1);
  if (text == NULL) return NULL;
  if (Ok(env, napi_get_value_string_utf8(env, value, text, bytes + 1, &bytes))) return text;
  free(text);
  return NULL;
}

bool TakeOptionalText(napi_env env, napi_value value, char** out) {
  *out = NULL;
  if (IsMissing(env, value)) return true;
  *out = TakeText(env, value);
  return *out != NULL;
}

bool TakeTexts(napi_env env, napi_value array, Texts* out) {
  uint32_t count = 0;
  *out = (Texts){.all = NULL, .count = 0};
  if (!Ok(env, napi_get_array_length(env, array, &count))) return false;
  out->all = Allocate(env, count * sizeof(*out->all));
  if (out->all == NULL) return false;
  for (; out->count < count; ++out->count) {
    napi_value element = NULL;
    const char* text = NULL;
    if (Ok(env, napi_get_element(env, array, out->count, &element))) text = TakeText(env, element);
    if (text == NULL) {
      DropTexts(out);
      return false;
    }
    out->all[out->count] = text;
  }
  return true;
}

void DropTexts(Texts* texts) {
  for (uint32_t i = 0; i < texts->count; ++i) free((char*)texts->all[i]);
  free(texts->all);
  *texts = (Texts){.all = NULL, .count = 0};
}

napi_value FromText(napi_env env, percpud_text text) {
  napi_value out = NULL;
  return Ok(env, napi_create_string_utf8(env, text.text, text.bytes, &out)) ? out : NULL;
}

napi_value FromChars(napi_env env, const char* text) {
  napi_value out = NULL;
  return Ok(env, napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &out)) ? out : NULL;
}
