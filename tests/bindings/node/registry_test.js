// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

'use strict';

// Registries, as prom-client documents them.

const assert = require('assert');
const { after, before, beforeEach, describe, it } = require('node:test');

const rig = require('./rig');
const client = require('percpud/prom-client');
const percpud = require('percpud');

const { AggregatorRegistry, Counter, Gauge, Histogram, Registry, register } = client;

describe('registries', () => {
  const daemon = new rig.Daemon();
  before(async () => {
    process.env.PERCPUD_ADDRESS = daemon.address;
    await daemon.start();
  });
  after(() => daemon.remove());
  beforeEach(() => {
    register.clear();
    register.setContentType(Registry.PROMETHEUS_CONTENT_TYPE);
    rig.useNamespace();
  });

  it('escape, and are in the order of registration', async () => {
    const counter = new Counter({ name: 'b_total', help: 'a\nb\\c', labelNames: ['l'] });
    new Gauge({ name: 'a', help: 'x' }).set(Infinity);
    counter.inc({ l: 'say "hi"\n\\' });
    assert.strictEqual(await register.metrics(),
      '# HELP b_total a\\nb\\\\c\n# TYPE b_total counter\nb_total{l="say \\"hi\\"\\n\\\\"} 1\n\n' +
        '# HELP a x\n# TYPE a gauge\na +Inf\n');
    assert.strictEqual(await register.getSingleMetricAsString('a'),
      '# HELP a x\n# TYPE a gauge\na +Inf');
  });

  it('speak OpenMetrics, with exemplars of this process', async () => {
    const own = new Registry(Registry.OPENMETRICS_CONTENT_TYPE);
    const common = { help: 'x', registers: [own], enableExemplars: true };
    const counter = new Counter({ name: 'a_total', ...common });
    const histogram = new Histogram({ name: 'h', buckets: [1], ...common });
    counter.inc({ value: 2, exemplarLabels: { trace: 'one' } });
    histogram.observe({ value: 3, exemplarLabels: { trace: 'two' } });
    const text = await own.metrics();
    assert.match(text, /^# TYPE a counter\na_total 2 # \{trace="one"\} 2 \d+/m);
    assert.match(text, /^h_bucket\{le="\+Inf"\} 1 # \{trace="two"\} 3 \d+/m);
    assert.ok(text.endsWith('\n# EOF\n'));
    assert.throws(() => counter.inc({ exemplarLabels: { trace: 'x'.repeat(128) } }),
      /^RangeError: Label set size must be smaller than 128 UTF-8 chars$/);
    assert.throws(() => new Counter({ name: 'c', help: 'x', enableExemplars: true }),
      /^TypeError: Exemplars are supported only on OpenMetrics registries$/);
  });

  it('have content types', () => {
    assert.strictEqual(register.contentType, 'text/plain; version=0.0.4; charset=utf-8');
    assert.throws(() => new Registry('text/html'), /^TypeError: Content type text\/html is unsupported$/);
    assert.throws(() => register.setContentType('x'), /^Error: Content type x is unsupported$/);
    client.contentType = client.openMetricsContentType;
    assert.strictEqual(register.contentType, client.openMetricsContentType);
  });

  it('add default labels', async () => {
    const counter = new Counter({ name: 'c', help: 'x', labelNames: ['l'] });
    counter.inc({ l: 'a' });
    register.setDefaultLabels({ app: 'shop', l: 'other' });
    assert.match(await register.metrics(), /^c\{l="a",app="shop"\} 1$/m);
    const [metric] = await register.getMetricsAsJSON();
    assert.deepStrictEqual(metric.values, [{ value: 1, labels: { l: 'a', app: 'shop' } }]);
  });

  it('reset, forget and merge', async () => {
    const counter = new Counter({ name: 'c', help: 'x' });
    const other = new Registry();
    const gauge = new Gauge({ name: 'g', help: 'x', registers: [other] });
    gauge.set(3);
    counter.inc(5);
    register.resetMetrics();
    assert.strictEqual((await counter.get()).values[0].value, 0);
    const merged = Registry.merge([register, other]);
    assert.deepStrictEqual(merged.getMetricsAsArray(), [counter, gauge]);
    other.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    assert.throws(() => Registry.merge([register, other]),
      /^Error: Registers can only be merged if they have the same content type$/);
    counter.inc(5);
    register.removeSingleMetric('c');
    assert.strictEqual(await register.metrics(), '\n');
    const again = new Counter({ name: 'c', help: 'x' });
    again.inc();
    assert.strictEqual((await again.get()).values[0].value, 1);
  });

  it('show metrics that are not ours', async () => {
    register.registerMetric({
      name: 'own',
      get: async () => ({ name: 'own', help: 'x', type: 'gauge', values: [{ value: 2, labels: {} }] }),
    });
    assert.match(await register.metrics(), /^own 2$/m);
  });

  it('aggregate JSON as prom-client does', async () => {
    const of = (name, aggregator, value) => [{
      name, help: 'x', type: 'gauge', aggregator, values: [{ labels: { l: 'a' }, value }],
    }];
    const merged = (aggregator) => AggregatorRegistry.aggregate(
      [of('m', aggregator, 1), of('m', aggregator, 3)]).metrics();
    assert.match(await merged('sum'), /^m\{l="a"\} 4$/m);
    assert.match(await merged('average'), /^m\{l="a"\} 2$/m);
    assert.match(await merged('max'), /^m\{l="a"\} 3$/m);
    assert.match(await merged('first'), /^m\{l="a"\} 1$/m);
    assert.strictEqual(await merged('omit'), '\n');
    assert.throws(() => merged('median'), /^Error: 'median' is not a defined aggregator.$/);
    assert.throws(() => AggregatorRegistry.setRegistries({}), /^TypeError: Expected Registry, got object$/);
  });

  it('show what other processes have counted', async () => {
    const namespace = rig.useNamespace();
    const counter = new Counter({ name: 'c', help: 'x', labelNames: ['l'] });
    counter.inc({ l: 'a' });
    await rig.run(`
      const { Counter, Gauge } = require('percpud/prom-client');
      const counter = new Counter({ name: 'c', help: 'x', labelNames: ['l'] });
      counter.inc({ l: 'a' }, 2);
      counter.inc({ l: 'b' }, 5);
      new Gauge({ name: 'g', help: 'x' }).set(3);
    `, daemon.environment(namespace));
    assert.deepStrictEqual((await counter.get()).values, [
      { value: 3, labels: { l: 'a' } }, { value: 5, labels: { l: 'b' } }]);
    const all = await new AggregatorRegistry().clusterMetrics();
    assert.match(all, /^c\{l="b"\} 5$/m);
    assert.match(await percpud.latest(), /^c_total\{l="b"\} 5$/m);
  });

  it('keep a metric of another shape in the process, and say so', async () => {
    const warned = new Promise((resolve) => process.once('warning', resolve));
    const one = new Histogram({ name: 'h', help: 'x', buckets: [1, 2] });
    const two = new Histogram({ name: 'h', help: 'x', buckets: [1, 3], registers: [] });
    one.observe(1);
    two.observe(2.5);
    const bucket = async (metric, le) => (await metric.get()).values
      .find((each) => each.labels.le === le).value;
    assert.deepStrictEqual([await bucket(one, 2), await bucket(one, '+Inf')], [1, 1]);
    assert.deepStrictEqual([await bucket(two, 1), await bucket(two, 3)], [0, 1]);
    assert.match((await warned).message, /h/);
  });

  it('begin again with another generation', async () => {
    const counter = new Counter({ name: 'c', help: 'x' });
    counter.inc(7);
    percpud.reset();
    assert.strictEqual((await counter.get()).values[0].value, 0);
    counter.inc();
    assert.strictEqual((await counter.get()).values[0].value, 1);
    assert.ok(percpud.isAttached() && percpud.wait(1000));
  });
});
