// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

'use strict';

// How values of many processes become one.

const addon = require('./addon');

const sum = (values) => values.reduce((total, value) => total + value, 0);
const BY_NAME = {
  sum,
  first: (values) => values[0],
  average: (values) => sum(values) / values.length,
  min: (values) => values.reduce((least, value) => Math.min(least, value), Infinity),
  max: (values) => values.reduce((most, value) => Math.max(most, value), -Infinity),
};

/** Returns the aggregate of the values of a gauge, which are at least one. */
function aggregate(name, values) {
  const by = BY_NAME[name];
  if (by === undefined) throw new Error(`'${name}' is not a defined aggregator.`);
  return by(values);
}

// What the exporter shows, which knows no averages, and how other processes recognise the
// aggregator: each value by itself is an average, and one that stays after its process is
// what is omitted.
const FOLDS = {
  sum: [addon.FOLD_SUM, addon.LIVE_ONLY],
  min: [addon.FOLD_MIN, addon.LIVE_ONLY],
  max: [addon.FOLD_MAX, addon.LIVE_ONLY],
  first: [addon.FOLD_MOST_RECENT, addon.LIVE_ONLY],
  average: [addon.FOLD_ALL, addon.LIVE_ONLY],
  omit: [addon.FOLD_ALL, 0],
};

/** Returns the fold and the flags of a gauge with this aggregator. */
function foldOf(name) {
  return FOLDS[name] || FOLDS.average;
}

/** Returns the name of the aggregator that has this fold and these flags. */
function nameOf(fold, flags) {
  const live = flags & addon.LIVE_ONLY;
  const found = Object.entries(FOLDS).find(([, each]) => each[0] === fold && each[1] === live);
  return found === undefined ? 'sum' : found[0];
}

/** prom-client's form: takes metrics as JSON, and returns one. */
function AggregatorFactory(by) {
  return (metrics) => {
    if (metrics.length === 0) return undefined;
    const { help, name, type, aggregator } = metrics[0];
    const groups = new Map();
    for (const value of metrics.flatMap((metric) => metric.values)) {
      const labels = Object.entries(value.labels).sort(([one], [other]) => (one < other ? -1 : 1));
      const key = JSON.stringify([value.metricName, labels]);
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(value);
    }
    const values = [...groups.values()].map((group) => {
      const made = { value: by(group), labels: group[0].labels };
      if (group[0].metricName) made.metricName = group[0].metricName;
      return made;
    });
    return { help, name, type, values, aggregator };
  };
}

const aggregators = { omit: () => undefined };
for (const [name, by] of Object.entries(BY_NAME)) {
  aggregators[name] = AggregatorFactory((group) => by(group.map((each) => each.value)));
}

module.exports = { AggregatorFactory, aggregate, aggregators, foldOf, nameOf };
