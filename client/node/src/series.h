// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Families and series. A series' updates are functions of their own, which need look
// nothing up.

#ifndef PERCPUD_CLIENT_NODE_SRC_SERIES_H_
#define PERCPUD_CLIENT_NODE_SRC_SERIES_H_

#include "module.h"

bool AddSeries(napi_env env, napi_value exports);

#endif  // PERCPUD_CLIENT_NODE_SRC_SERIES_H_
