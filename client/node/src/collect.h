// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What a namespace shows. It is read on a thread of Node's pool: the event loop goes on
// while the daemon is asked.

#ifndef PERCPUD_CLIENT_NODE_SRC_COLLECT_H_
#define PERCPUD_CLIENT_NODE_SRC_COLLECT_H_

#include "module.h"

bool AddCollect(napi_env env, napi_value exports);

#endif  // PERCPUD_CLIENT_NODE_SRC_COLLECT_H_
