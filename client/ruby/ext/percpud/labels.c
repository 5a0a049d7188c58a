// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "labels.h"

#include <string.h>

enum { kFirstCapacity = 8 };

static VALUE NameOf(VALUE name) {
  return RB_SYMBOL_P(name) ? name : rb_to_symbol(rb_obj_as_string(name));
}

static VALUE TextOf(VALUE value) {
  if (RB_TYPE_P(value, T_STRING)) return value;
  return RB_SYMBOL_P(value) ? rb_sym2str(value) : rb_obj_as_string(value);
}

static uint64_t HashOf(VALUE name, VALUE text) {
  const uint64_t value = rb_memhash(RSTRING_PTR(text), RSTRING_LEN(text));
  const uint64_t mixed = (value ^ (uint64_t)name * 0x9e3779b97f4a7c15U) * 0xbf58476d1ce4e5b9U;
  return mixed ^ mixed >> 31;
}

// Puts one pair into the key. The sum of their hashes is the same in any order.
static int TakePair(VALUE name, VALUE value, VALUE argument) {
  LabelKey* const key = (LabelKey*)argument;
  const VALUE symbol = NameOf(name);
  const VALUE text = TextOf(value);
  // Neither is in the Hash: nothing else keeps it.
  if (symbol != name || (text != value && !RB_SYMBOL_P(value))) {
    if (NIL_P(key->held)) key->held = rb_ary_new();
    rb_ary_push(key->held, symbol);
    rb_ary_push(key->held, text);
  }
  key->pairs[2 * key->count] = symbol;
  key->pairs[2 * key->count + 1] = text;
  ++key->count;
  key->hash += HashOf(symbol, text);
  return ST_CONTINUE;
}

void ReadLabels(VALUE labels, LabelKey* key) {
  Check_Type(labels, T_HASH);
  key->hash = (uint64_t)key->writer * 0x94d049bb133111ebU;
  key->count = 0;
  key->held = Qnil;
  rb_hash_foreach(labels, TakePair, (VALUE)key);
}

VALUE CopyLabels(const LabelKey* key) {
  const VALUE out = rb_hash_new();
  for (size_t i = 0; i < key->count; ++i) {
    rb_hash_aset(out, key->pairs[2 * i], rb_str_new_frozen(key->pairs[2 * i + 1]));
  }
  return out;
}

static int IsSameText(VALUE a, VALUE b) {
  return a == b || (RSTRING_LEN(a) == RSTRING_LEN(b) &&
                    memcmp(RSTRING_PTR(a), RSTRING_PTR(b), (size_t)RSTRING_LEN(a)) == 0);
}

static int HasPair(const LabelEntry* entry, size_t guess, VALUE name, VALUE text) {
  if (entry->pairs[2 * guess] == name) return IsSameText(entry->pairs[2 * guess + 1], text);
  for (size_t i = 0; i < entry->count; ++i) {
    if (entry->pairs[2 * i] == name) return IsSameText(entry->pairs[2 * i + 1], text);
  }
  return 0;
}

static int IsEntryOf(const LabelEntry* entry, const LabelKey* key) {
  if (entry->hash != key->hash || entry->writer != key->writer || entry->count != key->count) {
    return 0;
  }
  for (size_t i = 0; i < key->count; ++i) {
    if (!HasPair(entry, i, key->pairs[2 * i], key->pairs[2 * i + 1])) return 0;
  }
  return 1;
}

VALUE FindLabels(const LabelTable* table, const LabelKey* key) {
  if (table->capacity == 0) return 0;
  const size_t mask = table->capacity - 1;
  for (size_t at = key->hash & mask; table->entries[at].target != 0; at = (at + 1) & mask) {
    if (IsEntryOf(&table->entries[at], key)) return table->entries[at].target;
  }
  return 0;
}

static void Place(LabelEntry* entries, size_t capacity, const LabelEntry* entry) {
  size_t at = entry->hash & (capacity - 1);
  while (entries[at].target != 0) at = (at + 1) & (capacity - 1);
  entries[at] = *entry;
}

static void Grow(LabelTable* table) {
  const size_t capacity = table->capacity == 0 ? kFirstCapacity : 2 * table->capacity;
  LabelEntry* const entries = ZALLOC_N(LabelEntry, capacity);
  for (size_t i = 0; i < table->capacity; ++i) {
    if (table->entries[i].target != 0) Place(entries, capacity, &table->entries[i]);
  }
  xfree(table->entries);
  table->entries = entries;
  table->capacity = capacity;
}

void AddLabels(LabelTable* table, const LabelKey* key, VALUE copied, VALUE target) {
  if (2 * (table->used + 1) > table->capacity) Grow(table);
  LabelEntry entry = {.hash = key->hash,
                      .writer = key->writer,
                      .target = target,
                      .pairs = ALLOC_N(VALUE, 2 * key->count + 1),
                      .count = key->count};
  for (size_t i = 0; i < key->count; ++i) {
    entry.pairs[2 * i] = key->pairs[2 * i];
    entry.pairs[2 * i + 1] = rb_hash_aref(copied, key->pairs[2 * i]);
  }
  Place(table->entries, table->capacity, &entry);
  ++table->used;
}

void MarkLabels(const LabelTable* table) {
  for (size_t i = 0; i < table->capacity; ++i) {
    const LabelEntry* const entry = &table->entries[i];
    if (entry->target == 0) continue;
    rb_gc_mark(entry->target);
    for (size_t n = 0; n < 2 * entry->count; ++n) rb_gc_mark(entry->pairs[n]);
  }
}

void FreeLabels(LabelTable* table) {
  for (size_t i = 0; i < table->capacity; ++i) xfree(table->entries[i].pairs);
  xfree(table->entries);
}
