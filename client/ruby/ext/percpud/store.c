// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What Percpud::DataStore has for a metric: numbers by label sets. Ruby code opens them
// when they are first seen (the method `open`); everything after that is here.

#include <math.h>
#include <unistd.h>

#include "labels.h"
#include "value.h"

// Observations that wait for the end of a synchronized block, in one cell at a time.
typedef struct {
  // A Distribution, or nil: nothing waits.
  VALUE whole;
  int32_t bucket;
  int64_t count;
  double sum;
  uint64_t forks;
} Pending;

typedef struct {
  LabelTable known;
  VALUE mutex;
  // The thread that is in a synchronized block, or nil; and how deep.
  VALUE owner;
  unsigned depth;
  Pending pending;
} Store;

static ID g_open;
static ID g_pid;

static void MarkStore(void* data) {
  const Store* const store = data;
  MarkLabels(&store->known);
  rb_gc_mark(store->mutex);
  rb_gc_mark(store->owner);
  rb_gc_mark(store->pending.whole);
}

static void FreeStore(void* data) {
  FreeLabels(&((Store*)data)->known);
  xfree(data);
}

static const rb_data_type_t kStoreType = {
    .wrap_struct_name = "Percpud::Native::Store",
    .function = {.dmark = MarkStore, .dfree = FreeStore},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

static Store* StoreOf(VALUE self) { return rb_check_typeddata(self, &kStoreType); }

static VALUE AllocateStore(VALUE class) {
  Store* store = NULL;
  const VALUE self = TypedData_Make_Struct(class, Store, &kStoreType, store);
  store->mutex = store->owner = store->pending.whole = Qnil;
  store->mutex = rb_mutex_new();
  return self;
}

// Who counts: nil is the process itself. A program that replaces Process.pid, as tests do,
// has one process be several writers.
static VALUE CurrentWriter(void) {
  if (rb_method_basic_definition_p(CLASS_OF(rb_mProcess), g_pid)) return Qnil;
  const VALUE pid = rb_funcall(rb_mProcess, g_pid, 0);
  return !FIXNUM_P(pid) || FIX2LONG(pid) == (long)getpid() ? Qnil : pid;
}

static void Flush(Store* store) {
  Pending pending = store->pending;
  if (NIL_P(pending.whole)) return;
  store->pending = (Pending){.whole = Qnil};
  // What waited before a fork is the parent's.
  if (pending.forks != Forks()) return;
  AddToCell(DATA_PTR(pending.whole), pending.bucket, pending.count, pending.sum);
  RB_GC_GUARD(pending.whole);
}

// Has it wait with what waits already, if one cell holds both.
static void Wait(Store* store, const Part* part, int64_t count, double sum) {
  const Pending* const before = &store->pending;
  const int another =
      !NIL_P(before->whole) &&
      (before->whole != part->whole ||
       (before->bucket != PART_SUM && part->bucket != PART_SUM && before->bucket != part->bucket));
  if (another || before->forks != Forks()) Flush(store);
  Pending* const pending = &store->pending;
  if (NIL_P(pending->whole)) {
    *pending = (Pending){.whole = part->whole, .bucket = PART_SUM, .forks = Forks()};
  }
  if (part->bucket != PART_SUM) pending->bucket = part->bucket;
  pending->count += count;
  pending->sum += sum;
}

static int IsSynchronized(const Store* store) {
  return store->depth != 0 && store->owner == rb_thread_current();
}

static void AddToPart(Store* store, Part* part, double amount) {
  if (!isfinite(amount)) return;
  const int64_t count = AddToOwn(part, amount);
  const double sum = part->bucket == PART_SUM ? amount : 0;
  if (IsSynchronized(store)) {
    Wait(store, part, count, sum);
  } else {
    AddToCell(WholeOf(part), part->bucket, count, sum);
  }
}

static void AddTo(Store* store, VALUE target, double amount) {
  Value* const value = ValueOrNull(target);
  if (value != NULL) {
    AddToValue(value, amount);
  } else {
    AddToPart(store, PartOrNull(target), amount);
  }
}

static void SetTo(Store* store, VALUE target, double number) {
  Value* const value = ValueOrNull(target);
  if (value != NULL) {
    SetValue(value, number);
  } else {
    Part* const part = PartOrNull(target);
    AddToPart(store, part, number - GetOwn(part));
  }
}

static double OwnOf(VALUE target) {
  Value* const value = ValueOrNull(target);
  return value != NULL ? GetValue(value) : GetOwn(PartOrNull(target));
}

static VALUE WriterText(VALUE writer) { return NIL_P(writer) ? Qnil : rb_fix2str(writer, 10); }

// Has Ruby code open what is not known yet. Another thread may have done so meanwhile.
static VALUE Open(VALUE self, Store* store, const LabelKey* key) {
  VALUE copied = CopyLabels(key);
  const VALUE target = rb_funcall(self, g_open, 2, copied, WriterText(key->writer));
  if (ValueOrNull(target) == NULL && PartOrNull(target) == NULL) {
    rb_raise(rb_eTypeError, "open returns a Value or a Part");
  }
  const VALUE found = FindLabels(&store->known, key);
  if (found != 0) return found;
  AddLabels(&store->known, key, copied, target);
  RB_GC_GUARD(copied);
  return target;
}

// Returns 0 if it is not known and `opens` is not set.
static VALUE Find(VALUE self, VALUE labels, int opens) {
  Store* const store = StoreOf(self);
  VALUE buffer = 0;
  Check_Type(labels, T_HASH);
  LabelKey key = {.writer = CurrentWriter(),
                  .pairs = ALLOCV_N(VALUE, buffer, 2 * RHASH_SIZE(labels) + 1)};
  ReadLabels(labels, &key);
  VALUE target = FindLabels(&store->known, &key);
  if (target == 0 && opens) target = Open(self, store, &key);
  ALLOCV_END(buffer);
  RB_GC_GUARD(key.held);
  return target;
}

// A number that is to be added to, set or read, with or without the lock.
typedef struct {
  VALUE self;
  VALUE labels;
  double amount;
} Update;

static VALUE AddNow(VALUE argument) {
  const Update* const update = (const Update*)argument;
  const VALUE target = Find(update->self, update->labels, 1);
  AddTo(StoreOf(update->self), target, update->amount);
  return Qnil;
}

static VALUE SetNow(VALUE argument) {
  const Update* const update = (const Update*)argument;
  const VALUE target = Find(update->self, update->labels, 1);
  SetTo(StoreOf(update->self), target, update->amount);
  return Qnil;
}

static VALUE Enter(VALUE self) {
  Store* const store = StoreOf(self);
  const VALUE thread = rb_thread_current();
  if (store->owner != thread) {
    rb_mutex_lock(store->mutex);
    store->owner = thread;
    store->depth = 0;
  }
  ++store->depth;
  return Qnil;
}

static VALUE Leave(VALUE self) {
  Store* const store = StoreOf(self);
  if (--store->depth != 0) return Qnil;
  Flush(store);
  store->owner = Qnil;
  rb_mutex_unlock(store->mutex);
  return Qnil;
}

// Does it at once, unless another thread is in a synchronized block.
static VALUE Do(VALUE (*work)(VALUE), VALUE self, VALUE argument) {
  const Store* const store = StoreOf(self);
  if (NIL_P(store->owner) || store->owner == rb_thread_current()) return work(argument);
  Enter(self);
  return rb_ensure(work, argument, Leave, self);
}

// add(labels, amount)
static VALUE Add(VALUE self, VALUE labels, VALUE amount) {
  const Update update = {self, labels, ToDouble(amount)};
  return Do(AddNow, self, (VALUE)&update);
}

// put(labels, number): the own share.
static VALUE Put(VALUE self, VALUE labels, VALUE number) {
  const Update update = {self, labels, ToDouble(number)};
  return Do(SetNow, self, (VALUE)&update);
}

// read(labels): the own share; 0.0 of what was never counted here.
static VALUE Read(VALUE self, VALUE labels) {
  const VALUE target = Find(self, labels, 0);
  return DBL2NUM(target == 0 ? 0 : OwnOf(target));
}

// Runs its block while no other thread counts here, and returns what that returns. The
// thread that is in it may call it again. An observation that is counted inside is shown as
// a whole.
static VALUE Synchronize(VALUE self) {
  rb_need_block();
  Enter(self);
  return rb_ensure(rb_yield, Qundef, Leave, self);
}

// Shows what waits.
static VALUE FlushStore(VALUE self) {
  Store* const store = StoreOf(self);
  if (IsSynchronized(store)) Flush(store);
  return self;
}

static VALUE LabelsOf(const LabelEntry* entry) {
  const VALUE out = rb_hash_new();
  for (size_t i = 0; i < entry->count; ++i) {
    rb_hash_aset(out, entry->pairs[2 * i], entry->pairs[2 * i + 1]);
  }
  return out;
}

// known: [[labels, writer, Value or Part]...]
static VALUE Known(VALUE self) {
  const Store* const store = StoreOf(self);
  const VALUE out = rb_ary_new();
  for (size_t i = 0; i < store->known.capacity; ++i) {
    const LabelEntry* const entry = &store->known.entries[i];
    if (entry->target == 0) continue;
    rb_ary_push(out,
                rb_ary_new_from_args(3, LabelsOf(entry), WriterText(entry->writer), entry->target));
  }
  return out;
}

void InitStore(VALUE module) {
  g_open = rb_intern("open");
  g_pid = rb_intern("pid");
  const VALUE class = DefineClass(module, "Store", AllocateStore);
  rb_define_method(class, "synchronize", Synchronize, 0);
  rb_define_method(class, "add", Add, 2);
  rb_define_method(class, "put", Put, 2);
  rb_define_method(class, "read", Read, 1);
  rb_define_method(class, "flush", FlushStore, 0);
  rb_define_method(class, "known", Known, 0);
}
