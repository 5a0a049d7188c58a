// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// percpud_family for Ruby. It opens series, and takes them away.

#ifndef PERCPUD_CLIENT_RUBY_EXT_PERCPUD_FAMILY_H_
#define PERCPUD_CLIENT_RUBY_EXT_PERCPUD_FAMILY_H_

#include "client.h"

typedef struct {
  // Its Client, as Ruby has it, and the same as C has it.
  VALUE owner;
  Client* client;
  percpud_family* handle;
  percpud_type type;
  uint32_t labels;
  // Buckets of a histogram, the one without a bound too; 1 for a summary; else 0.
  uint32_t buckets;
} Family;

// Raises TypeError for other objects.
Family* FamilyOf(VALUE family);

// Opens the series with these label values, an array of strings, and waits for the daemon
// without Ruby's lock. `writer` is a string, or nil: the process itself.
percpud_series* OpenSeries(const Family* family, VALUE values, VALUE writer);

#endif  // PERCPUD_CLIENT_RUBY_EXT_PERCPUD_FAMILY_H_
