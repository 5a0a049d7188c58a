// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "series.h"

#include <stdlib.h>

#include "environment.h"
#include "texts.h"

// Takes an array of numbers. NULL with an exception thrown.
static double* TakeDoubles(napi_env env, napi_value array, uint32_t* count) {
  if (!Ok(env, napi_get_array_length(env, array, count))) return NULL;
  double* const out = malloc((*count + (size_t)1) * sizeof(double));
  if (out == NULL) {
    napi_throw_error(env, NULL, "memory is short");
    return NULL;
  }
  for (uint32_t i = 0; i < *count; ++i) {
    napi_value element = NULL;
    if (!Ok(env, napi_get_element(env, array, i, &element)) || !ToDouble(env, element, &out[i])) {
      free(out);
      return NULL;
    }
  }
  return out;
}

// Opens the family that `options` and these describe.
static napi_value OpenFamily(napi_env env, napi_value client, napi_value names, napi_value bounds,
                             percpud_family_options* options) {
  void* of = NULL;
  Texts labels;
  if (!ToPointer(env, client, &of) || !TakeTexts(env, names, &labels)) return NULL;
  double* const doubles = TakeDoubles(env, bounds, &options->bound_count);
  napi_value out = NULL;
  if (doubles != NULL) {
    options->label_count = labels.count;
    options->label_names = labels.all;
    options->bounds = doubles;
    percpud_family* const family = percpud_family_open(HandleOf(of), options);
    if (family == NULL) {
      napi_throw_error(env, NULL, "no daemon takes such a metric, or memory is short");
    } else {
      out = FromPointer(env, family);
    }
  }
  free(doubles);
  DropTexts(&labels);
  return out;
}

// family(client, name, help, type, fold, flags, label names, bounds)
static napi_value MakeFamily(napi_env env, napi_callback_info info) {
  napi_value args[8];
  int32_t type = 0;
  int32_t fold = 0;
  int32_t flags = 0;
  if (!Arguments(env, info, 8, args) || !ToInt(env, args[3], &type) ||
      !ToInt(env, args[4], &fold) || !ToInt(env, args[5], &flags)) {
    return NULL;
  }
  char* const name = TakeText(env, args[1]);
  char* const help = name == NULL ? NULL : TakeText(env, args[2]);
  napi_value out = NULL;
  if (help != NULL) {
    percpud_family_options options = {.size = sizeof(options),
                                      .name = name,
                                      .help = help,
                                      .type = (percpud_type)type,
                                      .fold = (percpud_fold)fold,
                                      .flags = (uint32_t)flags};
    out = OpenFamily(env, args[0], args[6], args[7], &options);
  }
  free(name);
  free(help);
  return out;
}

// series(family, label values): of a gauge, this environment's.
static napi_value MakeSeries(napi_env env, napi_callback_info info) {
  napi_value args[2];
  void* family = NULL;
  Texts values;
  if (!Arguments(env, info, 2, args) || !ToPointer(env, args[0], &family) ||
      !TakeTexts(env, args[1], &values)) {
    return NULL;
  }
  percpud_series* const series = percpud_series_open_as(family, values.all, WriterOf(env));
  DropTexts(&values);
  if (series == NULL) {
    napi_throw_error(env, NULL, "memory is short");
    return NULL;
  }
  return FromPointer(env, series);
}

// Takes the one number that an update is called with, and what the update was made for.
static inline void* TakeUpdate(napi_env env, napi_callback_info info, double* amount) {
  napi_value arg = NULL;
  size_t count = 1;
  void* data = NULL;
  if (napi_get_cb_info(env, info, &count, &arg, NULL, &data) != napi_ok ||
      napi_get_value_double(env, arg, amount) != napi_ok) {
    napi_throw_type_error(env, NULL, "an update takes a number");
    return NULL;
  }
  return data;
}

static napi_value AddToNumber(napi_env env, napi_callback_info info) {
  double amount = 0;
  percpud_number* const number = TakeUpdate(env, info, &amount);
  if (number != NULL) percpud_number_add(number, amount);
  return NULL;
}

static napi_value AddToSeries(napi_env env, napi_callback_info info) {
  double amount = 0;
  percpud_series* const series = TakeUpdate(env, info, &amount);
  if (series != NULL) percpud_add(series, amount);
  return NULL;
}

static napi_value SetSeries(napi_env env, napi_callback_info info) {
  double value = 0;
  percpud_series* const series = TakeUpdate(env, info, &value);
  if (series != NULL) percpud_set(series, value);
  return NULL;
}

static napi_value Observe(napi_env env, napi_callback_info info) {
  double value = 0;
  percpud_histogram* const histogram = TakeUpdate(env, info, &value);
  if (histogram != NULL) percpud_histogram_observe(histogram, value);
  return NULL;
}

