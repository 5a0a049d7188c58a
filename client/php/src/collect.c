// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/php/src/collect.h"

#include <math.h>
#include <stdlib.h>

// A sample that is still to be told its value.
typedef struct {
  const percpud_family_view* family;
  const percpud_series_view* series;
  // Behind the family's name.
  const char* suffix;
  // A label that the family does not have; NULL: there is none.
  const char* label;
} Sample;

static void AddText(zval* to, percpud_text text) {
  add_next_index_stringl(to, text.text, text.bytes);
}

static void MakeTexts(zval* to, const percpud_text* texts, uint32_t count) {
  array_init_size(to, count + 1);
  for (uint32_t i = 0; i < count; ++i) AddText(to, texts[i]);
}

// A whole number is one for PHP too, which writes others above 10^15 with an exponent.
static void SetNumber(zval* to, double number) {
  const double kExact = 9007199254740992.0;
  if (fabs(number) <= kExact && number == floor(number)) {
    ZVAL_LONG(to, (zend_long)number);
  } else {
    ZVAL_DOUBLE(to, number);
  }
}

// Adds a sample to the list. `value` is of the label, and taken over.
static void AddSample(zval* samples, const Sample* what, zend_string* value, double number) {
  zval sample;
  zval names;
  zval values;
  zval shown;
  array_init_size(&names, 1);
  MakeTexts(&values, what->series->label_values, what->family->label_count);
  if (what->label != NULL) {
    add_next_index_string(&names, what->label);
    add_next_index_str(&values, value);
  }
  SetNumber(&shown, number);
  array_init_size(&sample, 4);
  add_assoc_str(&sample, "name", strpprintf(0, "%s%s", what->family->name.text, what->suffix));
  add_assoc_zval(&sample, "labelNames", &names);
  add_assoc_zval(&sample, "labelValues", &values);
  add_assoc_zval(&sample, "value", &shown);
  add_next_index_zval(samples, &sample);
}

static void AddOne(zval* samples, const percpud_family_view* family,
                   const percpud_series_view* series, const char* suffix, double number) {
  const Sample what = {.family = family, .series = series, .suffix = suffix};
  AddSample(samples, &what, NULL, number);
}

// Other languages' gauges may have a value for each process.
static void AddGauge(zval* samples, const percpud_family_view* family,
                     const percpud_series_view* series) {
  if (family->fold != PERCPUD_FOLD_ALL) {
    if (series->is_set) AddOne(samples, family, series, "", series->value);
    return;
  }
  const Sample what = {.family = family, .series = series, .suffix = "", .label = "pid"};
  for (uint32_t i = 0; i < series->writer_count; ++i) {
    const percpud_writer_view* const writer = &series->writers[i];
    AddSample(samples, &what, zend_string_init(writer->label.text, writer->label.bytes, 0),
              writer->value);
  }
}

static void AddHistogram(zval* samples, const percpud_family_view* family,
                         const percpud_series_view* series) {
  const Sample bucket = {.family = family, .series = series, .suffix = "_bucket", .label = "le"};
  for (uint32_t i = 0; i < series->bucket_count; ++i) {
    const bool last = i >= family->bound_count;
    zend_string* const bound =
        last ? zend_string_init("+Inf", 4, 0) : zend_double_to_str(family->bounds[i]);
    AddSample(samples, &bucket, bound, (double)series->buckets[i]);
  }
}

static void AddSeries(zval* samples, const percpud_family_view* family,
                      const percpud_series_view* series) {
  switch (family->type) {
    case PERCPUD_COUNTER:
      AddOne(samples, family, series, "", series->value);
      return;
    case PERCPUD_GAUGE:
      AddGauge(samples, family, series);
      return;
    case PERCPUD_HISTOGRAM:
      AddHistogram(samples, family, series);
      break;
    case PERCPUD_SUMMARY:
      break;
  }
  AddOne(samples, family, series, "_count", (double)series->count);
  AddOne(samples, family, series, "_sum", series->value);
}

// The label values of a series behind each other, byte by byte.
typedef struct {
  const percpud_text* text;
  uint32_t left;
  size_t at;
} Bytes;

// Returns the next byte; -1 at the end.
static int NextByte(Bytes* from) {
  while (from->left != 0 && from->at == from->text->bytes) {
    ++from->text;
    --from->left;
    from->at = 0;
  }
  return from->left == 0 ? -1 : (unsigned char)from->text->text[from->at++];
}

static int Compare(const void* a, const void* b, void* labels) {
  const percpud_series_view* const first = *(const percpud_series_view* const*)a;
  const percpud_series_view* const second = *(const percpud_series_view* const*)b;
  Bytes left = {.text = first->label_values, .left = *(const uint32_t*)labels};
  Bytes right = {.text = second->label_values, .left = *(const uint32_t*)labels};
  while (true) {
    const int byte = NextByte(&left);
    const int other = NextByte(&right);
    if (byte != other) return byte - other;
    // What was made first comes first.
    if (byte < 0) return first < second ? -1 : 1;
  }
}

static void AddAllSeries(zval* samples, const percpud_family_view* family, bool sorted) {
  const percpud_series_view** const order =
      safe_emalloc(family->series_count, sizeof(void*), sizeof(void*));
  for (uint32_t i = 0; i < family->series_count; ++i) order[i] = &family->series[i];
  uint32_t labels = family->label_count;
  if (sorted) qsort_r(order, family->series_count, sizeof(void*), &Compare, &labels);
  for (uint32_t i = 0; i < family->series_count; ++i) AddSeries(samples, family, order[i]);
  efree(order);
}

static const char* TypeName(percpud_type type) {
  static const char* const kTypeNames[] = {"", "counter", "gauge", "histogram", "summary"};
  return kTypeNames[type];
}

static void AddFamily(zval* to, const percpud_family_view* family, bool sorted) {
  zval samples;
  array_init(&samples);
  AddAllSeries(&samples, family, sorted);
  // A family whose series are all removed is not shown.
  if (zend_hash_num_elements(Z_ARRVAL(samples)) == 0) {
    zval_ptr_dtor(&samples);
    return;
  }
  zval names;
  zval out;
  MakeTexts(&names, family->label_names, family->label_count);
  array_init_size(&out, 8);
  add_assoc_stringl(&out, "name", family->name.text, family->name.bytes);
  add_assoc_stringl(&out, "help", family->help.text, family->help.bytes);
  add_assoc_string(&out, "type", TypeName(family->type));
  add_assoc_zval(&out, "labelNames", &names);
  add_assoc_zval(&out, "samples", &samples);
  add_next_index_zval(to, &out);
}

void AddFamilies(zval* to, const percpud_collection* all, bool sorted) {
  const size_t families = percpud_collection_size(all);
  for (percpud_type type = PERCPUD_COUNTER; type <= PERCPUD_SUMMARY; ++type) {
    for (size_t i = 0; i < families; ++i) {
      const percpud_family_view* const family = percpud_collection_family(all, i);
      if (family->type == type) AddFamily(to, family, sorted);
    }
  }
}
