// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

'use strict';

// A daemon of its own for tests, and processes of Node that use it.

const { execFile, execFileSync, spawn } = require('child_process');
const fs = require('fs');
const net = require('net');
const os = require('os');
const path = require('path');
const { setTimeout: sleep } = require('timers/promises');

const BINARIES = process.env.PERCPUD_BIN_DIR;
const PATIENCE_MS = 30000;

/** Waits for the condition, and returns what it came to. */
async function eventually(condition, what = 'condition') {
  const ends = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await condition();
    if (found) return found;
    if (Date.now() > ends) throw new Error(`not within ${PATIENCE_MS} ms: ${what}`);
    await sleep(5);
  }
}

function answers(socket) {
  return new Promise((resolve) => {
    const connection = net.connect(socket);
    connection.once('connect', () => resolve(true)).once('error', () => resolve(false));
    connection.once('close', () => resolve(false));
    connection.once('connect', () => connection.destroy());
  });
}

/** A percpud with an arena that outlives it. */
class Daemon {
  constructor() {
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'percpud-node-'));
    this.memory = fs.mkdtempSync('/dev/shm/percpud-node-');
    this.address = `unix:${this.folder}/s`;
    this.process = undefined;
  }

  /** Starts it, and waits until it answers. The door is there before the socket answers. */
  async start() {
    this.process = spawn(path.join(BINARIES, 'percpud'),
      ['--listen', this.address, '--arena', `file:${this.memory}/arena`, '--arena-size', '64MiB',
        '--log-level', 'error'], { stdio: ['ignore', 'ignore', 'inherit'] });
    this.ended = new Promise((resolve) => this.process.once('exit', resolve));
    await eventually(() => answers(`${this.folder}/s`), 'the daemon answers');
    await eventually(() => fs.existsSync(`${this.folder}/s.door`), 'the daemon has a door');
  }

  /** Ends it as a crash does. */
  async kill() {
    this.process.kill('SIGKILL');
    await this.ended;
    this.process = undefined;
  }

  async remove() {
    if (this.process !== undefined) await this.kill();
    fs.rmSync(this.folder, { recursive: true, force: true });
    fs.rmSync(this.memory, { recursive: true, force: true });
  }

  /** The environment of a process that uses this daemon. */
  environment(namespace) {
    return { ...process.env, PERCPUD_ADDRESS: this.address, PERCPUD_NAMESPACE: namespace };
  }
}

let namespaces = 0;

/** Has what is made from now on in a namespace of its own. Returns its name. */
function useNamespace() {
  namespaces += 1;
  process.env.PERCPUD_NAMESPACE = `test ${process.pid} ${namespaces}`;
  return process.env.PERCPUD_NAMESPACE;
}

/** Runs a text in a Node of its own; returns a promise of { stdout, stderr }. */
function run(text, environment, ...flags) {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [...flags, '-e', text], { env: environment, timeout: PATIENCE_MS },
      (error, stdout, stderr) => (error ? reject(error) : resolve({ stdout, stderr })));
  });
}

/** Returns the samples of a text as a map from name and labels to number. */
function samplesOf(text) {
  const samples = new Map();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const at = line.lastIndexOf(' ');
    samples.set(line.slice(0, at), Number(line.slice(at + 1)));
  }
  return samples;
}

/** Returns the real prom-client, or undefined if there is no npm or no network. It is kept
 * in the build folder and is no part of the project. */
function peer() {
  const folder = path.join(process.env.PERCPUD_BUILD_DIR || os.tmpdir(), 'tests', 'prom-client-15');
  const module = path.join(folder, 'node_modules', 'prom-client');
  if (!fs.existsSync(module)) {
    if (!process.env.PERCPUD_NPM) return undefined;
    fs.mkdirSync(path.dirname(folder), { recursive: true });
    const making = fs.mkdtempSync(`${path.dirname(folder)}/.prom-client-`);
    try {
      execFileSync(process.env.PERCPUD_NPM,
        ['install', '--prefix', making, '--no-audit', '--no-fund', '--fetch-retries', '0',
          '--ignore-scripts', 'prom-client@15.1.3'], { stdio: 'ignore', timeout: PATIENCE_MS });
      fs.rmSync(folder, { recursive: true, force: true });
      fs.renameSync(making, folder);
    } catch {
      fs.rmSync(making, { recursive: true, force: true });
      if (!fs.existsSync(module)) return undefined;
    }
  }
  return module;
}

module.exports = { BINARIES, Daemon, PATIENCE_MS, eventually, peer, run, samplesOf, useNamespace };
