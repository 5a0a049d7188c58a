// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

'use strict';

// Without a daemon, and when it goes and comes: the application never notices.

const assert = require('assert');
const { afterEach, beforeEach, describe, it } = require('node:test');

const rig = require('./rig');
const percpud = require('percpud');
const { Counter, Gauge, Histogram, register } = require('percpud/prom-client');

async function valueOf(metric) {
  const { values } = await metric.get();
  return values.length === 0 ? undefined : values[values.length - 1].value;
}

const READ = `
  const { Counter } = require('percpud/prom-client');
  const counter = new Counter({ name: 'c', help: 'x' });
  counter.get().then((all) => console.log(all.values[0].value));
`;

describe('a daemon that is not there', () => {
  let daemon;
  let namespace;
  beforeEach(() => {
    daemon = new rig.Daemon();
    process.env.PERCPUD_ADDRESS = daemon.address;
    namespace = rig.useNamespace();
    register.clear();
  });
  afterEach(() => daemon.remove());

  it('is missed once, and the process shows what it has counted', async () => {
    const { stdout, stderr } = await rig.run(`
      const { Counter, Gauge, Histogram, register } = require('percpud/prom-client');
      new Counter({ name: 'c', help: 'x' }).inc(3);
      new Counter({ name: 'd', help: 'x', labelNames: ['l'] }).labels('a').inc();
      new Histogram({ name: 'h', help: 'x' }).observe(0.3);
      new Gauge({ name: 'g', help: 'x' }).set(4);
      register.metrics().then((text) => console.log(text));
    `, daemon.environment(namespace));
    const samples = rig.samplesOf(stdout);
    assert.deepStrictEqual(['c', 'd{l="a"}', 'h_count', 'g'].map((name) => samples.get(name)),
      [3, 1, 1, 4]);
    assert.strictEqual(stderr.match(/PercpudWarning/g).length, 1, stderr);
    assert.match(stderr, /start percpud, or set PERCPUD_ADDRESS/);
  });

  it('gets what was local when it comes', async () => {
    const counter = new Counter({ name: 'c', help: 'x' });
    const gauge = new Gauge({ name: 'g', help: 'x' });
    const histogram = new Histogram({ name: 'h', help: 'x' });
    counter.inc(3);
    gauge.set(2);
    histogram.observe(1);
    await daemon.start();
    await rig.eventually(() => percpud.isAttached(), 'a timer finds the daemon');
    assert.ok(percpud.wait(rig.PATIENCE_MS));
    counter.inc();
    const { stdout } = await rig.run(READ, daemon.environment(namespace));
    assert.strictEqual(stdout, '4\n');
    assert.deepStrictEqual([await valueOf(gauge), await valueOf(histogram)], [2, 1]);
  });

  it('is killed meanwhile, and no count is lost', async () => {
    await daemon.start();
    const counter = new Counter({ name: 'c', help: 'x' });
    counter.inc(10);
    await daemon.kill();
    counter.inc(5);
    const late = new Counter({ name: 'late', help: 'x' });
    const lateHistogram = new Histogram({ name: 'late_h', help: 'x', buckets: [1, 2] });
    late.inc(7);
    lateHistogram.observe(1.5);
    assert.deepStrictEqual([await valueOf(counter), await valueOf(late)], [15, 7]);
    assert.deepStrictEqual((await lateHistogram.get()).values.map((each) => each.value),
      [0, 1, 1, 1.5, 1]);
    await daemon.start();
    await rig.eventually(() => percpud.isAttached(), 'a timer finds the daemon again');
    assert.ok(percpud.wait(rig.PATIENCE_MS));
    counter.inc();
    lateHistogram.observe(1);
    assert.deepStrictEqual([await valueOf(counter), await valueOf(late)], [16, 7]);
    assert.deepStrictEqual((await lateHistogram.get()).values.map((each) => each.value),
      [1, 2, 2, 2.5, 2]);
    const { stdout } = await rig.run(READ, daemon.environment(namespace));
    assert.strictEqual(stdout, '16\n');
  });

  it('lets metrics be removed and reset', async () => {
    const counter = new Counter({ name: 'c', help: 'x', labelNames: ['l'] });
    counter.inc({ l: 'a' });
    counter.remove('a');
    assert.deepStrictEqual((await counter.get()).values, []);
    counter.reset();
    register.resetMetrics();
    assert.throws(() => percpud.reset());
    await assert.rejects(percpud.latest());
  });

  it('gets what a script has counted that ends at once', async () => {
    await daemon.start();
    const text = `
      const { Counter } = require('percpud/prom-client');
      const counter = new Counter({ name: 'c', help: 'x' });
      for (let i = 0; i < 1000; i += 1) counter.inc();
      process.exit();
    `;
    await rig.run(text, daemon.environment(namespace));
    const { stdout } = await rig.run(READ, daemon.environment(namespace));
    assert.strictEqual(stdout, '1000\n');
  });
});
