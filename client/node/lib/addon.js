// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

'use strict';

// The C library as functions. It is compiled when the package is installed.

try {
  module.exports = require('../percpud.node');
} catch (error) {
  error.message = `percpud is not built for this system: npm rebuild percpud (${error.message})`;
  throw error;
}
