// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client.h"

#include <ruby/thread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
  // Milliseconds that an opening waits for the daemon's answer, without Ruby's lock.
  kOpenWaitMs = 1000,
  // Updates of shared series between two readings of the clock.
  kUpdatesPerLook = 32,
};
static const int64_t kPollNs = 1000000000;
static VALUE g_error;

static int64_t CoarseNowNs(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void MarkClient(void* data) { rb_gc_mark(((Client*)data)->on_notice); }

static void FreeClient(void* data) {
  Client* const client = data;
  percpud_close(client->handle);
  while (client->notices != NULL) {
    Notice* const notice = client->notices;
    client->notices = notice->next;
    free(notice);
  }
  xfree(client);
}

static const rb_data_type_t kClientType = {
    .wrap_struct_name = "Percpud::Native::Client",
    .function = {.dmark = MarkClient, .dfree = FreeClient},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

Client* ClientOf(VALUE client) { return rb_check_typeddata(client, &kClientType); }

// The library's callback: it comes with the library's lock held, and from threads that
// do not hold Ruby's.
static void Hear(void* context, percpud_notice kind, const char* text) {
  (void)kind;
  Client* const client = context;
  const size_t bytes = strlen(text) + 1;
  Notice* const notice = malloc(sizeof(Notice) + bytes);
  if (notice == NULL) return;
  memcpy(notice->text, text, bytes);
  notice->next = __atomic_load_n(&client->notices, __ATOMIC_RELAXED);
  while (!__atomic_compare_exchange_n(&client->notices, &notice->next, notice, 1, __ATOMIC_RELEASE,
                                      __ATOMIC_RELAXED)) {
  }
}

// A notice's text on its way to the one who is told.
typedef struct {
  VALUE listener;
  VALUE text;
} Telling;

static VALUE Tell(VALUE argument) {
  const Telling* const telling = (const Telling*)argument;
  return rb_funcall(telling->listener, rb_intern("call"), 1, telling->text);
}

static void TellNotice(const Client* client, const Notice* notice) {
  if (NIL_P(client->on_notice)) return;
  const VALUE before = rb_errinfo();
  Telling telling = {client->on_notice, rb_utf8_str_new_cstr(notice->text)};
  int failed = 0;
  rb_protect(Tell, (VALUE)&telling, &failed);
  RB_GC_GUARD(telling.text);
  if (failed) rb_set_errinfo(before);
}

// Each names the one before it.
static Notice* OldestFirst(Notice* newest) {
  Notice* oldest = NULL;
  for (Notice* older; newest != NULL; newest = older) {
    older = newest->next;
    newest->next = oldest;
    oldest = newest;
  }
  return oldest;
}

void TellNotices(Client* client) {
  if (__atomic_load_n(&client->notices, __ATOMIC_RELAXED) == NULL) return;
  Notice* next = OldestFirst(__atomic_exchange_n(&client->notices, NULL, __ATOMIC_ACQUIRE));
  while (next != NULL) {
    Notice* const notice = next;
    next = notice->next;
    TellNotice(client, notice);
    free(notice);
  }
}

void PollSometimes(Client* client, int shared) {
  if (shared && ++client->updates % kUpdatesPerLook != 0) return;
  const int64_t now = CoarseNowNs();
  if (now < client->next_poll_ns) return;
  client->next_poll_ns = now + kPollNs;
  percpud_poll(client->handle);
  TellNotices(client);
}

void RaiseReason(Client* client) {
  char reason[512] = "";
  percpud_reason(client->handle, reason, sizeof(reason));
  rb_raise(g_error, "%s", reason[0] != '\0' ? reason : "percpud does not answer");
}

static VALUE AllocateClient(VALUE class) {
  Client* client = NULL;
  const VALUE self = TypedData_Make_Struct(class, Client, &kClientType, client);
  client->on_notice = Qnil;
  return self;
}

static const char* TextOrNull(VALUE* text) { return NIL_P(*text) ? NULL : StringValueCStr(*text); }

// Client.new(namespace, address, slot, on_notice)
static VALUE Initialize(VALUE self, VALUE name_space, VALUE address, VALUE slot, VALUE on_notice) {
  Client* const client = ClientOf(self);
  const percpud_options options = {
      .size = sizeof(options),
      .address = TextOrNull(&address),
      .name_space = TextOrNull(&name_space),
      .open_wait_ms = kOpenWaitMs,
      .flags = RTEST(slot) ? PERCPUD_WRITER_SLOT : 0,
  };
  if (client->handle != NULL) rb_raise(rb_eArgError, "a client is opened once");
  client->handle = percpud_open_as(&options);
  RB_GC_GUARD(address);
  RB_GC_GUARD(name_space);
  if (client->handle == NULL) rb_raise(rb_eNoMemError, "no memory for a client");
  client->on_notice = on_notice;
  if (!NIL_P(on_notice)) percpud_on_notice(client->handle, &Hear, client);
  return self;
}

// What is done without Ruby's lock, and what came of it.
typedef struct {
  Client* client;
  int milliseconds;
  uint64_t generation;
  int64_t result;
} Wish;

static void* WaitUnlocked(void* data) {
  Wish* const wish = data;
  wish->result = percpud_wait(wish->client->handle, wish->milliseconds);
  return NULL;
}

static void* ResetUnlocked(void* data) {
  Wish* const wish = data;
  wish->result =
      percpud_reset_namespace(wish->client->handle, 0, &wish->generation, wish->milliseconds);
  return NULL;
}

static VALUE Poll(VALUE self) {
  Client* const client = ClientOf(self);
  const int settled = percpud_poll(client->handle);
  TellNotices(client);
  return settled ? Qtrue : Qfalse;
}

static VALUE Wait(VALUE self, VALUE milliseconds) {
  Wish wish = {.client = ClientOf(self), .milliseconds = NUM2INT(milliseconds)};
  rb_thread_call_without_gvl(WaitUnlocked, &wish, NULL, NULL);
  TellNotices(wish.client);
  return wish.result ? Qtrue : Qfalse;
}

static VALUE Reset(VALUE self, VALUE milliseconds) {
  Wish wish = {.client = ClientOf(self), .milliseconds = NUM2INT(milliseconds)};
  rb_thread_call_without_gvl(ResetUnlocked, &wish, NULL, NULL);
  TellNotices(wish.client);
  if (wish.result < 0) RaiseReason(wish.client);
  ++wish.client->resets;
  return ULL2NUM(wish.generation);
}

// A rendering, which is freed whatever happens.
typedef struct {
  Client* client;
  percpud_format format;
  int milliseconds;
  char* text;
  size_t bytes;
} Rendering;

static void* RenderUnlocked(void* data) {
  Rendering* const render = data;
  render->text =
      percpud_render(render->client->handle, render->format, render->milliseconds, &render->bytes);
  return NULL;
}

static VALUE RenderText(VALUE argument) {
  Rendering* const render = (Rendering*)argument;
  rb_thread_call_without_gvl(RenderUnlocked, render, NULL, NULL);
  TellNotices(render->client);
  if (render->text == NULL) RaiseReason(render->client);
  return rb_utf8_str_new(render->text, (long)render->bytes);
}

static VALUE FreeText(VALUE argument) {
  percpud_free(((Rendering*)argument)->text);
  return Qnil;
}

static VALUE Render(VALUE self, VALUE format, VALUE milliseconds) {
  Rendering render = {.client = ClientOf(self),
                      .format = (percpud_format)NUM2INT(format),
                      .milliseconds = NUM2INT(milliseconds)};
  return rb_ensure(RenderText, (VALUE)&render, FreeText, (VALUE)&render);
}

static VALUE IsAttached(VALUE self) {
  return percpud_is_attached(ClientOf(self)->handle) ? Qtrue : Qfalse;
}

void InitClient(VALUE module) {
  g_error = rb_const_get(rb_const_get(rb_cObject, rb_intern("Percpud")), rb_intern("Error"));
  rb_gc_register_mark_object(g_error);
  const VALUE class = DefineClass(module, "Client", AllocateClient);
  rb_define_method(class, "initialize", Initialize, 4);
  rb_define_method(class, "poll", Poll, 0);
  rb_define_method(class, "wait", Wait, 1);
  rb_define_method(class, "reset", Reset, 1);
  rb_define_method(class, "render", Render, 2);
  rb_define_method(class, "collect", CollectClient, 2);
  rb_define_method(class, "attached?", IsAttached, 0);
}
