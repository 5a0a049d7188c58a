// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

'use strict';

/** Begins to measure; returns a function that returns the seconds since then. */
function since() {
  const begun = process.hrtime();
  return () => {
    const [seconds, nanoseconds] = process.hrtime(begun);
    return seconds + nanoseconds / 1e9;
  };
}

module.exports = { since };
