// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

'use strict';

// usage: bench.js [--smoke]
//
// prom-client's calls on percpud, beside the real prom-client with values of its own
// process. Each runs in a process of its own, and they take turns, so that what disturbs
// one disturbs both. percpud's goals are ratios to prom-client. `alone` has few calls in a
// turn of the event loop, as a server does, and `of 20` has twenty metrics take turns.
// --smoke runs for a moment: that it works, not how fast.

const { fork } = require('child_process');

const rig = require('./rig');

// Calls that are timed together: fewer than what is gathered where they are alone.
const LOOP = 3000;
const ALONE = 60;
const GOALS = new Map([['inc()', 1.5], ['labels().inc()', 1.5], ['observe()', 1.5]]);

function calls(client) {
  const counter = new client.Counter({ name: 'c', help: 'x' });
  const labelled = new client.Counter({ name: 'l', help: 'x', labelNames: ['method', 'code'] });
  const histogram = new client.Histogram({ name: 'h', help: 'x' });
  const gauge = new client.Gauge({ name: 'g', help: 'x' });
  const many = Array.from({ length: 20 }, (_, i) => new client.Counter({ name: `c${i}`, help: 'x' }));
  const child = labelled.labels('get', '200');
  let next = 0;
  return {
    'inc()': [LOOP, () => counter.inc()],
    'inc() of 20': [LOOP, () => many[(next += 1) % 20].inc()],
    'inc() alone': [ALONE, () => counter.inc()],
    'labels().inc()': [LOOP, () => labelled.labels('get', '200').inc()],
    'inc({})': [LOOP, () => labelled.inc({ method: 'get', code: '200' })],
    'child.inc()': [LOOP, () => child.inc()],
    'observe()': [LOOP, () => histogram.observe(0.3)],
    'set()': [LOOP, () => gauge.set(1)],
  };
}

function time(number, call) {
  const begun = process.hrtime.bigint();
  for (let i = 0; i < number; i += 1) call();
  return Number(process.hrtime.bigint() - begun) / number;
}

/** Measures the call that its parent names, and answers with nanoseconds. */
function serve(module) {
  const known = calls(require(module));
  process.on('message', async ({ name, rounds }) => {
    const [number, call] = known[name];
    let best = Infinity;
    for (let round = 0; round < rounds; round += 1) {
      best = Math.min(best, time(number, call));
      await undefined;
    }
    process.send(best);
  });
}

function ask(child, message) {
  return new Promise((resolve) => {
    child.once('message', resolve);
    child.send(message);
  });
}

async function measure(children, isSmoke) {
  const [turns, rounds] = isSmoke ? [1, 2] : [10, 300];
  const best = new Map();
  for (const name of Object.keys(calls(require('percpud/prom-client')))) {
    const row = children.map(() => Infinity);
    for (let turn = 0; turn < turns; turn += 1) {
      for (const [i, child] of children.entries()) {
        row[i] = Math.min(row[i], await ask(child, { name, rounds }));
      }
    }
    best.set(name, row);
  }
  return best;
}

function show(best, isSmoke) {
  console.log('ns a call'.padEnd(16), 'percpud'.padStart(10), 'prom-client'.padStart(12));
  for (const [name, [ours, theirs]] of best) {
    const peers = theirs === undefined ? 'missing' : theirs.toFixed(1);
    console.log(name.padEnd(16), ours.toFixed(1).padStart(10), peers.padStart(12));
  }
  for (const [name, most] of GOALS) {
    const [ours, theirs] = best.get(name);
    if (theirs === undefined) continue;
    const ratio = ours / theirs;
    const verdict = isSmoke ? '' : ratio <= most ? 'met' : 'missed';
    console.log(`${name} / prom-client: ${ratio.toFixed(2)} of at most ${most} ${verdict}`);
  }
}

async function main(isSmoke) {
  const peer = rig.peer();
  if (peer === undefined) console.log('prom-client is missing: npm cannot install it here');
  const daemon = new rig.Daemon();
  await daemon.start();
  try {
    process.env.PERCPUD_ADDRESS = daemon.address;
    const modules = ['percpud/prom-client', peer].filter(Boolean);
    const children = modules.map((module) => fork(__filename, ['--serve', module],
      { env: daemon.environment('bench') }));
    show(await measure(children, isSmoke), isSmoke);
    for (const child of children) child.kill('SIGKILL');
  } finally {
    await daemon.remove();
  }
}

if (process.argv[2] === '--serve') {
  serve(process.argv[3]);
} else {
  main(process.argv.includes('--smoke')).then(() => process.exit());
}
