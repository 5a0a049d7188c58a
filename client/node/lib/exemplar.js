// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

'use strict';

const MOST_CHARACTERS = 128;

/** An example of what was counted. This process shows it; others do not see it. */
class Exemplar {
  constructor(labelSet, value) {
    const size = Object.entries(labelSet).reduce(
      (sum, [name, text]) => sum + name.length + String(text).length, 0);
    if (size > MOST_CHARACTERS) {
      throw new RangeError('Label set size must be smaller than 128 UTF-8 chars');
    }
    this.labelSet = labelSet;
    this.value = value;
    this.timestamp = Date.now() / 1000;
  }
}

module.exports = { Exemplar };
