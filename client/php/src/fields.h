// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The fields of what promphp's metrics give to a storage: $data['name'] and so on.

#ifndef PERCPUD_CLIENT_PHP_SRC_FIELDS_H_
#define PERCPUD_CLIENT_PHP_SRC_FIELDS_H_

#include "client/php/src/module.h"

typedef enum {
  kName,
  kHelp,
  kLabelNames,
  kLabelValues,
  kValue,
  kCommand,
  kBuckets,
  kFields,
} Field;

// Makes the names of the fields, once for all processes.
void InternFields(void);

// Returns the field's value; NULL if it is not there.
zval* FindField(const HashTable* data, Field field);

// The same for an array. NULL with an exception set if it is another thing.
HashTable* FindArray(const HashTable* data, Field field);

// The same for a number; 0 if it is not there.
double FindNumber(const HashTable* data, Field field);

#endif  // PERCPUD_CLIENT_PHP_SRC_FIELDS_H_
