// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/php/src/handles.h"

#include "client/php/src/fields.h"
#include "client/php/src/series.h"

// A handle, and where it is found.
typedef struct Entry {
  Handle handle;
  // Another whose label values have the same hash.
  struct Entry* next;
  uint32_t labels;
  zend_string* values[];
} Entry;

// The entries of a metric, by the hash of their label values.
typedef struct {
  HashTable entries;
} Metric;

static void FreeEntries(zval* item) {
  Entry* entry = Z_PTR_P(item);
  while (entry != NULL) {
    Entry* const next = entry->next;
    for (uint32_t i = 0; i < entry->labels; ++i) zend_string_release(entry->values[i]);
    pefree(entry, 1);
    entry = next;
  }
}

static void FreeMetric(zval* item) {
  Metric* const metric = Z_PTR_P(item);
  zend_hash_destroy(&metric->entries);
  pefree(metric, 1);
}

void InitHandles(HashTable* metrics) {
  for (int type = 0; type < kTypes; ++type) {
    zend_hash_init(&metrics[type], 8, NULL, &FreeMetric, 1);
  }
}

void ForgetHandles(HashTable* metrics) {
  for (int type = 0; type < kTypes; ++type) zend_hash_clean(&metrics[type]);
}

void EndHandles(HashTable* metrics) {
  for (int type = 0; type < kTypes; ++type) zend_hash_destroy(&metrics[type]);
}

// A label value as a string, which PHP may hold for a while.
typedef struct {
  zend_string* text;
  zend_string* held;
} Text;

static inline Text TextOf(zval* value) {
  Text out = {0};
  out.text = zval_get_tmp_string(value, &out.held);
  return out;
}

static inline zend_ulong Mixed(zend_ulong hash, zend_ulong more) {
  return hash * 0x9e3779b97f4a7c15 + more;
}

// Strings remember their hashes.
static zend_ulong HashOf(HashTable* values) {
  zend_ulong hash = 0;
  zval* value = NULL;
  ZEND_HASH_FOREACH_VAL(values, value) {
    const Text text = TextOf(value);
    hash = Mixed(hash, zend_string_hash_val(text.text));
    zend_tmp_string_release(text.held);
  }
  ZEND_HASH_FOREACH_END();
  return hash;
}

static int IsOf(const Entry* entry, HashTable* values) {
  if (entry->labels != zend_hash_num_elements(values)) return 0;
  uint32_t at = 0;
  zval* value = NULL;
  ZEND_HASH_FOREACH_VAL(values, value) {
    const Text text = TextOf(value);
    const bool same = zend_string_equals(text.text, entry->values[at++]);
    zend_tmp_string_release(text.held);
    if (!same) return 0;
  }
  ZEND_HASH_FOREACH_END();
  return 1;
}

static Metric* FindMetric(HashTable* metrics, const char* name, size_t bytes) {
  Metric* metric = zend_hash_str_find_ptr(metrics, name, bytes);
  if (metric != NULL) return metric;
  metric = pemalloc(sizeof(Metric), 1);
  zend_hash_init(&metric->entries, 8, NULL, &FreeEntries, 1);
  return zend_hash_str_add_new_ptr(metrics, name, bytes, metric);
}

// Makes an entry whose label values are still to come.
static Entry* MakeEntry(uint32_t labels, percpud_series* series) {
  Entry* const entry = safe_pemalloc(labels, sizeof(zend_string*), sizeof(Entry), 1);
  entry->handle = (Handle){.series = series,
                           .number = percpud_series_number(series),
                           .histogram = percpud_series_histogram(series)};
  entry->labels = 0;
  return entry;
}

static void AddValue(Entry* entry, const char* text, size_t bytes) {
  entry->values[entry->labels++] = zend_string_init(text, bytes, 1);
}

static void Keep(HashTable* entries, zend_ulong hash, Entry* entry) {
  Entry* const first = zend_hash_index_find_ptr(entries, hash);
  entry->next = first == NULL ? NULL : first->next;
  if (first == NULL) {
    zend_hash_index_add_new_ptr(entries, hash, entry);
  } else {
    first->next = entry;
  }
}

static const Handle* Open(Link* link, percpud_type type, const HashTable* data, zend_string* name,
                          HashTable* values, zend_ulong hash) {
  percpud_series* const series = OpenSeries(link, type, data);
  if (series == NULL) return NULL;
  Entry* const entry = MakeEntry(zend_hash_num_elements(values), series);
  zval* value = NULL;
  ZEND_HASH_FOREACH_VAL(values, value) {
    const Text text = TextOf(value);
    AddValue(entry, ZSTR_VAL(text.text), ZSTR_LEN(text.text));
    zend_tmp_string_release(text.held);
  }
  ZEND_HASH_FOREACH_END();
  Keep(&FindMetric(&link->metrics[type], ZSTR_VAL(name), ZSTR_LEN(name))->entries, hash, entry);
  return &entry->handle;
}

const Handle* FindHandle(Link* link, percpud_type type, const HashTable* data) {
  const zval* const name = FindField(data, kName);
  HashTable* const values = FindArray(data, kLabelValues);
  if (values == NULL) return NULL;
  if (name == NULL || Z_TYPE_P(name) != IS_STRING) {
    zend_value_error("\"name\" has to be a string");
    return NULL;
  }
  const zend_ulong hash = HashOf(values);
  const Metric* const metric = zend_hash_find_ptr(&link->metrics[type], Z_STR_P(name));
  const Entry* entry = metric == NULL ? NULL : zend_hash_index_find_ptr(&metric->entries, hash);
  while (entry != NULL && !IsOf(entry, values)) entry = entry->next;
  return entry == NULL ? Open(link, type, data, Z_STR_P(name), values, hash) : &entry->handle;
}

static bool IsOfTexts(const Entry* entry, const percpud_text* values) {
  for (uint32_t i = 0; i < entry->labels; ++i) {
    if (!zend_string_equals_cstr(entry->values[i], values[i].text, values[i].bytes)) return false;
  }
  return true;
}

void InheritHandle(Link* link, const percpud_family_view* family, const percpud_series_view* what,
                   OpenInherited open) {
  const uint32_t labels = family->label_count;
  zend_ulong hash = 0;
  for (uint32_t i = 0; i < labels; ++i) {
    hash = Mixed(hash, zend_hash_func(what->label_values[i].text, what->label_values[i].bytes));
  }
  HashTable* const entries =
      &FindMetric(&link->metrics[family->type], family->name.text, family->name.bytes)->entries;
  for (Entry* entry = zend_hash_index_find_ptr(entries, hash); entry != NULL; entry = entry->next) {
    if (entry->labels == labels && IsOfTexts(entry, what->label_values)) return;
  }
  percpud_series* const series = open(link, family, what);
  if (series == NULL) return;
  Entry* const entry = MakeEntry(labels, series);
  for (uint32_t i = 0; i < labels; ++i) {
    AddValue(entry, what->label_values[i].text, what->label_values[i].bytes);
  }
  Keep(entries, hash, entry);
}