// Makes an update of a series.
static napi_value MakeUpdate(napi_env env, napi_callback call, void* data) {
  napi_value out = NULL;
  return Ok(env, napi_create_function(env, NULL, 0, call, data, &out)) ? out : NULL;
}

static percpud_series* SeriesArgument(napi_env env, napi_callback_info info) {
  napi_value args[1];
  void* series = NULL;
  if (!Arguments(env, info, 1, args) || !ToPointer(env, args[0], &series)) return NULL;
  return series;
}

// adder(series): a function that adds its argument to a counter or a gauge.
static napi_value MakeAdder(napi_env env, napi_callback_info info) {
  percpud_series* const series = SeriesArgument(env, info);
  if (series == NULL) return NULL;
  percpud_number* const number = percpud_series_number(series);
  return number != NULL ? MakeUpdate(env, AddToNumber, number)
                        : MakeUpdate(env, AddToSeries, series);
}

// setter(series): a function that sets a gauge to its argument.
static napi_value MakeSetter(napi_env env, napi_callback_info info) {
  percpud_series* const series = SeriesArgument(env, info);
  return series == NULL ? NULL : MakeUpdate(env, SetSeries, series);
}

// observer(series): a function that counts its argument into a histogram or a summary.
static napi_value MakeObserver(napi_env env, napi_callback_info info) {
  percpud_series* const series = SeriesArgument(env, info);
  if (series == NULL) return NULL;
  percpud_histogram* const histogram = percpud_series_histogram(series);
  return histogram == NULL ? NULL : MakeUpdate(env, Observe, histogram);
}

// setAt(series, value, timestamp)
static napi_value SetAt(napi_env env, napi_callback_info info) {
  napi_value args[3];
  void* series = NULL;
  double value = 0;
  double timestamp = 0;
  if (Arguments(env, info, 3, args) && ToPointer(env, args[0], &series) &&
      ToDouble(env, args[1], &value) && ToDouble(env, args[2], &timestamp)) {
    percpud_set_at(series, value, timestamp);
  }
  return NULL;
}

// shared(series): whether it counts in cells that all processes share.
static napi_value IsShared(napi_env env, napi_callback_info info) {
  percpud_series* const series = SeriesArgument(env, info);
  napi_value out = NULL;
  if (series == NULL) return NULL;
  return Ok(env, napi_get_boolean(env, percpud_series_is_shared(series) != 0, &out)) ? out : NULL;
}

// read(series): a number, which of a histogram or a summary is the sum.
static napi_value Read(napi_env env, napi_callback_info info) {
  percpud_series* const series = SeriesArgument(env, info);
  return series == NULL ? NULL : FromNumber(env, percpud_read_series(series).sum);
}

// count(series): how many observations.
static napi_value Count(napi_env env, napi_callback_info info) {
  percpud_series* const series = SeriesArgument(env, info);
  return series == NULL ? NULL : FromNumber(env, (double)percpud_read_series(series).count);
}

typedef int64_t (*TakeOne)(percpud_family*, const char* const*, int);
typedef int64_t (*TakeAll)(percpud_family*, int);

// (client, family, label values or undefined for all, milliseconds)
static napi_value TakeAway(napi_env env, napi_callback_info info, TakeOne one, TakeAll all) {
  napi_value args[4];
  void* client = NULL;
  void* family = NULL;
  int32_t milliseconds = 0;
  if (!Arguments(env, info, 4, args) || !ToPointer(env, args[0], &client) ||
      !ToPointer(env, args[1], &family) || !ToInt(env, args[3], &milliseconds)) {
    return NULL;
  }
  int64_t taken = 0;
  if (IsMissing(env, args[2])) {
    taken = all(family, milliseconds);
  } else {
    Texts values;
    if (!TakeTexts(env, args[2], &values)) return NULL;
    taken = one(family, values.all, milliseconds);
    DropTexts(&values);
  }
  return taken < 0 ? ThrowReason(env, client) : FromNumber(env, (double)taken);
}

static napi_value Remove(napi_env env, napi_callback_info info) {
  return TakeAway(env, info, &percpud_remove, &percpud_remove_all);
}

static napi_value ResetSeries(napi_env env, napi_callback_info info) {
  return TakeAway(env, info, &percpud_reset, &percpud_reset_all);
}

bool AddSeries(napi_env env, napi_value exports) {
  static const Function functions[] = {
      {"family", MakeFamily},
      {"series", MakeSeries},
      {"adder", MakeAdder},
      {"setter", MakeSetter},
      {"observer", MakeObserver},
      {"setAt", SetAt},
      {"shared", IsShared},
      {"read", Read},
      {"count", Count},
      {"removeSeries", Remove},
      {"resetSeries", ResetSeries},
  };
  return AddFunctions(env, exports, functions, sizeof(functions) / sizeof(functions[0]));
}
