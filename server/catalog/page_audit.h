// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_CATALOG_PAGE_AUDIT_H_
#define PERCPUD_SERVER_CATALOG_PAGE_AUDIT_H_

#include <lmdb.h>

#include "absl/status/status.h"

namespace percpud::catalog {

// Walks every page of the last commit, below what LMDB's functions show: each page is part
// of one tree or free, and never both; a page that is wrong about that would be handed out
// and written over. For a process of its own: a damaged file may fault.
// Errors: DATA_LOSS, naming the page; OsRefused. REQUIRES: the environment is open, and nobody
// writes.
absl::Status AuditPages(MDB_env* env);

}  // namespace percpud::catalog

#endif  // PERCPUD_SERVER_CATALOG_PAGE_AUDIT_H_
