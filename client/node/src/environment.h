// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What belongs to one environment of Node, which is a thread that has loaded the addon:
// the clients that it holds, and its name among those that set a gauge.

#ifndef PERCPUD_CLIENT_NODE_SRC_ENVIRONMENT_H_
#define PERCPUD_CLIENT_NODE_SRC_ENVIRONMENT_H_

#include "client.h"

// Makes it, to end with `env`. Returns false with an exception thrown.
bool MakeEnvironment(napi_env env);

// Holds a client, which the caller has kept, until the environment ends. Returns false
// with an exception thrown, and the client is dropped.
bool HoldClient(napi_env env, Client* client);

// Returns the environment's name as a writer. NULL is the process's.
const char* WriterOf(napi_env env);

#endif  // PERCPUD_CLIENT_NODE_SRC_ENVIRONMENT_H_
