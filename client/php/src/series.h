// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Opens the series that promphp's metrics describe.

#ifndef PERCPUD_CLIENT_PHP_SRC_SERIES_H_
#define PERCPUD_CLIENT_PHP_SRC_SERIES_H_

#include "client/php/src/link.h"

// Opens the series of $data. Returns NULL if memory is short, or with an exception set if it
// describes none.
percpud_series* OpenSeries(Link* link, percpud_type type, const HashTable* data);

// Has the counter of $data begin at 0 again, for all processes.
void ResetSeries(Link* link, percpud_type type, const HashTable* data);

#endif  // PERCPUD_CLIENT_PHP_SRC_SERIES_H_
