// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

'use strict';

// A real cluster: workers are killed, and so is the daemon.

const assert = require('assert');
const { spawn } = require('child_process');
const http = require('http');
const path = require('path');
const { afterEach, beforeEach, describe, it } = require('node:test');

const rig = require('./rig');

const WORKERS = 4;
const CLIENTS = 4;

/** Returns a promise of the answer, or of undefined if there was none. */
function get(socketPath, url) {
  return new Promise((resolve) => {
    const request = http.get({ socketPath, path: url, agent: false }, (answer) => {
      let text = '';
      answer.on('data', (data) => (text += data));
      answer.on('end', () => resolve(answer.complete ? text : undefined));
      answer.on('error', () => resolve(undefined));
    });
    request.on('error', () => resolve(undefined));
  });
}

/** shop.js and its workers. */
class Shop {
  constructor(daemon, namespace) {
    this.socket = `${daemon.folder}/http`;
    this.primary = `${daemon.folder}/primary`;
    this.process = spawn(process.execPath,
      [path.join(__dirname, 'shop.js'), this.socket, String(WORKERS), this.primary],
      { env: daemon.environment(namespace), stdio: ['ignore', 'ignore', 'pipe'] });
    this.said = '';
    this.process.stderr.on('data', (data) => (this.said += data));
    this.ended = new Promise((resolve) => this.process.once('exit', resolve));
  }

  /** Returns a sample; undefined if nothing answers. */
  async sample(name, socket = this.socket) {
    const text = await get(socket, '/metrics');
    return text === undefined ? undefined : rig.samplesOf(text).get(name);
  }

  /** Waits until all workers are there, and have joined. */
  complete() {
    return rig.eventually(async () => (await this.sample('shop_workers')) === WORKERS,
      'all workers have joined');
  }

  async stop() {
    this.process.kill('SIGTERM');
    await this.ended;
  }
}

/** Clients that send requests until they are told to stop. */
class Load {
  constructor(shop) {
    this.begun = 0;
    this.answered = 0;
    this.last = undefined;
    this.isOver = false;
    this.clients = Array.from({ length: CLIENTS }, () => this.send(shop));
  }

  async send(shop) {
    while (!this.isOver) {
      this.begun += 1;
      const answer = await get(shop.socket, '/buy');
      if (answer !== undefined) {
        this.answered += 1;
        this.last = Number(answer);
      }
    }
  }

  /** Waits for more answers. */
  async more(answers) {
    const due = this.answered + answers;
    await rig.eventually(() => this.answered >= due, 'requests are answered');
  }

  stop() {
    this.isOver = true;
    return Promise.all(this.clients);
  }
}

function kill(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It was killed before.
  }
}

describe('a cluster', () => {
  let daemon;
  let shop;
  let load;
  beforeEach(async () => {
    daemon = new rig.Daemon();
    await daemon.start();
    shop = new Shop(daemon, 'shop');
    await shop.complete();
    load = new Load(shop);
  });
  afterEach(async () => {
    await load.stop();
    await shop.stop();
    await daemon.remove();
  });

  async function checkSums(kills) {
    await load.stop();
    await shop.complete();
    const total = await shop.sample('shop_requests_total{path="/buy"}');
    const bounds = `${load.answered} <= ${total} <= ${load.begun}`;
    assert.ok(load.answered <= total && total <= load.begun, bounds);
    // A worker that is killed takes its requests with it, and those that wait for it.
    assert.ok(load.begun - load.answered <= kills * CLIENTS, bounds);
    const [count, sum] = [await shop.sample('shop_seconds_count'), await shop.sample('shop_seconds_sum')];
    assert.strictEqual(count, sum);
    assert.ok(load.answered <= count && count <= total);
    await rig.eventually(async () => (await shop.sample('shop_in_flight')) === 0,
      'nothing is in flight');
  }

  it('counts exactly while its workers are killed', async () => {
    for (let kills = 0; kills < 6; kills += 1) {
      await shop.complete();
      await load.more(50);
      kill(load.last);
    }
    await shop.complete();
    await checkSums(6);
    assert.strictEqual(await shop.sample('shop_requests_total{path="/buy"}', shop.primary),
      await shop.sample('shop_requests_total{path="/buy"}'));
    assert.strictEqual(await shop.sample('shop_workers', shop.primary), WORKERS);
    assert.strictEqual(shop.said, '');
  });

  it('counts exactly while the daemon is killed, and workers with it', async () => {
    await load.more(50);
    await daemon.kill();
    // What has joined counts on in shared memory, and what it has counted stays there.
    kill(load.last);
    await load.more(50);
    await daemon.start();
    await shop.complete();
    await load.more(50);
    kill(load.last);
    await load.more(50);
    await checkSums(2);
  });
});
