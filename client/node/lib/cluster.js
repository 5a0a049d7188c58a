// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

'use strict';

// prom-client's registry for the primary of a cluster. Nothing is asked of the workers:
// what they have counted is in shared memory.

const addon = require('./addon');
const additions = require('./additions');
const clients = require('./clients');
const { aggregate, aggregators, nameOf } = require('./aggregators');
const { NEVER } = require('./gauge');
const { Registry } = require('./registry');

const READ_MS = 1000;
const TYPES = {
  [addon.COUNTER]: 'counter',
  [addon.GAUGE]: 'gauge',
  [addon.HISTOGRAM]: 'histogram',
  [addon.SUMMARY]: 'summary',
};

function labelsOf(names, texts) {
  const labels = {};
  names.forEach((name, i) => {
    if (texts[i] !== '') labels[name] = texts[i];
  });
  return labels;
}

function gaugeSamples(labels, writers, aggregator, isLabelled) {
  const values = [];
  for (let i = 0; i < writers.length; i += 3) {
    if (!isLabelled || writers[i + 2] !== NEVER) values.push(writers[i + 1]);
  }
  return values.length === 0 ? [] : [{ labels, value: aggregate(aggregator, values) }];
}

function distributionSamples(name, labels, row, bounds, type) {
  const [, sum, count, upTo] = row;
  const bucket = (le, value) => ({ metricName: `${name}_bucket`, labels: { le, ...labels }, value });
  const buckets = type === 'histogram'
    ? [...bounds.map((bound, i) => bucket(bound, upTo[i])), bucket('+Inf', count)] : [];
  return [...buckets, { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count }];
}

/** Describes a family as JSON, which this process need not have a metric of. */
function describe([name, kind, names, bounds, series, help, fold, flags]) {
  const type = TYPES[kind];
  const aggregator = type === 'gauge' ? nameOf(fold, flags) : 'sum';
  const values = series.flatMap((row) => {
    const labels = labelsOf(names, row[0]);
    if (type === 'counter') return [{ labels, value: row[1] }];
    if (type === 'gauge') return gaugeSamples(labels, row[3], aggregator, names.length > 0);
    return distributionSamples(name, labels, row, bounds, type);
  });
  return { name, help, type, values, aggregator };
}

/** A registry that shows everything in the namespace, whichever process has made it. */
class AggregatorRegistry extends Registry {
  /** Returns the metrics of all processes. */
  async clusterMetrics() {
    additions.flush();
    const families = await addon.collect(clients.current().handle, undefined, READ_MS);
    const shown = families.filter(([, kind, , , , , fold, flags]) =>
      TYPES[kind] !== 'gauge' || nameOf(fold, flags) !== 'omit');
    return this.textOf(shown.map(describe));
  }

  /** Returns a registry of metrics as JSON that are merged by their aggregators. The metrics
   * of one process are those of all here: there is nothing to merge. */
  static aggregate(metricsArr, contentType = Registry.PROMETHEUS_CONTENT_TYPE) {
    const groups = new Map();
    for (const metric of metricsArr.flat()) {
      if (!groups.has(metric.name)) groups.set(metric.name, []);
      groups.get(metric.name).push(metric);
    }
    const merged = new Registry(contentType);
    for (const group of groups.values()) {
      const by = aggregators[group[0].aggregator];
      if (typeof by !== 'function') {
        throw new Error(`'${group[0].aggregator}' is not a defined aggregator.`);
      }
      const metric = by(group);
      if (metric) merged.registerMetric({ get: () => metric, ...metric });
    }
    return merged;
  }

  /** Checks its arguments. Every registry of a namespace is in its metrics. */
  static setRegistries(registries) {
    for (const each of [registries].flat()) {
      if (!(each instanceof Registry)) throw new TypeError(`Expected Registry, got ${typeof each}`);
    }
  }
}

module.exports = { AggregatorRegistry };
