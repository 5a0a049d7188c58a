// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

'use strict';

// What is refused, in prom-client's words.

const util = require('util');

const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

function isObject(value) {
  return typeof value === 'object' && value !== null;
}

function validateMetricName(name) {
  return METRIC_NAME.test(name);
}

function validateLabelName(names = []) {
  return names.every((name) => LABEL_NAME.test(name));
}

/** Refuses labels that the metric does not have. */
function checkLabels(names, labels) {
  for (const label in labels) {
    if (names.includes(label)) continue;
    const known = util.inspect(names);
    throw new Error(`Added label "${label}" is not included in initial labelset: ${known}`);
  }
}

/** Refuses another number of label values than there are labels. */
function checkCount(names, values) {
  if (names.length === values.length) return;
  throw new Error(
    `Invalid number of arguments (${values.length}): "${values.join(', ')}" ` +
      `for label names (${names.length}): "${names.join(', ')}".`,
  );
}

/** Refuses what is no finite number. */
function checkFinite(value) {
  if (Number.isFinite(value)) return;
  throw new TypeError(`Value is not a valid number: ${util.format(value)}`);
}

/** Refuses what is no number. `what` is Value or Delta. */
function checkNumber(value, what) {
  if (typeof value === 'number') return;
  throw new TypeError(`${what} is not a valid number: ${util.format(value)}`);
}

/** Refuses what a counter cannot be increased by; nothing is 1. */
function checkIncrease(value) {
  if (value === undefined || value === null) return 1;
  if (value) checkFinite(value);
  if (value < 0) throw new Error('It is not possible to decrease a counter');
  return Number(value);
}

module.exports = {
  checkCount,
  checkFinite,
  checkIncrease,
  checkLabels,
  checkNumber,
  isObject,
  validateLabelName,
  validateMetricName,
};
