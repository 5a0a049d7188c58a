// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_CATALOG_READER_H_
#define PERCPUD_SERVER_CATALOG_READER_H_

#include <lmdb.h>

#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/catalog/codec.h"
#include "server/catalog/records.h"

namespace percpud::catalog {

// The name of a table in the environment, and how it is opened.
const char* TableName(Table table);
unsigned TableFlags(Table table);

// Reads every record of an open environment. Errors: DATA_LOSS naming the table,
// FAILED_PRECONDITION for another format, NOT_FOUND if nothing was ever entered.
absl::StatusOr<Contents> ReadAll(MDB_env* env, const OnArea& on_area);

}  // namespace percpud::catalog

#endif  // PERCPUD_SERVER_CATALOG_READER_H_
