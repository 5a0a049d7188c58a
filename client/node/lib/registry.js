// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

'use strict';

const addon = require('./addon');
const additions = require('./additions');
const clients = require('./clients');
const { metricText } = require('./exposition');

const READ_MS = 1000;
const PROMETHEUS = 'text/plain; version=0.0.4; charset=utf-8';
const OPENMETRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
// Seconds after which `collect` functions are called in a process that nobody scrapes.
const COLLECT_SECONDS = 5;

/** The metrics that are shown together. What they show is of all processes. */
class Registry {
  static get PROMETHEUS_CONTENT_TYPE() {
    return PROMETHEUS;
  }

  static get OPENMETRICS_CONTENT_TYPE() {
    return OPENMETRICS;
  }

  constructor(contentType = PROMETHEUS) {
    if (contentType !== PROMETHEUS && contentType !== OPENMETRICS) {
      throw new TypeError(`Content type ${contentType} is unsupported`);
    }
    this._metrics = {};
    this._defaultLabels = {};
    this._contentType = contentType;
  }

  get contentType() {
    return this._contentType;
  }

  setContentType(contentType) {
    if (contentType !== PROMETHEUS && contentType !== OPENMETRICS) {
      throw new Error(`Content type ${contentType} is unsupported`);
    }
    this._contentType = contentType;
  }

  registerMetric(metric) {
    const known = this._metrics[metric.name];
    if (known && known !== metric) {
      throw new Error(`A metric with the name ${metric.name} has already been registered.`);
    }
    this._metrics[metric.name] = metric;
    if (metric.collect) collecting.add(this);
  }

  /** Returns what Prometheus scrapes. */
  async metrics() {
    return this.textOf(await describe(this.getMetricsAsArray()));
  }

  async getMetricsAsJSON() {
    const metrics = await describe(this.getMetricsAsArray());
    const defaults = Object.entries(this._defaultLabels);
    if (defaults.length === 0) return metrics;
    for (const metric of metrics) {
      metric.values = (metric.values || []).map((value) => {
        const labels = { ...value.labels };
        for (const [name, text] of defaults) labels[name] = labels[name] || text;
        return { ...value, labels };
      });
    }
    return metrics;
  }

  getMetricsAsArray() {
    return Object.values(this._metrics);
  }

  async getMetricsAsString(metric) {
    return this._text((await describe([metric]))[0]);
  }

  getSingleMetric(name) {
    return this._metrics[name];
  }

  getSingleMetricAsString(name) {
    return this.getMetricsAsString(this._metrics[name]);
  }

  removeSingleMetric(name) {
    const metric = this._metrics[name];
    delete this._metrics[name];
    if (metric !== undefined) leave(metric);
  }

  setDefaultLabels(labels) {
    this._defaultLabels = labels;
  }

  resetMetrics() {
    for (const metric of this.getMetricsAsArray()) metric.reset();
  }

  /** Forgets the metrics. Outside of a cluster's worker it also takes their series away. */
  clear() {
    const metrics = this.getMetricsAsArray();
    this._metrics = {};
    this._defaultLabels = {};
    collecting.delete(this);
    metrics.forEach(leave);
  }

  /** Returns a registry with the metrics of all of these. */
  static merge(registers) {
    const { contentType } = registers[0];
    if (registers.some((register) => register.contentType !== contentType)) {
      throw new Error('Registers can only be merged if they have the same content type');
    }
    const merged = new Registry(contentType);
    for (const register of registers) {
      for (const metric of register.getMetricsAsArray()) merged.registerMetric(metric);
    }
    return merged;
  }

  /** Returns metrics that are described as JSON in this registry's format. */
  textOf(metrics) {
    const texts = metrics.map((metric) => this._text(metric));
    if (this._contentType === OPENMETRICS) return `${texts.join('\n')}\n# EOF\n`;
    return `${texts.join('\n\n')}\n`;
  }

  _text(metric) {
    const hasDefaults = Object.keys(this._defaultLabels).length > 0;
    const defaults = hasDefaults ? this._defaultLabels : undefined;
    return metricText(metric, defaults, this._contentType === OPENMETRICS);
  }
}

function isOurs(metric) {
  return typeof metric.described === 'function';
}

/** Describes metrics as JSON. Each namespace is read once, after all of them have
 * collected. */
async function describe(metrics) {
  const ours = metrics.filter(isOurs);
  const others = new Map();
  await Promise.all(metrics.map(async (metric) => {
    if (isOurs(metric)) {
      await metric.collected();
    } else {
      others.set(metric, await metric.get());
    }
  }));
  additions.flush();
  const read = new Map();
  for (const client of new Set(ours.map((metric) => metric._client))) {
    // One family is cheaper to find than all are.
    const only = metrics.length === 1 ? metrics[0].name : undefined;
    read.set(client, await addon.collect(client.handle, only, READ_MS));
  }
  return metrics.map((metric) => others.get(metric) || metric.described(read.get(metric._client)));
}

function isClusterWorker() {
  return process.env.NODE_UNIQUE_ID !== undefined || require('cluster').isWorker;
}

/** What has become of a metric that a registry has no more. A worker that is recycled takes
 * nothing away from the others. */
function leave(metric) {
  if (isOurs(metric) && !isClusterWorker()) metric.removeAll();
}

const collecting = new Set();
const failing = new WeakSet();
let seconds = 0;

async function collectOne(metric) {
  try {
    await metric.collected();
  } catch (error) {
    if (!failing.has(metric)) process.emitWarning(`${metric.name}: ${error}`, 'PercpudWarning');
    failing.add(metric);
  }
}

/** Has values that functions collect refreshed, which other processes show as well. */
function collectSometimes() {
  seconds += 1;
  if (seconds % COLLECT_SECONDS !== 0) return;
  for (const register of collecting) {
    for (const metric of register.getMetricsAsArray()) {
      if (isOurs(metric) && metric.collect) collectOne(metric);
    }
  }
}

clients.everySecond(collectSometimes);

module.exports = { Registry, globalRegistry: new Registry() };
