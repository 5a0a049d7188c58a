// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

'use strict';

// The metrics of the process itself.

const assert = require('assert');
const { after, before, beforeEach, describe, it } = require('node:test');

const rig = require('./rig');
const client = require('percpud/prom-client');

const { collectDefaultMetrics, register } = client;
const NAMES = [
  'process_cpu_user_seconds_total', 'process_cpu_system_seconds_total', 'process_cpu_seconds_total',
  'process_start_time_seconds', 'process_resident_memory_bytes', 'process_virtual_memory_bytes',
  'process_heap_bytes', 'process_open_fds', 'process_max_fds', 'nodejs_eventloop_lag_seconds',
  'nodejs_eventloop_lag_min_seconds', 'nodejs_eventloop_lag_max_seconds',
  'nodejs_eventloop_lag_mean_seconds', 'nodejs_eventloop_lag_stddev_seconds',
  'nodejs_eventloop_lag_p50_seconds', 'nodejs_eventloop_lag_p90_seconds',
  'nodejs_eventloop_lag_p99_seconds', 'nodejs_active_resources', 'nodejs_active_resources_total',
  'nodejs_active_handles', 'nodejs_active_handles_total', 'nodejs_active_requests',
  'nodejs_active_requests_total', 'nodejs_heap_size_total_bytes', 'nodejs_heap_size_used_bytes',
  'nodejs_external_memory_bytes', 'nodejs_heap_space_size_total_bytes',
  'nodejs_heap_space_size_used_bytes', 'nodejs_heap_space_size_available_bytes',
  'nodejs_version_info', 'nodejs_gc_duration_seconds',
];

describe('default metrics', () => {
  const daemon = new rig.Daemon();
  before(async () => {
    process.env.PERCPUD_ADDRESS = daemon.address;
    await daemon.start();
  });
  after(() => daemon.remove());
  beforeEach(() => {
    register.clear();
    rig.useNamespace();
  });

  it('are prom-client\'s, and of this process', async () => {
    collectDefaultMetrics();
    const names = register.getMetricsAsArray().map((metric) => metric.name);
    assert.deepStrictEqual(names.sort(), [...NAMES].sort());
    const samples = rig.samplesOf(await register.metrics());
    const cpu = process.cpuUsage();
    assert.ok(samples.get('process_cpu_seconds_total') <= (cpu.user + cpu.system) / 1e6);
    assert.ok(samples.get('process_cpu_seconds_total') > 0);
    assert.ok(Math.abs(samples.get('process_start_time_seconds') + process.uptime() - Date.now() / 1000) < 2);
    assert.ok(samples.get('process_resident_memory_bytes') > 1 << 20);
    assert.ok(samples.get('process_open_fds') > 3);
    assert.ok(samples.get('nodejs_heap_size_used_bytes') > 1 << 20);
    const major = process.version.slice(1).split('.')[0];
    assert.ok([...samples.keys()].some((each) => each.includes(`version="${process.version}",major="${major}"`)));
  });

  it('take a register, a prefix, labels and buckets', async () => {
    const own = new client.Registry();
    collectDefaultMetrics({ register: own, prefix: 'shop_', labels: { pod: 'a' }, gcDurationBuckets: [1] });
    assert.deepStrictEqual(register.getMetricsAsArray(), []);
    const samples = rig.samplesOf(await own.metrics());
    assert.ok(samples.get('shop_process_cpu_seconds_total{pod="a"}') > 0);
    assert.throws(() => collectDefaultMetrics(5), /^TypeError: config must be null, undefined, or an object$/);
    assert.ok(collectDefaultMetrics.metricsList.includes('gc'));
  });

  it('are of all processes, and the dead have left their seconds', async () => {
    const namespace = rig.useNamespace();
    const { stdout } = await rig.run(`
      const { collectDefaultMetrics, register } = require('percpud/prom-client');
      collectDefaultMetrics();
      register.metrics().then((text) => console.log(text));
    `, daemon.environment(namespace));
    const spent = rig.samplesOf(stdout).get('process_cpu_seconds_total');
    collectDefaultMetrics();
    const samples = rig.samplesOf(await register.metrics());
    assert.ok(samples.get('process_cpu_seconds_total') >= spent);
    assert.ok(spent > 0);
  });
});
