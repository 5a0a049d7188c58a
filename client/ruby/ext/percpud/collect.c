// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// percpud_collection as arrays.

#include <ruby/thread.h>

#include "client.h"

static VALUE Text(percpud_text text) { return rb_utf8_str_new(text.text, (long)text.bytes); }

static VALUE Texts(const percpud_text* texts, uint32_t count) {
  const VALUE out = rb_ary_new_capa(count);
  for (uint32_t i = 0; i < count; ++i) rb_ary_push(out, Text(texts[i]));
  return out;
}

static VALUE Names(const percpud_text* texts, uint32_t count) {
  const VALUE out = rb_ary_new_capa(count);
  for (uint32_t i = 0; i < count; ++i) rb_ary_push(out, rb_to_symbol(Text(texts[i])));
  return out;
}

static VALUE Bounds(const percpud_family_view* family) {
  const VALUE out = rb_ary_new_capa(family->bound_count);
  for (uint32_t i = 0; i < family->bound_count; ++i) rb_ary_push(out, DBL2NUM(family->bounds[i]));
  return out;
}

// The counts of the buckets, not cumulative.
static VALUE Buckets(const percpud_series_view* series) {
  const VALUE out = rb_ary_new_capa(series->bucket_count);
  uint64_t below = 0;
  for (uint32_t i = 0; i < series->bucket_count; ++i) {
    rb_ary_push(out, ULL2NUM(series->buckets[i] - below));
    below = series->buckets[i];
  }
  return out;
}

static VALUE Writers(const percpud_series_view* series) {
  const VALUE out = rb_ary_new_capa(series->writer_count);
  for (uint32_t i = 0; i < series->writer_count; ++i) {
    const percpud_writer_view* const writer = &series->writers[i];
    rb_ary_push(out, rb_ary_new_from_args(2, Text(writer->label), DBL2NUM(writer->value)));
  }
  return out;
}

static VALUE Series(const percpud_series_view* series, uint32_t labels) {
  return rb_ary_new_from_args(6, Texts(series->label_values, labels), DBL2NUM(series->value),
                              ULL2NUM(series->count), Buckets(series), Writers(series),
                              series->is_set ? Qtrue : Qfalse);
}

static VALUE Family(const percpud_family_view* family) {
  const VALUE all = rb_ary_new_capa(family->series_count);
  for (uint32_t i = 0; i < family->series_count; ++i) {
    rb_ary_push(all, Series(&family->series[i], family->label_count));
  }
  return rb_ary_new_from_args(5, INT2NUM((int)family->type), INT2NUM((int)family->fold),
                              Names(family->label_names, family->label_count), Bounds(family), all);
}

// A collection, which is ended whatever happens.
typedef struct {
  Client* client;
  const char* family;
  int milliseconds;
  percpud_collection* collection;
} Reading;

static void* CollectUnlocked(void* data) {
  Reading* const reading = data;
  reading->collection =
      percpud_collect_begin(reading->client->handle, reading->family, reading->milliseconds);
  return NULL;
}

static VALUE Collect(VALUE argument) {
  Reading* const reading = (Reading*)argument;
  rb_thread_call_without_gvl(CollectUnlocked, reading, NULL, NULL);
  TellNotices(reading->client);
  if (reading->collection == NULL) rb_raise(rb_eNoMemError, "no memory for a collection");
  const size_t count = percpud_collection_size(reading->collection);
  const VALUE out = rb_ary_new_capa((long)count);
  for (size_t i = 0; i < count; ++i) {
    rb_ary_push(out, Family(percpud_collection_family(reading->collection, i)));
  }
  return out;
}

static VALUE End(VALUE argument) {
  percpud_collection_end(((Reading*)argument)->collection);
  return Qnil;
}

// collect(name, milliseconds): an array of the families of that name, each
// [type, fold, label names, bounds, [[label values, value, count, buckets, writers, set?]...]]
VALUE CollectClient(VALUE self, VALUE family, VALUE milliseconds) {
  Reading reading = {.client = ClientOf(self),
                     .family = NIL_P(family) ? NULL : StringValueCStr(family),
                     .milliseconds = NUM2INT(milliseconds)};
  const VALUE out = rb_ensure(Collect, (VALUE)&reading, End, (VALUE)&reading);
  RB_GC_GUARD(family);
  return out;
}
