// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What the addon's files share. The addon is the C library as functions; what JavaScript
// sees of it is made in lib/. It speaks Node-API alone, so that one build serves every
// version of Node.

#ifndef PERCPUD_CLIENT_NODE_SRC_MODULE_H_
#define PERCPUD_CLIENT_NODE_SRC_MODULE_H_

#ifndef NAPI_VERSION
#define NAPI_VERSION 6
#endif
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// It is included as programs include it that find it installed.
#include <percpud.h>

// Throws what Node-API has to say for `status`, if that is a failure and nothing is thrown
// yet. Returns whether all is well.
bool Ok(napi_env env, napi_status status);

// Takes a function's arguments; those that are missing are undefined. Returns false with an
// exception thrown.
bool Arguments(napi_env env, napi_callback_info info, size_t count, napi_value* out);

// Each takes a value of that kind, and returns false with an exception thrown.
bool ToInt(napi_env env, napi_value value, int32_t* out);
bool ToDouble(napi_env env, napi_value value, double* out);
bool ToPointer(napi_env env, napi_value value, void** out);

bool IsMissing(napi_env env, napi_value value);

// Adds functions to the addon.
typedef struct {
  const char* name;
  napi_callback call;
} Function;
bool AddFunctions(napi_env env, napi_value exports, const Function* functions, size_t count);

napi_value FromNumber(napi_env env, double number);
napi_value FromPointer(napi_env env, void* pointer);

#endif  // PERCPUD_CLIENT_NODE_SRC_MODULE_H_
