// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

'use strict';

// Metrics of the process itself, under prom-client's names. Counters are sums of all
// processes, those that have died included; gauges are of those that live.

const { isObject } = require('./checks');
const memory = require('./default_memory');
const runtime = require('./default_runtime');
const system = require('./default_system');

const metrics = { ...system, ...memory, ...runtime };

/** What the metrics of one call of collectDefaultMetrics have in common. */
class Plan {
  constructor({ register, prefix = '', labels = {}, ...options }) {
    this.labels = labels;
    this.options = options;
    this._prefix = prefix;
    this._register = register;
  }

  /** Makes a metric. `names` are labels beside the ones that all have. */
  make(Type, name, help, { names = [], ...more } = {}) {
    return new Type({
      name: this._prefix + name,
      help,
      labelNames: [...names, ...Object.keys(this.labels)],
      registers: this._register ? [this._register] : undefined,
      ...more,
    });
  }
}

function collectDefaultMetrics(config) {
  if (config !== undefined && config !== null && !isObject(config)) {
    throw new TypeError('config must be null, undefined, or an object');
  }
  const plan = new Plan({ ...config });
  for (const begin of Object.values(metrics)) begin(plan);
}

collectDefaultMetrics.metricsList = Object.keys(metrics);

module.exports = { collectDefaultMetrics };
