// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

'use strict';

// The clients of this thread: one for each namespace. While there are any, a timer that
// keeps no process alive has them look for the daemon.

const fs = require('fs');
const { setInterval } = require('timers');

const addon = require('./addon');
const additions = require('./additions');

const POLL_MS = 1000;
// Longer than the library waits between two looks for a daemon.
const LEAVE_MS = 1100;
const DEFAULT_ADDRESS = 'unix:/run/percpud/percpud.sock';

/** A daemon, whether it is there or not, and one namespace of it. */
class Client {
  constructor(namespace, address) {
    this.handle = addon.client(namespace, address);
    this.address = address || DEFAULT_ADDRESS;
  }

  /** Says what the library has to say; it says each thing once. */
  tell() {
    const notices = addon.notices(this.handle);
    if (notices === undefined) return;
    for (const notice of notices) process.emitWarning(notice, 'PercpudWarning');
  }

  poll() {
    const isSettled = addon.poll(this.handle);
    this.tell();
    return isSettled;
  }

  /** Has what is local join the shared cells before the process ends. Waits for a daemon
   * that is just starting again; one that is not there at all is not waited for. */
  leave() {
    if (this.poll() || addon.attached(this.handle)) return;
    const door = `${this.address.replace(/^unix:/, '')}.door`;
    if (fs.existsSync(door)) addon.wait(this.handle, LEAVE_MS);
  }
}

const clients = new Map();
const timed = [];

function tick() {
  for (const client of clients.values()) client.poll();
  for (const call of timed) call();
}

function leave() {
  additions.flush();
  for (const client of clients.values()) client.leave();
}

function begin() {
  const timer = setInterval(tick, POLL_MS);
  if (typeof timer.unref === 'function') timer.unref();
  process.on('exit', leave);
}

/** Returns the client of the namespace that the environment names now. */
function current() {
  const namespace = process.env.PERCPUD_NAMESPACE || 'default';
  const address = process.env.PERCPUD_ADDRESS;
  const key = `${namespace}\0${address}`;
  let client = clients.get(key);
  if (client === undefined) {
    client = new Client(namespace, address);
    if (clients.size === 0) begin();
    clients.set(key, client);
  }
  return client;
}

/** Has `call` called once a second from now on. */
function everySecond(call) {
  timed.push(call);
}

module.exports = { current, everySecond };
