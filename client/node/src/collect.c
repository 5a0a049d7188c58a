// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "collect.h"

#include <stdlib.h>

#include "client.h"
#include "texts.h"

// A reading or a rendering that is under way.
typedef struct {
  Client* client;
  napi_deferred deferred;
  napi_async_work work;
  // NULL: all families.
  char* family;
  int32_t milliseconds;
  // 0: a collection is wanted.
  int32_t format;
  percpud_collection* collection;
  char* text;
  size_t bytes;
  char reason[512];
} Job;

static void Execute(napi_env env, void* data) {
  (void)env;
  Job* const job = data;
  percpud_client* const handle = HandleOf(job->client);
  if (job->format == 0) {
    job->collection = percpud_collect_begin(handle, job->family, job->milliseconds);
  } else {
    job->text = percpud_render(handle, (percpud_format)job->format, job->milliseconds, &job->bytes);
  }
  if (job->collection == NULL && job->text == NULL) {
    percpud_reason(handle, job->reason, sizeof(job->reason));
  }
}

// Appends to an array. A value that could not be made has thrown.
static bool Append(napi_env env, napi_value array, uint32_t* count, napi_value value) {
  return value != NULL && Ok(env, napi_set_element(env, array, (*count)++, value));
}

static napi_value NewArray(napi_env env, size_t length) {
  napi_value out = NULL;
  return Ok(env, napi_create_array_with_length(env, length, &out)) ? out : NULL;
}

static napi_value FromTexts(napi_env env, const percpud_text* texts, uint32_t length) {
  napi_value const out = NewArray(env, length);
  uint32_t count = 0;
  while (out != NULL && count < length) {
    if (!Append(env, out, &count, FromText(env, texts[count]))) return NULL;
  }
  return out;
}

static napi_value FromBuckets(napi_env env, const percpud_series_view* series) {
  napi_value const out = NewArray(env, series->bucket_count);
  uint32_t count = 0;
  while (out != NULL && count < series->bucket_count) {
    if (!Append(env, out, &count, FromNumber(env, (double)series->buckets[count]))) return NULL;
  }
  return out;
}

// Makes an array of the writers that have set a gauge and live: label, value, timestamp,
// and so on.
static napi_value FromWriters(napi_env env, const percpud_series_view* series) {
  napi_value const out = NewArray(env, 0);
  uint32_t count = 0;
  for (uint32_t i = 0; out != NULL && i < series->writer_count; ++i) {
    const percpud_writer_view* const writer = &series->writers[i];
    if (!writer->is_live) continue;
    if (!Append(env, out, &count, FromText(env, writer->label)) ||
        !Append(env, out, &count, FromNumber(env, writer->value)) ||
        !Append(env, out, &count, FromNumber(env, writer->timestamp))) {
      return NULL;
    }
  }
  return out;
}

// [label values, value, count, buckets or writers]
static napi_value FromSeries(napi_env env, const percpud_family_view* family,
                             const percpud_series_view* series) {
  napi_value const out = NewArray(env, 4);
  uint32_t count = 0;
  if (out == NULL ||
      !Append(env, out, &count, FromTexts(env, series->label_values, family->label_count)) ||
      !Append(env, out, &count, FromNumber(env, series->value)) ||
      !Append(env, out, &count, FromNumber(env, (double)series->count)) ||
      !Append(
          env, out, &count,
          family->type == PERCPUD_GAUGE ? FromWriters(env, series) : FromBuckets(env, series))) {
    return NULL;
  }
  return out;
}

static napi_value FromAllSeries(napi_env env, const percpud_family_view* family) {
  napi_value const out = NewArray(env, family->series_count);
  uint32_t count = 0;
  while (out != NULL && count < family->series_count) {
    napi_handle_scope scope = NULL;
    if (!Ok(env, napi_open_handle_scope(env, &scope))) return NULL;
    const bool is_sound = Append(env, out, &count, FromSeries(env, family, &family->series[count]));
    napi_close_handle_scope(env, scope);
    if (!is_sound) return NULL;
  }
  return out;
}

static napi_value FromBounds(napi_env env, const percpud_family_view* family) {
  napi_value const out = NewArray(env, family->bound_count);
  uint32_t count = 0;
  while (out != NULL && count < family->bound_count) {
    if (!Append(env, out, &count, FromNumber(env, family->bounds[count]))) return NULL;
  }
  return out;
}

