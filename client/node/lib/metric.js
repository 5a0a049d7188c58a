// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

'use strict';

// What counters, gauges, histograms and summaries have in common: their options, their
// series, and how they are read. A metric shows what all processes of its namespace have
// counted.

const addon = require('./addon');
const additions = require('./additions');
const clients = require('./clients');
const { isObject, validateLabelName, validateMetricName } = require('./checks');
const { Children, keyOf } = require('./children');
const { Registry, globalRegistry } = require('./registry');

// How long a scrape, and how long a removal, waits for the daemon's answer.
const READ_MS = 1000;
const REMOVE_MS = 1000;
const TYPES = {
  counter: addon.COUNTER,
  gauge: addon.GAUGE,
  histogram: addon.HISTOGRAM,
  summary: addon.SUMMARY,
};

function checkOptions(metric) {
  if (!metric.help) throw new Error('Missing mandatory help parameter');
  if (!metric.name) throw new Error('Missing mandatory name parameter');
  if (!validateMetricName(metric.name)) throw new Error('Invalid metric name');
  if (!validateLabelName(metric.labelNames)) throw new Error('Invalid label name');
  if (metric.collect && typeof metric.collect !== 'function') {
    throw new Error('Optional "collect" parameter must be a function');
  }
}

function isSameList(one, other) {
  return one.length === other.length && one.every((each, i) => each === other[i]);
}

/** What `child` of a class that extends Child is made of. */
class Metric {
  constructor(type, config, defaults = {}) {
    if (!isObject(config)) throw new TypeError('constructor expected a config object');
    const standard = { labelNames: [], aggregator: 'sum', enableExemplars: false };
    Object.assign(this, standard, defaults, config);
    this.type = type;
    this.labelNames = this.labelNames || [];
    this.registers = this.registers || [globalRegistry];
    checkOptions(this);
    this.checkMore();
    this._register();
    this._opened = new Map();
    this._children = new Children(this.labelNames, (...what) => this.makeChild(...what));
    this._openFamily();
    if (this.labelNames.length === 0) this._children.own().open();
  }

  /** Refuses what this type of metric cannot be. */
  checkMore() {}

  /** Returns the upper bounds of its buckets, as the C library takes them. */
  bounds() {
    return [];
  }

  /** Returns the fold and the flags of its family: how values of many processes are one. */
  fold() {
    return [0, 0];
  }

  labels(...values) {
    return this._children.byArguments(values);
  }

  /** Takes a series away, for all processes. It begins at 0 when it is updated again. */
  remove(...values) {
    const child = this._children.byArguments(values);
    this._takeAway('removeSeries', child.texts);
    this._forget(child);
  }

  /** Takes all series away, for all processes. */
  removeAll() {
    this._takeAway('removeSeries', undefined);
    this._forgetAll();
  }

  async get() {
    await this.collected();
    additions.flush();
    return this.described(await addon.collect(this._client.handle, this.name, READ_MS));
  }

  /** Has the application's function refresh the values of this process. */
  async collected() {
    if (this.collect) await this.collect();
  }

  /** Returns the metric as JSON, of what the C library has read. */
  described(families) {
    const { name, help, type, aggregator } = this;
    return { name, help, type, values: this._values(this._familyIn(families)), aggregator };
  }

  _register() {
    const { PROMETHEUS_CONTENT_TYPE } = Registry;
    for (const register of this.registers) {
      if (this.enableExemplars && register.contentType === PROMETHEUS_CONTENT_TYPE) {
        throw new TypeError('Exemplars are supported only on OpenMetrics registries');
      }
      register.registerMetric(this);
    }
  }

  _openFamily() {
    const [fold, flags] = this.fold();
    this._sorted = [...this.labelNames].sort();
    this._bounds = this.bounds();
    this._client = clients.current();
    this._family = addon.family(this._client.handle, this.name, String(this.help),
      TYPES[this.type], fold, flags, this._sorted, this._bounds);
  }

  /** Finds what was read of this metric. A family of the name and another shape is another
   * application's, and this one counts in its process. */
  _familyIn(families) {
    return families.find(([name, type, labels, bounds]) => name === this.name &&
      type === TYPES[this.type] && isSameList(labels, this._sorted) &&
      isSameList(bounds, this._bounds));
  }

  /** Returns the samples of all series: first those in shared memory, and then those that
   * are only here yet. */
  _values(family) {
    const out = [];
    const seen = new Set();
    for (const row of family === undefined ? [] : family[4]) {
      const key = keyOf(row[0]);
      seen.add(key);
      this.appendSamples(out, this._children.labelsOf(row[0]), row, this._opened.get(key));
    }
    for (const child of this._opened.values()) {
      if (seen.has(child.key) || child.isShared) continue;
      this.appendSamples(out, child.labels, child.localRow(), child);
    }
    return out;
  }

  /** Removes or resets series for all processes. The application goes on if the daemon
   * cannot. */
  _takeAway(how, texts) {
    try {
      addon[how](this._client.handle, this._family, texts, REMOVE_MS);
    } catch (error) {
      // That there is no daemon is said elsewhere.
      if (this._hasSaid || !addon.attached(this._client.handle)) return;
      this._hasSaid = true;
      process.emitWarning(`${this.name}: ${error.message}`, 'PercpudWarning');
    }
  }

  _forget(child) {
    child.close();
    this._opened.delete(child.key);
    this._children.delete(child.key);
  }

  _forgetAll() {
    for (const child of this._opened.values()) child.close();
    this._opened.clear();
    this._children.clear();
  }
}

module.exports = { Metric };
