// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The process's clients: one for each namespace, which all its threads share. Each thread
// that loads the addon is an environment of Node, and a writer of its own, so that what
// it sets a gauge to goes when it ends.

#ifndef PERCPUD_CLIENT_NODE_SRC_CLIENT_H_
#define PERCPUD_CLIENT_NODE_SRC_CLIENT_H_

#include "module.h"

typedef struct Client Client;

percpud_client* HandleOf(Client* client);

// Keep a client open meanwhile. KeepClient is for who has it already.
void KeepClient(Client* client);
void DropClient(Client* client);

// Throws an error with the library's reason, and returns NULL.
napi_value ThrowReason(napi_env env, Client* client);

bool AddClient(napi_env env, napi_value exports);

#endif  // PERCPUD_CLIENT_NODE_SRC_CLIENT_H_
