// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

'use strict';

// An application as node's cluster runs it: /metrics, and everything else is a request. It
// is started with the path of a socket, how many workers there are, and the path of a socket
// where the primary shows what all of them have counted.

const cluster = require('cluster');
const fs = require('fs');
const http = require('http');

const client = require('percpud/prom-client');

// A connection that the primary is handing to a worker that dies stays open for ever.
cluster.schedulingPolicy = cluster.SCHED_NONE;

const [, , socket, workers, primarySocket] = process.argv;

function serveWorker() {
  const requests = new client.Counter({
    name: 'shop_requests_total', help: 'Requests that were begun.', labelNames: ['path'],
  });
  const seconds = new client.Histogram({ name: 'shop_seconds', help: 'How long requests took.' });
  const inFlight = new client.Gauge({ name: 'shop_in_flight', help: 'Requests under way.' });
  const alive = new client.Gauge({ name: 'shop_workers', help: 'One for each worker.' });
  alive.set(1);
  http.createServer(async (request, response) => {
    if (request.url === '/metrics') {
      response.end(await client.register.metrics());
      return;
    }
    requests.labels(request.url).inc();
    inFlight.inc();
    setImmediate(() => {
      seconds.observe(1);
      inFlight.dec();
      response.end(String(process.pid));
    });
  }).listen(socket);
}

function servePrimary() {
  const registry = new client.AggregatorRegistry();
  for (let i = 0; i < Number(workers); i += 1) cluster.fork();
  cluster.on('exit', () => cluster.fork());
  http.createServer(async (request, response) => {
    response.end(await registry.clusterMetrics());
  }).listen(primarySocket);
  process.once('SIGTERM', () => {
    for (const worker of Object.values(cluster.workers)) worker.process.kill('SIGKILL');
    fs.rmSync(socket, { force: true });
    process.exit();
  });
}

if (cluster.isPrimary) {
  servePrimary();
} else {
  serveWorker();
}
