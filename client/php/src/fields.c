// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/php/src/fields.h"

#include <string.h>

static const char* const kNames[kFields] = {
    [kName] = "name",      [kHelp] = "help",       [kLabelNames] = "labelNames",
    [kValue] = "value",    [kCommand] = "command", [kLabelValues] = "labelValues",
    [kBuckets] = "buckets"};

static zend_string* g_names[kFields];

void InternFields(void) {
  for (int i = 0; i < kFields; ++i) {
    g_names[i] = zend_string_init_interned(kNames[i], strlen(kNames[i]), 1);
  }
}

zval* FindField(const HashTable* data, Field field) {
  zval* found = zend_hash_find_known_hash(data, g_names[field]);
  if (found != NULL) ZVAL_DEREF(found);
  return found;
}

HashTable* FindArray(const HashTable* data, Field field) {
  zval* const found = FindField(data, field);
  if (found != NULL && Z_TYPE_P(found) == IS_ARRAY) return Z_ARRVAL_P(found);
  zend_value_error("\"%s\" has to be an array", kNames[field]);
  return NULL;
}

double FindNumber(const HashTable* data, Field field) {
  zval* const found = FindField(data, field);
  return found == NULL ? 0 : zval_get_double(found);
}
