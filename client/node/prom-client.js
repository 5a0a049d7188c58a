// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

'use strict';

// prom-client's interface, counting in percpud. The README says what differs.

const { aggregators } = require('./lib/aggregators');
const { exponentialBuckets, linearBuckets } = require('./lib/buckets');
const { validateMetricName } = require('./lib/checks');
const { AggregatorRegistry } = require('./lib/cluster');
const { Counter } = require('./lib/counter');
const { collectDefaultMetrics } = require('./lib/default_metrics');
const { Gauge } = require('./lib/gauge');
const { Histogram } = require('./lib/histogram');
const { Registry, globalRegistry } = require('./lib/registry');
const { Summary } = require('./lib/summary');

module.exports = {
  AggregatorRegistry,
  Counter,
  Gauge,
  Histogram,
  Registry,
  Summary,
  aggregators,
  collectDefaultMetrics,
  exponentialBuckets,
  linearBuckets,
  openMetricsContentType: Registry.OPENMETRICS_CONTENT_TYPE,
  prometheusContentType: Registry.PROMETHEUS_CONTENT_TYPE,
  register: globalRegistry,
  validateMetricName,
};

Object.defineProperty(module.exports, 'contentType', {
  enumerable: true,
  get: () => globalRegistry.contentType,
  set: (contentType) => globalRegistry.setContentType(contentType),
});
