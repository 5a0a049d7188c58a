// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "module.h"

#include "client.h"
#include "collect.h"
#include "series.h"
#include "texts.h"

bool Ok(napi_env env, napi_status status) {
  if (status == napi_ok) return true;
  bool is_thrown = false;
  napi_is_exception_pending(env, &is_thrown);
  if (is_thrown) return false;
  const napi_extended_error_info* info = NULL;
  const bool has_words = napi_get_last_error_info(env, &info) == napi_ok &&
                         info->error_code == status && info->error_message != NULL;
  napi_throw_error(env, NULL, has_words ? info->error_message : "Node-API refuses");
  return false;
}

bool Arguments(napi_env env, napi_callback_info info, size_t count, napi_value* out) {
  return Ok(env, napi_get_cb_info(env, info, &count, out, NULL, NULL));
}

bool ToInt(napi_env env, napi_value value, int32_t* out) {
  return Ok(env, napi_get_value_int32(env, value, out));
}

bool ToDouble(napi_env env, napi_value value, double* out) {
  return Ok(env, napi_get_value_double(env, value, out));
}

bool ToPointer(napi_env env, napi_value value, void** out) {
  return Ok(env, napi_get_value_external(env, value, out));
}

bool IsMissing(napi_env env, napi_value value) {
  napi_valuetype type = napi_undefined;
  return napi_typeof(env, value, &type) != napi_ok || type == napi_undefined || type == napi_null;
}

bool AddFunctions(napi_env env, napi_value exports, const Function* functions, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    napi_value made = NULL;
    if (!Ok(env, napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].call,
                                      NULL, &made)) ||
        !Ok(env, napi_set_named_property(env, exports, functions[i].name, made))) {
      return false;
    }
  }
  return true;
}

napi_value FromNumber(napi_env env, double number) {
  napi_value out = NULL;
  return Ok(env, napi_create_double(env, number, &out)) ? out : NULL;
}

napi_value FromPointer(napi_env env, void* pointer) {
  napi_value out = NULL;
  return Ok(env, napi_create_external(env, pointer, NULL, NULL, &out)) ? out : NULL;
}

static bool AddConstants(napi_env env, napi_value exports) {
  static const struct {
    const char* name;
    int value;
  } constants[] = {
      {"COUNTER", PERCPUD_COUNTER},
      {"GAUGE", PERCPUD_GAUGE},
      {"HISTOGRAM", PERCPUD_HISTOGRAM},
      {"SUMMARY", PERCPUD_SUMMARY},
      {"FOLD_ALL", PERCPUD_FOLD_ALL},
      {"FOLD_MIN", PERCPUD_FOLD_MIN},
      {"FOLD_MAX", PERCPUD_FOLD_MAX},
      {"FOLD_SUM", PERCPUD_FOLD_SUM},
      {"FOLD_MOST_RECENT", PERCPUD_FOLD_MOST_RECENT},
      {"LIVE_ONLY", PERCPUD_LIVE_ONLY},
      {"TEXT", PERCPUD_TEXT},
      {"OPENMETRICS", PERCPUD_OPENMETRICS},
  };
  for (size_t i = 0; i < sizeof(constants) / sizeof(constants[0]); ++i) {
    napi_value const value = FromNumber(env, constants[i].value);
    if (value == NULL ||
        !Ok(env, napi_set_named_property(env, exports, constants[i].name, value))) {
      return false;
    }
  }
  napi_value const version = FromChars(env, percpud_version());
  return version != NULL && Ok(env, napi_set_named_property(env, exports, "version", version));
}

NAPI_MODULE_INIT() {
  const bool added = AddConstants(env, exports) && AddClient(env, exports) &&
                     AddSeries(env, exports) && AddCollect(env, exports);
  return added ? exports : NULL;
}
