// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/php/src/texts.h"

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

// PHP's smart_str would do this, but what its header calls is not there in every PHP 8.2.
static zend_string* Clean(const zend_string* text) {
  // A byte becomes one mark of three at most.
  static const char kMark[] = "\xEF\xBF\xBD";
  zend_string* const out = zend_string_safe_alloc(ZSTR_LEN(text), strlen(kMark), 0, 0);
  char* to = ZSTR_VAL(out);
  for (size_t at = 0; at < ZSTR_LEN(text);) {
    const size_t begin = at;
    int status = SUCCESS;
    const unsigned character =
        php_next_utf8_char((const unsigned char*)ZSTR_VAL(text), ZSTR_LEN(text), &at, &status);
    const int is_kept = status == SUCCESS && character != 0;
    const size_t length = is_kept ? at - begin : strlen(kMark);
    memcpy(to, is_kept ? ZSTR_VAL(text) + begin : kMark, length);
    to += length;
  }
  *to = '\0';
  return zend_string_truncate(out, (size_t)(to - ZSTR_VAL(out)), 0);
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
