// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

'use strict';

// What there is to do with a namespace. percpud/prom-client makes metrics.

const addon = require('./lib/addon');
const additions = require('./lib/additions');
const clients = require('./lib/clients');

/** Whether a daemon has admitted this process. */
function isAttached() {
  return addon.attached(clients.current().handle);
}

/** Waits, on this thread, until all that is open is shared, and returns whether it is. */
function wait(milliseconds) {
  additions.flush();
  return addon.wait(clients.current().handle, milliseconds);
}

/** Returns a promise of what percpud-exporter shows of the namespace. It is refused if the
 * daemon does not answer. */
function latest({ openMetrics = false, waitMs = 1000 } = {}) {
  additions.flush();
  const format = openMetrics ? addon.OPENMETRICS : addon.TEXT;
  return addon.render(clients.current().handle, format, waitMs);
}

/**
 * Has everything in the namespace count from 0, in all processes, and lets metrics take
 * another shape. With `ifGeneration` only if the namespace is in that one: of many processes
 * that start, one resets. Returns the generation that it is in then. Throws if the daemon
 * does not do it.
 */
function reset({ ifGeneration = 0, waitMs = 1000 } = {}) {
  return addon.reset(clients.current().handle, ifGeneration, waitMs);
}

module.exports = { isAttached, latest, reset, version: addon.version, wait };
