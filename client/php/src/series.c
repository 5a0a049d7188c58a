// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/php/src/series.h"

#include <math.h>

#include "client/php/src/fields.h"
#include "client/php/src/texts.h"

// What $data says of a series, as C has it.
typedef struct {
  // Strings.
  zval name;
  zval help;
  Texts names;
  Texts values;
  double* bounds;
  uint32_t bound_count;
} Description;

// Takes the finite bounds: the last bucket has none.
static int TakeBounds(Description* out, const HashTable* data) {
  HashTable* const buckets = FindArray(data, kBuckets);
  if (buckets == NULL) return 0;
  out->bounds = safe_emalloc(zend_hash_num_elements(buckets), sizeof(double), 1);
  zval* bucket = NULL;
  ZEND_HASH_FOREACH_VAL(buckets, bucket) {
    const double bound = zval_get_double(bucket);
    if (isfinite(bound)) out->bounds[out->bound_count++] = bound;
  }
  ZEND_HASH_FOREACH_END();
  return 1;
}

static void TakeString(zval* out, const HashTable* data, Field field) {
  zval* const found = FindField(data, field);
  ZVAL_STR(out, found == NULL ? ZSTR_EMPTY_ALLOC() : zval_get_string(found));
}

static void Drop(Description* said) {
  zval_ptr_dtor_str(&said->name);
  zval_ptr_dtor_str(&said->help);
  if (said->names.items != NULL) DropTexts(&said->names);
  if (said->values.items != NULL) DropTexts(&said->values);
  if (said->bounds != NULL) efree(said->bounds);
}

static int TakeLabels(Description* out, const HashTable* data) {
  HashTable* const names = FindArray(data, kLabelNames);
  HashTable* const values = names == NULL ? NULL : FindArray(data, kLabelValues);
  if (values == NULL) return 0;
  if (zend_hash_num_elements(names) != zend_hash_num_elements(values)) {
    zend_value_error("\"labelValues\" has %u values for the %u labels of \"%s\"",
                     zend_hash_num_elements(values), zend_hash_num_elements(names),
                     Z_STRVAL(out->name));
    return 0;
  }
  return TakeTexts(&out->names, names) && TakeTexts(&out->values, values);
}

// Takes what is said. To be dropped in either case.
static int Take(Description* out, percpud_type type, const HashTable* data) {
  *out = (Description){0};
  TakeString(&out->name, data, kName);
  TakeString(&out->help, data, kHelp);
  return TakeLabels(out, data) && (type != PERCPUD_HISTOGRAM || TakeBounds(out, data)) &&
         EG(exception) == NULL;
}

static percpud_family* OpenFamily(Link* link, percpud_type type, const Description* said) {
  const percpud_family_options options = {
      .size = sizeof(options),
      .name = Z_STRVAL(said->name),
      .help = Z_STRVAL(said->help),
      .type = type,
      .fold = PERCPUD_FOLD_SHARED,
      .label_count = said->names.count,
      .label_names = said->names.items,
      .bound_count = said->bound_count,
      .bounds = said->bounds,
  };
  percpud_family* const family = percpud_family_open(ClientOf(link), &options);
  if (family == NULL) {
    zend_value_error("\"buckets\" of \"%s\" cannot be: they have to rise", Z_STRVAL(said->name));
  }
  return family;
}

percpud_series* OpenSeries(Link* link, percpud_type type, const HashTable* data) {
  Description said;
  percpud_series* series = NULL;
  if (Take(&said, type, data)) {
    series = percpud_series_open(OpenFamily(link, type, &said), said.values.items);
  }
  Drop(&said);
  return series;
}

void ResetSeries(Link* link, percpud_type type, const HashTable* data) {
  Description said;
  if (Take(&said, type, data)) {
    percpud_family* const family = OpenFamily(link, type, &said);
    percpud_reset(family, said.values.items, kWaitMs);
  }
  Drop(&said);
}
