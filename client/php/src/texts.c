// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/php/src/texts.h"

#include <Zend/zend_smart_str.h>
#include <string.h>
#include <ext/standard/html.h>

static int IsClean(const zend_string* text) {
  if (memchr(ZSTR_VAL(text), '\0', ZSTR_LEN(text)) != NULL) return 0;
  size_t at = 0;
  int status = SUCCESS;
  while (at < ZSTR_LEN(text) && status == SUCCESS) {
    php_next_utf8_char((const unsigned char*)ZSTR_VAL(text), ZSTR_LEN(text), &at, &status);
  }
  return status == SUCCESS;
}

static zend_string* Clean(const zend_string* text) {
  smart_str out = {0};
  for (size_t at = 0; at < ZSTR_LEN(text);) {
    const size_t begin = at;
    int status = SUCCESS;
    const unsigned character =
        php_next_utf8_char((const unsigned char*)ZSTR_VAL(text), ZSTR_LEN(text), &at, &status);
    if (status == SUCCESS && character != 0) {
      smart_str_appendl(&out, ZSTR_VAL(text) + begin, at - begin);
    } else {
      smart_str_appends(&out, "\xEF\xBF\xBD");
    }
  }
  return smart_str_extract(&out);
}

int TakeTexts(Texts* out, HashTable* array) {
  const uint32_t count = zend_hash_num_elements(array);
  out->count = 0;
  out->items = safe_emalloc(count, sizeof(void*), 1);
  out->kept = safe_emalloc(count, sizeof(void*), 1);
  zval* value = NULL;
  ZEND_HASH_FOREACH_VAL(array, value) {
    zend_string* text = zval_try_get_string(value);
    if (text == NULL) {
      DropTexts(out);
      return 0;
    }
    if (!IsClean(text)) {
      zend_string* const clean = Clean(text);
      zend_string_release(text);
      text = clean;
    }
    out->kept[out->count] = text;
    out->items[out->count++] = ZSTR_VAL(text);
  }
  ZEND_HASH_FOREACH_END();
  return 1;
}

void DropTexts(Texts* texts) {
  for (uint32_t i = 0; i < texts->count; ++i) zend_string_release(texts->kept[i]);
  efree(texts->items);
  efree(texts->kept);
  *texts = (Texts){0};
}
