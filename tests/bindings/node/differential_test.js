// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

'use strict';

// The same calls on percpud and on the real prom-client come to the same text.

const assert = require('assert');
const { after, before, describe, it } = require('node:test');

const rig = require('./rig');
const ours = require('percpud/prom-client');

const CALLS = 3000;
const NAMES = ['l', 'm'];
const WORDS = ['', 'a', 'b', 'c "quoted"', 'd\nline', 'e\\', 200, 404, 'ü'];

/** Numbers that are the same in each run. */
function random(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function make(client, contentType) {
  const registry = new client.Registry(contentType);
  const common = { help: 'what\nit is', registers: [registry] };
  return {
    registry,
    plain: [
      new client.Counter({ name: 'c_total', ...common }),
      new client.Gauge({ name: 'g', ...common }),
      new client.Histogram({ name: 'h', ...common }),
      new client.Summary({ name: 's', ...common }),
    ],
    labelled: [
      new client.Counter({ name: 'lc', labelNames: NAMES, ...common }),
      new client.Gauge({ name: 'lg', labelNames: NAMES, ...common }),
      new client.Histogram({ name: 'lh', labelNames: NAMES, buckets: [1, 4, 16], ...common }),
      new client.Summary({ name: 'ls', labelNames: NAMES, ...common }),
    ],
  };
}

/** Makes one call, which depends on nothing but the numbers. */
function call(metrics, next) {
  const kind = next(4);
  const value = next(80) / 4;
  const update = [['inc'], ['set', 'inc', 'dec'], ['observe'], ['observe']][kind];
  const method = update[next(update.length)];
  const form = next(4);
  const [l, m] = [WORDS[next(WORDS.length)], WORDS[next(WORDS.length)]];
  const metric = metrics.labelled[kind];
  if (form === 0) metrics.plain[kind][method](value);
  if (form === 1) metric.labels(l, m)[method](value);
  if (form === 2) metric[method]({ l, m }, value);
  if (form === 3 && next(40) === 0) metric.remove(l, m);
  if (form === 3 && next(400) === 0) metric.reset();
}

/** Texts are compared by series: neither the order of labels nor an empty one matters. */
function comparable(text) {
  return text.split('\n').filter((line) => !line.includes('quantile=')).map((line) => {
    const labels = /\{(.*)\} /.exec(line);
    if (labels === null || line.startsWith('#')) return line;
    const pairs = labels[1].match(/\w+="(?:[^"\\]|\\.)*"/g).filter((pair) => !pair.endsWith('=""'));
    return line.replace(labels[1], pairs.sort().join(',')).replace('{}', '');
  }).sort();
}

describe('prom-client', () => {
  const daemon = new rig.Daemon();
  before(async () => {
    process.env.PERCPUD_ADDRESS = daemon.address;
    await daemon.start();
  });
  after(() => daemon.remove());

  const module = rig.peer();
  const skip = module === undefined && 'npm cannot install prom-client here';
  for (const type of ['PROMETHEUS_CONTENT_TYPE', 'OPENMETRICS_CONTENT_TYPE']) {
    for (const seed of [1, 2, 3]) {
      it(`shows the same: ${type}, ${seed}`, { skip }, async () => {
        rig.useNamespace();
        const theirs = require(module);
        const texts = [];
        for (const client of [theirs, ours]) {
          const metrics = make(client, client.Registry[type]);
          const next = random(seed);
          for (let i = 0; i < CALLS; i += 1) call(metrics, next);
          texts.push(comparable(await metrics.registry.metrics()));
        }
        assert.deepStrictEqual(texts[1], texts[0]);
      });
    }
  }

  it('exports nothing that is missing here, but Pushgateway', { skip }, () => {
    const missing = Object.keys(require(module)).filter((name) => !(name in ours));
    assert.deepStrictEqual(missing, ['Pushgateway']);
    for (const name of ['Counter', 'Gauge', 'Histogram', 'Summary', 'Registry', 'AggregatorRegistry']) {
      const methods = Object.getOwnPropertyNames(require(module)[name].prototype)
        .filter((each) => !each.startsWith('_') && typeof ours[name].prototype[each] !== 'function');
      assert.deepStrictEqual(methods.filter((each) => !INSIDE.has(each)), [], name);
    }
  });
});

// How prom-client does it, of which its documentation does not speak.
const INSIDE = new Set(['incWithoutExemplar', 'incWithExemplar', 'updateExemplar', 'getForPromString',
  'observeWithoutExemplar', 'observeWithExemplar', 'contentType']);
