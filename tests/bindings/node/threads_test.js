// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

'use strict';

// Threads of one process, and memory.

const assert = require('assert');
const { after, before, describe, it } = require('node:test');
const { Worker } = require('worker_threads');

const rig = require('./rig');
const client = require('percpud/prom-client');

const WORK = `
  const { parentPort, workerData } = require('worker_threads');
  const { Counter, Gauge, Histogram, register } = require('percpud/prom-client');
  const counter = new Counter({ name: 'c', help: 'x' });
  const histogram = new Histogram({ name: 'h', help: 'x' });
  new Gauge({ name: 'g', help: 'x' }).set(1);
  for (let i = 0; i < workerData; i += 1) {
    counter.inc();
    histogram.observe(1);
  }
  register.metrics().then(() => parentPort.postMessage('done'));
  parentPort.once('message', () => process.exit());
`;

/** Starts a thread; returns it when it has counted. */
function thread(number) {
  const worker = new Worker(WORK, { eval: true, workerData: number });
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('message', () => resolve(worker));
  });
}

describe('threads', () => {
  const daemon = new rig.Daemon();
  before(async () => {
    process.env.PERCPUD_ADDRESS = daemon.address;
    rig.useNamespace();
    await daemon.start();
  });
  after(() => daemon.remove());

  const valueOf = async (metric) => (await metric.get()).values.at(-1).value;

  it('count together, and have gauges of their own', async () => {
    const counter = new client.Counter({ name: 'c', help: 'x' });
    const histogram = new client.Histogram({ name: 'h', help: 'x' });
    const gauge = new client.Gauge({ name: 'g', help: 'x' });
    gauge.set(10);
    const threads = await Promise.all([thread(5000), thread(5000), thread(5000)]);
    assert.strictEqual(await valueOf(counter), 15000);
    assert.strictEqual(await valueOf(histogram), 15000);
    assert.strictEqual(await valueOf(gauge), 13);
    threads[0].postMessage('end');
    await new Promise((resolve) => threads[0].once('exit', resolve));
    assert.strictEqual(await valueOf(gauge), 12);
    // Its place is taken by the next one.
    const next = await thread(1);
    assert.strictEqual(await valueOf(gauge), 13);
    await Promise.all([...threads, next].map((each) => each.terminate()));
    assert.strictEqual(await valueOf(gauge), 10);
    assert.strictEqual(await valueOf(counter), 15001);
  });

  it('are terminated in the middle of a scrape', async () => {
    for (let i = 0; i < 20; i += 1) {
      const worker = new Worker(`
        const { Counter, register } = require('percpud/prom-client');
        const counter = new Counter({ name: 'c', help: 'x' });
        (async () => {
          for (;;) await register.metrics();
        })();
        require('worker_threads').parentPort.postMessage('on');
      `, { eval: true });
      await new Promise((resolve) => worker.once('message', resolve));
      await worker.terminate();
    }
  });
});

describe('memory', () => {
  const daemon = new rig.Daemon();
  after(() => daemon.remove());

  it('is not kept by updates, scrapes and children', async () => {
    await daemon.start();
    const { stdout } = await rig.run(`
      const { Counter, Gauge, Histogram, register } = require('percpud/prom-client');
      const counter = new Counter({ name: 'c', help: 'x', labelNames: ['l'] });
      const gauge = new Gauge({ name: 'g', help: 'x', labelNames: ['l'] });
      const histogram = new Histogram({ name: 'h', help: 'x', labelNames: ['l'] });
      async function work(rounds) {
        for (let i = 0; i < rounds; i += 1) {
          for (let l = 0; l < 20; l += 1) {
            counter.labels(l).inc();
            counter.inc({ l: { toString: () => String(l) } });
            gauge.set({ l }, i);
            histogram.observe({ l }, i);
          }
          if (i % 10 === 9) gauge.reset();
          if (i % 100 === 99) counter.remove(3);
          await register.metrics();
        }
        global.gc();
        // What V8 has reserved grows and shrinks as it likes.
        const { rss, heapTotal, heapUsed } = process.memoryUsage();
        return rss - heapTotal + heapUsed;
      }
      (async () => {
        await work(300);
        const grown = [];
        let before = await work(300);
        for (let i = 0; i < 5; i += 1) {
          const now = await work(300);
          grown.push(now - before);
          before = now;
        }
        // What is lost is lost in each of them; an allocator's reserve comes once.
        console.log(grown.sort((a, b) => a - b)[2]);
      })();
    `, daemon.environment('memory'), '--expose-gc');
    assert.ok(Number(stdout) < 1 << 20, `${stdout.trim()} bytes more`);
  });
});
