// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

'use strict';

// Metrics do what prom-client documents, with a daemon and without one.

const assert = require('assert');
const { after, before, beforeEach, describe, it } = require('node:test');

const rig = require('./rig');
const client = require('percpud/prom-client');

const { Counter, Gauge, Histogram, Registry, Summary, register } = client;

async function valueOf(metric, labels = {}) {
  const { values } = await metric.get();
  const found = values.find((each) => Object.entries(labels).every(([name, text]) =>
    String(each.labels[name]) === String(text)));
  return found === undefined ? undefined : found.value;
}

async function namedValue(metric, metricName, labels = {}) {
  const { values } = await metric.get();
  return values.find((each) => each.metricName === metricName &&
    Object.entries(labels).every(([name, text]) => String(each.labels[name]) === String(text)));
}

function contract(start) {
  const daemon = new rig.Daemon();
  before(async () => {
    process.env.PERCPUD_ADDRESS = daemon.address;
    if (start) await daemon.start();
  });
  after(() => daemon.remove());
  beforeEach(() => {
    register.clear();
    rig.useNamespace();
  });

  describe('options', () => {
    it('are refused in prom-client\'s words', () => {
      assert.throws(() => new Counter(), /^TypeError: constructor expected a config object$/);
      assert.throws(() => new Counter('a'), /constructor expected a config object/);
      assert.throws(() => new Counter({ name: 'a' }), /^Error: Missing mandatory help parameter$/);
      assert.throws(() => new Counter({ help: 'a' }), /^Error: Missing mandatory name parameter$/);
      assert.throws(() => new Counter({ name: 'a b', help: 'a' }), /^Error: Invalid metric name$/);
      assert.throws(() => new Counter({ name: 'a', help: 'a', labelNames: ['b-c'] }),
        /^Error: Invalid label name$/);
      assert.throws(() => new Gauge({ name: 'a', help: 'a', collect: 1 }),
        /^Error: Optional "collect" parameter must be a function$/);
      assert.throws(() => new Histogram({ name: 'a', help: 'a', labelNames: ['le'] }),
        /^Error: le is a reserved label keyword$/);
      assert.throws(() => new Summary({ name: 'a', help: 'a', labelNames: ['quantile'] }),
        /^Error: quantile is a reserved label keyword$/);
      assert.deepStrictEqual(register.getMetricsAsArray(), []);
    });

    it('say where a metric is registered', async () => {
      const own = new Registry();
      const metric = new Counter({ name: 'a', help: 'a', registers: [own] });
      assert.strictEqual(own.getSingleMetric('a'), metric);
      assert.strictEqual(register.getSingleMetric('a'), undefined);
      assert.throws(() => new Gauge({ name: 'a', help: 'a', registers: [own] }),
        /^Error: A metric with the name a has already been registered.$/);
      const free = new Counter({ name: 'a', help: 'a', registers: [] });
      free.inc();
      assert.strictEqual(await valueOf(free), 1);
    });
  });

  describe('a counter', () => {
    it('is shown as 0, and adds', async () => {
      const counter = new Counter({ name: 'c', help: 'a' });
      assert.strictEqual(await valueOf(counter), 0);
      counter.inc();
      counter.inc(2.5);
      counter.inc(undefined);
      counter.inc(null);
      counter.inc(0);
      assert.strictEqual(await valueOf(counter), 5.5);
    });

    it('refuses what is no number, and what is below 0', async () => {
      const counter = new Counter({ name: 'c', help: 'a', labelNames: ['l'] });
      for (const inc of [(v) => counter.inc(v), (v) => counter.inc({ l: 'a' }, v),
        (v) => counter.labels('a').inc(v)]) {
        assert.throws(() => inc('five'), /^TypeError: Value is not a valid number: five$/);
        assert.throws(() => inc(Infinity), /^TypeError: Value is not a valid number: Infinity$/);
        assert.throws(() => inc(-1), /^Error: It is not possible to decrease a counter$/);
      }
    });

    it('has a series for each set of labels', async () => {
      const counter = new Counter({ name: 'c', help: 'a', labelNames: ['method', 'code'] });
      assert.deepStrictEqual((await counter.get()).values, []);
      counter.inc({ method: 'get', code: 200 });
      counter.inc({ code: '200', method: 'get' }, 2);
      counter.labels('get', 200).inc(3);
      counter.labels({ method: 'get', code: 200 }).inc(4);
      counter.labels('post', 500).inc(1);
      const { inc } = counter.labels('post', 500);
      inc();
      counter.inc({ method: 'put' });
      assert.deepStrictEqual((await counter.get()).values, [
        { value: 10, labels: { method: 'get', code: 200 } },
        { value: 2, labels: { method: 'post', code: 500 } },
        { value: 1, labels: { method: 'put' } },
      ]);
    });

    it('refuses labels that it does not have', () => {
      const counter = new Counter({ name: 'c', help: 'a', labelNames: ['method'] });
      assert.throws(() => counter.inc({ verb: 'get' }),
        /^Error: Added label "verb" is not included in initial labelset: \[ 'method' \]$/);
      assert.throws(() => counter.labels('get', 200), new Error(
        'Invalid number of arguments (2): "get, 200" for label names (1): "method".'));
    });

    it('removes a series, which begins at 0 again', async () => {
      const counter = new Counter({ name: 'c', help: 'a', labelNames: ['l'] });
      const kept = counter.labels('a');
      kept.inc(3);
      counter.inc({ l: 'b' });
      counter.remove('a');
      assert.deepStrictEqual((await counter.get()).values, [{ value: 1, labels: { l: 'b' } }]);
      kept.inc();
      assert.strictEqual(await valueOf(counter, { l: 'a' }), 1);
      counter.remove({ l: 'a' });
      assert.strictEqual(await valueOf(counter, { l: 'a' }), undefined);
      assert.throws(() => counter.remove('a', 'b'), /Invalid number of arguments/);
    });

    it('is reset', async () => {
      const counter = new Counter({ name: 'c', help: 'a' });
      const labelled = new Counter({ name: 'd', help: 'a', labelNames: ['l'] });
      counter.inc(3);
      labelled.inc({ l: 'a' }, 3);
      counter.reset();
      labelled.reset();
      assert.strictEqual(await valueOf(counter), 0);
      assert.deepStrictEqual((await labelled.get()).values, []);
      counter.inc();
      labelled.inc({ l: 'a' });
      assert.strictEqual(await valueOf(counter), 1);
      assert.strictEqual(await valueOf(labelled, { l: 'a' }), 1);
    });

    it('counts a loop within one turn exactly', async () => {
      const counter = new Counter({ name: 'c', help: 'a', labelNames: ['l'] });
      for (let i = 0; i < 10001; i += 1) {
        counter.inc({ l: 'a' });
        counter.labels('b').inc(0.5);
      }
      assert.strictEqual(await valueOf(counter, { l: 'a' }), 10001);
      assert.strictEqual(await valueOf(counter, { l: 'b' }), 5000.5);
    });
  });

  describe('a gauge', () => {
    it('is shown as 0, and goes up and down', async () => {
      const gauge = new Gauge({ name: 'g', help: 'a' });
      assert.strictEqual(await valueOf(gauge), 0);
      gauge.set(5);
      gauge.inc();
      gauge.inc(3);
      gauge.dec();
      gauge.dec(2);
      assert.strictEqual(await valueOf(gauge), 6);
      gauge.set(-1.5);
      assert.strictEqual(await valueOf(gauge), -1.5);
    });

    it('refuses what is no number', () => {
      const gauge = new Gauge({ name: 'g', help: 'a' });
      assert.throws(() => gauge.set('asd'), /^TypeError: Value is not a valid number: asd$/);
      assert.throws(() => gauge.inc('asd'), /^TypeError: Delta is not a valid number: asd$/);
      assert.throws(() => gauge.set(), /^TypeError: Value is not a valid number: undefined$/);
    });

    it('has series with labels', async () => {
      const gauge = new Gauge({ name: 'g', help: 'a', labelNames: ['l'] });
      gauge.set({ l: 'a' }, 3);
      gauge.inc({ l: 'a' });
      gauge.labels('a').dec(2);
      gauge.labels('b').inc(7);
      gauge.labels({ l: 'c' }).set(1);
      assert.deepStrictEqual((await gauge.get()).values, [
        { value: 2, labels: { l: 'a' } },
        { value: 7, labels: { l: 'b' } },
        { value: 1, labels: { l: 'c' } },
      ]);
      gauge.remove('b');
      gauge.labels('c').set(9);
      assert.strictEqual(await valueOf(gauge, { l: 'b' }), undefined);
      gauge.reset();
      assert.deepStrictEqual((await gauge.get()).values, []);
      gauge.set({ l: 'b' }, 4);
      assert.deepStrictEqual((await gauge.get()).values, [{ value: 4, labels: { l: 'b' } }]);
    });

    it('is set to the time, and to how long something took', async () => {
      const gauge = new Gauge({ name: 'g', help: 'a', labelNames: ['l'] });
      const since = Date.now() / 1000;
      gauge.setToCurrentTime({ l: 'a' });
      gauge.labels('b').setToCurrentTime();
      assert.ok(await valueOf(gauge, { l: 'a' }) >= since);
      assert.ok(await valueOf(gauge, { l: 'b' }) >= since);
      const seconds = gauge.startTimer()({ l: 'c' });
      assert.strictEqual(await valueOf(gauge, { l: 'c' }), seconds);
      gauge.labels('d').startTimer()();
      assert.ok(await valueOf(gauge, { l: 'd' }) < 10);
    });

    it('collects', async () => {
      let asked = 0;
      const gauge = new Gauge({
        name: 'g',
        help: 'a',
        async collect() {
          await undefined;
          asked += 1;
          this.set(asked);
        },
      });
      assert.strictEqual(await valueOf(gauge), 1);
      assert.match(await register.metrics(), /^g 2$/m);
    });

    it('shows the aggregate of one process as its value', async () => {
      for (const aggregator of ['sum', 'min', 'max', 'average', 'first', 'omit']) {
        const gauge = new Gauge({ name: `g_${aggregator}`, help: 'a', aggregator });
        gauge.set(3);
        assert.strictEqual(await valueOf(gauge), 3, aggregator);
      }
    });
  });

  describe('a histogram', () => {
    it('counts into buckets', async () => {
      const histogram = new Histogram({ name: 'h', help: 'a', buckets: [1, 5, 2] });
      for (const value of [0, 1, 1.5, 2, 7]) histogram.observe(value);
      const { values } = await histogram.get();
      assert.deepStrictEqual(values.map((each) => [each.metricName, each.labels.le, each.value]), [
        ['h_bucket', 1, 2], ['h_bucket', 2, 4], ['h_bucket', 5, 4], ['h_bucket', '+Inf', 5],
        ['h_sum', undefined, 11.5], ['h_count', undefined, 5],
      ]);
    });

    it('refuses what is no number', () => {
      const histogram = new Histogram({ name: 'h', help: 'a', labelNames: ['l'] });
      assert.throws(() => histogram.observe('asd'), /^TypeError: Value is not a valid number: asd$/);
      assert.throws(() => histogram.observe(), /^TypeError: Value is not a valid number: undefined$/);
      assert.throws(() => histogram.observe({ x: 1 }, 1), /Added label "x" is not included/);
      assert.throws(() => histogram.labels('a').observe(NaN), /^TypeError: .*: NaN$/);
    });

    it('has series with labels, and timers', async () => {
      const histogram = new Histogram({ name: 'h', help: 'a', labelNames: ['l', 'm'] });
      histogram.observe({ l: 'a', m: 1 }, 0.3);
      histogram.labels('a', 1).observe(0.5);
      histogram.labels({ l: 'a', m: 1 }).observe(0);
      histogram.startTimer({ l: 'b' })({ m: 2 });
      histogram.labels('b', 2).startTimer()();
      assert.strictEqual((await namedValue(histogram, 'h_count', { l: 'a', m: 1 })).value, 3);
      assert.strictEqual((await namedValue(histogram, 'h_sum', { l: 'a', m: 1 })).value, 0.8);
      assert.strictEqual((await namedValue(histogram, 'h_count', { l: 'b', m: 2 })).value, 2);
      histogram.remove('a', 1);
      assert.strictEqual(await namedValue(histogram, 'h_count', { l: 'a' }), undefined);
      histogram.reset();
      assert.deepStrictEqual((await histogram.get()).values, []);
    });

    it('is zeroed', async () => {
      const histogram = new Histogram({ name: 'h', help: 'a', labelNames: ['l'] });
      histogram.zero({ l: 'a' });
      assert.strictEqual((await namedValue(histogram, 'h_count', { l: 'a' })).value, 0);
      histogram.observe({ l: 'a' }, 1);
      histogram.zero({ l: 'a' });
      assert.strictEqual((await namedValue(histogram, 'h_count', { l: 'a' })).value, 0);
      histogram.observe({ l: 'a' }, 1);
      assert.strictEqual((await namedValue(histogram, 'h_count', { l: 'a' })).value, 1);
    });
  });

  describe('a summary', () => {
    it('has a count and a sum', async () => {
      const summary = new Summary({ name: 's', help: 'a', percentiles: [0.5] });
      const labelled = new Summary({ name: 't', help: 'a', labelNames: ['l'] });
      summary.observe(3);
      summary.startTimer()();
      labelled.observe({ l: 'a' }, 1);
      labelled.labels('a').observe(2);
      assert.strictEqual((await namedValue(summary, 's_count')).value, 2);
      assert.strictEqual((await namedValue(labelled, 't_sum', { l: 'a' })).value, 3);
      assert.throws(() => labelled.observe('x'), /Value is not a valid number/);
      summary.reset();
      assert.strictEqual((await namedValue(summary, 's_count')).value, 0);
      labelled.remove('a');
      assert.deepStrictEqual((await labelled.get()).values, []);
    });
  });

  it('makes buckets', () => {
    assert.deepStrictEqual(client.linearBuckets(0, 50, 3), [0, 50, 100]);
    assert.deepStrictEqual(client.exponentialBuckets(1, 2, 4), [1, 2, 4, 8]);
    assert.throws(() => client.linearBuckets(0, 1, 0), /^Error: Linear buckets needs a positive count$/);
    assert.throws(() => client.exponentialBuckets(0, 2, 1), /needs a positive start$/);
    assert.throws(() => client.exponentialBuckets(1, 1, 1), /needs a factor greater than 1$/);
  });
}

describe('with a daemon', () => contract(true));
describe('without a daemon', () => contract(false));