// [name, type, label names, bounds, series, help, fold, flags]
static napi_value FromFamily(napi_env env, const percpud_family_view* family) {
  napi_value const out = NewArray(env, 8);
  uint32_t count = 0;
  if (out == NULL || !Append(env, out, &count, FromText(env, family->name)) ||
      !Append(env, out, &count, FromNumber(env, family->type)) ||
      !Append(env, out, &count, FromTexts(env, family->label_names, family->label_count)) ||
      !Append(env, out, &count, FromBounds(env, family)) ||
      !Append(env, out, &count, FromAllSeries(env, family)) ||
      !Append(env, out, &count, FromText(env, family->help)) ||
      !Append(env, out, &count, FromNumber(env, family->fold)) ||
      !Append(env, out, &count, FromNumber(env, family->flags))) {
    return NULL;
  }
  return out;
}

static napi_value FromCollection(napi_env env, const percpud_collection* collection) {
  const size_t families = percpud_collection_size(collection);
  napi_value const out = NewArray(env, families);
  uint32_t count = 0;
  while (out != NULL && count < families) {
    if (!Append(env, out, &count, FromFamily(env, percpud_collection_family(collection, count)))) {
      return NULL;
    }
  }
  return out;
}

static void Free(napi_env env, Job* job) {
  if (job->work != NULL) napi_delete_async_work(env, job->work);
  percpud_collection_end(job->collection);
  percpud_free(job->text);
  free(job->family);
  DropClient(job->client);
  free(job);
}

static void Reject(napi_env env, Job* job) {
  napi_value error = NULL;
  bool is_thrown = false;
  if (napi_is_exception_pending(env, &is_thrown) == napi_ok && is_thrown) {
    napi_get_and_clear_last_exception(env, &error);
  } else {
    napi_value const text =
        FromChars(env, job->reason[0] != '\0' ? job->reason : "memory is short");
    if (text == NULL || napi_create_error(env, NULL, text, &error) != napi_ok) return;
  }
  napi_reject_deferred(env, job->deferred, error);
}

// On the environment's own thread again.
static void Complete(napi_env env, napi_status status, void* data) {
  Job* const job = data;
  napi_value out = NULL;
  if (status == napi_ok) {
    if (job->collection != NULL) {
      out = FromCollection(env, job->collection);
    } else if (job->text != NULL) {
      out = FromText(env, (percpud_text){.text = job->text, .bytes = job->bytes});
    }
  }
  if (out != NULL) {
    napi_resolve_deferred(env, job->deferred, out);
  } else {
    Reject(env, job);
  }
  Free(env, job);
}

// Starts what the job says; returns a promise.
static napi_value Start(napi_env env, Job* job) {
  napi_value promise = NULL;
  napi_value const name = FromChars(env, "percpud");
  if (name == NULL ||
      !Ok(env, napi_create_async_work(env, NULL, name, Execute, Complete, job, &job->work)) ||
      !Ok(env, napi_create_promise(env, &job->deferred, &promise)) ||
      !Ok(env, napi_queue_async_work(env, job->work))) {
    Free(env, job);
    return NULL;
  }
  return promise;
}

static Job* NewJob(napi_env env, napi_value client, napi_value milliseconds) {
  void* of = NULL;
  int32_t wait = 0;
  if (!ToPointer(env, client, &of) || !ToInt(env, milliseconds, &wait)) return NULL;
  Job* const job = calloc(1, sizeof(Job));
  if (job == NULL) {
    napi_throw_error(env, NULL, "memory is short");
    return NULL;
  }
  KeepClient(of);
  job->client = of;
  job->milliseconds = wait;
  return job;
}

// collect(client, family or undefined, milliseconds)
static napi_value Collect(napi_env env, napi_callback_info info) {
  napi_value args[3];
  char* family = NULL;
  if (!Arguments(env, info, 3, args) || !TakeOptionalText(env, args[1], &family)) return NULL;
  Job* const job = NewJob(env, args[0], args[2]);
  if (job == NULL) {
    free(family);
    return NULL;
  }
  job->family = family;
  return Start(env, job);
}

// render(client, format, milliseconds)
static napi_value Render(napi_env env, napi_callback_info info) {
  napi_value args[3];
  int32_t format = 0;
  if (!Arguments(env, info, 3, args) || !ToInt(env, args[1], &format)) return NULL;
  Job* const job = NewJob(env, args[0], args[2]);
  if (job == NULL) return NULL;
  job->format = format;
  return Start(env, job);
}

bool AddCollect(napi_env env, napi_value exports) {
  static const Function functions[] = {{"collect", Collect}, {"render", Render}};
  return AddFunctions(env, exports, functions, sizeof(functions) / sizeof(functions[0]));
}
