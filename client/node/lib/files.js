// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

'use strict';

const fs = require('fs');

/** Returns what a file of the kernel says; an empty text if it is not there. */
function textOf(path) {
  try {
    return fs.readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

module.exports = { textOf };
