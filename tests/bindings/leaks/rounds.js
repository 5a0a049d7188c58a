// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

'use strict';

// usage: node --expose-gc rounds.js ROUNDS
//
// All that the package does, again and again, with a namespace and a registry that a round
// shares with none. What it has made is dropped at its end, but for its client, which stays.

const { Worker } = require('worker_threads');

const percpud = require('percpud');
const client = require('percpud/prom-client');

process.removeAllListeners('warning');
process.on('warning', () => {});

async function count() {
  const registers = [new client.Registry()];
  const counter = new client.Counter({ name: 'hits', help: 'Hits.', labelNames: ['page'], registers });
  counter.inc({ page: 'a' });
  for (let i = 0; i < 200; i += 1) counter.labels('b').inc();
  counter.remove('b');
  const gauge = new client.Gauge({ name: 'load', help: 'Load.', registers, aggregator: 'max' });
  gauge.set(2);
  gauge.dec();
  const histogram = new client.Histogram({ name: 'seconds', help: 'Seconds.', buckets: [1, 2], registers });
  histogram.observe(1.5);
  histogram.startTimer()();
  new client.Summary({ name: 'bytes', help: 'Bytes.', registers }).observe(3);
  await registers[0].metrics();
  await registers[0].getMetricsAsJSON();
  await percpud.latest({ openMetrics: true });
  counter.reset();
  registers[0].clear();
}

/** A thread that counts and ends, with the addon of its own. */
function countInAThread() {
  const code = "const { Counter } = require('percpud/prom-client');" +
    "new Counter({ name: 'threads', help: 'x' }).inc();";
  return new Promise((resolve, reject) => {
    new Worker(code, { eval: true }).on('exit', resolve).on('error', reject);
  });
}

async function main(rounds) {
  percpud.wait(5000);
  for (let i = 0; i < rounds; i += 1) {
    await count();
    await countInAThread();
    global.gc();
  }
}

main(Number(process.argv[2]));
