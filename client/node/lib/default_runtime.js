// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

'use strict';

// What Node knows of itself: its event loop, what keeps it alive, its collections of
// garbage, its version.

const perf = require('perf_hooks');

const { Gauge } = require('./gauge');
const { Histogram } = require('./histogram');
const { since } = require('./timing');

const GC_BUCKETS = [0.001, 0.01, 0.1, 1, 2, 5];
const PRECISION_MS = 10;
const DELAYS = {
  min: ['The minimum recorded event loop delay.', 'min', (delays) => delays.min],
  max: ['The maximum recorded event loop delay.', 'max', (delays) => delays.max],
  mean: ['The mean of the recorded event loop delays.', 'average', (delays) => delays.mean],
  stddev: ['The standard deviation of the recorded event loop delays.', 'average',
    (delays) => delays.stddev],
  p50: ['The 50th percentile of the recorded event loop delays.', 'average',
    (delays) => delays.percentile(50)],
  p90: ['The 90th percentile of the recorded event loop delays.', 'average',
    (delays) => delays.percentile(90)],
  p99: ['The 99th percentile of the recorded event loop delays.', 'average',
    (delays) => delays.percentile(99)],
};

function eventLoopLag(plan) {
  const resolution = plan.options.eventLoopMonitoringPrecision || PRECISION_MS;
  const delays = perf.monitorEventLoopDelay({ resolution });
  delays.enable();
  const gauges = [];
  plan.make(Gauge, 'nodejs_eventloop_lag_seconds', 'Lag of event loop in seconds.', {
    aggregator: 'average',
    collect() {
      const elapsed = since();
      setImmediate(() => this.set(plan.labels, elapsed()));
      for (const [gauge, read] of gauges) gauge.set(plan.labels, read(delays) / 1e9);
      delays.reset();
    },
  });
  for (const [name, [help, aggregator, read]] of Object.entries(DELAYS)) {
    const gauge = plan.make(Gauge, `nodejs_eventloop_lag_${name}_seconds`, help, { aggregator });
    gauges.push([gauge, read]);
  }
}

/** Makes a pair of gauges: one by type, and their total. `list` returns the types of what
 * there is. */
function byType(plan, name, help, totalHelp, list) {
  plan.make(Gauge, name, help, {
    names: ['type'],
    collect() {
      const counts = new Map();
      for (const type of list()) counts.set(type, (counts.get(type) || 0) + 1);
      this.reset();
      for (const [type, count] of counts) this.set({ type, ...plan.labels }, count);
    },
  });
  plan.make(Gauge, `${name}_total`, totalHelp, {
    collect() {
      this.set(plan.labels, list().length);
    },
  });
}

const nameOf = (object) => (object && object.constructor ? object.constructor.name : 'Object');

function processResources(plan) {
  if (typeof process.getActiveResourcesInfo !== 'function') return;
  byType(plan, 'nodejs_active_resources',
    'Number of active resources that are currently keeping the event loop alive, grouped by ' +
      'async resource type.',
    'Total number of active resources.', () => process.getActiveResourcesInfo());
}

function processHandles(plan) {
  if (typeof process._getActiveHandles !== 'function') return;
  byType(plan, 'nodejs_active_handles',
    'Number of active libuv handles grouped by handle type. Every handle type is C++ class name.',
    'Total number of active handles.', () => process._getActiveHandles().map(nameOf));
}

function processRequests(plan) {
  if (typeof process._getActiveRequests !== 'function') return;
  byType(plan, 'nodejs_active_requests',
    'Number of active libuv requests grouped by request type. Every request type is C++ class ' +
      'name.',
    'Total number of active requests.', () => process._getActiveRequests().map(nameOf));
}

function gc(plan) {
  const { NODE_PERFORMANCE_GC_MAJOR, NODE_PERFORMANCE_GC_MINOR, NODE_PERFORMANCE_GC_INCREMENTAL,
    NODE_PERFORMANCE_GC_WEAKCB } = perf.constants;
  const kinds = {
    [NODE_PERFORMANCE_GC_MAJOR]: 'major',
    [NODE_PERFORMANCE_GC_MINOR]: 'minor',
    [NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental',
    [NODE_PERFORMANCE_GC_WEAKCB]: 'weakcb',
  };
  const seconds = plan.make(Histogram, 'nodejs_gc_duration_seconds',
    'Garbage collection duration by kind, one of major, minor, incremental or weakcb.', {
      names: ['kind'],
      buckets: plan.options.gcDurationBuckets || GC_BUCKETS,
    });
  const observer = new perf.PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const kind = kinds[entry.detail ? entry.detail.kind : entry.kind];
      seconds.observe({ kind, ...plan.labels }, entry.duration / 1000);
    }
  });
  observer.observe({ entryTypes: ['gc'] });
}

function version(plan) {
  const [major, minor, patch] = process.version.slice(1).split('.').map(Number);
  plan.make(Gauge, 'nodejs_version_info', 'Node.js version info.', {
    names: ['version', 'major', 'minor', 'patch'],
    aggregator: 'first',
    collect() {
      this.set({ version: process.version, major, minor, patch, ...plan.labels }, 1);
    },
  });
}

module.exports = {
  eventLoopLag,
  gc,
  processHandles,
  processRequests,
  processResources,
  version,
};
