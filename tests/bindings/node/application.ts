// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

// An application in TypeScript, as one is written for prom-client. types_test.js compiles it, also
// with prom-client's own types, and runs it.

import * as client from 'percpud/prom-client';
import { Counter, Gauge, Histogram, Registry, Summary, register } from 'percpud/prom-client';

const requests = new Counter({ name: 'requests_total', help: 'Requests.', labelNames: ['method', 'code'] });
requests.inc({ method: 'get', code: 200 });
requests.labels('get', '200').inc(2);
requests.labels({ method: 'get' }).inc();
requests.remove('get', '200');

const depth = new Gauge<'queue'>({
  name: 'depth', help: 'Of queues.', labelNames: ['queue'], aggregator: 'max',
  collect() { this.set({ queue: 'mail' }, 3); },
});
depth.labels('mail').dec();
depth.setToCurrentTime();
const stop = depth.startTimer({ queue: 'mail' });
const seconds: number = stop();

const took = new Histogram({ name: 'took', help: 'Seconds.', buckets: client.linearBuckets(0, 1, 3) });
took.observe(seconds);
took.startTimer()();
const sizes = new Summary({ name: 'sizes', help: 'Bytes.', labelNames: ['kind'] as const });
sizes.labels('a').observe(1);
sizes.observe({ kind: 'a' }, 2);

const other = new Registry();
other.setDefaultLabels({ app: 'shop' });
client.collectDefaultMetrics({ register: other, prefix: 'shop_' });
const type: string = Registry.merge([other]).contentType;

export async function shown(): Promise<string> {
  const own = await requests.get();
  const values: number[] = own.values.map((each) => each.value);
  const all = new client.AggregatorRegistry();
  const text: string = await all.clusterMetrics();
  return [type, values.length, text, await register.metrics()].join('\n');
}

/** What the compiler has to refuse. */
export function wrong(): void {
  // @ts-expect-error: there is no such label
  requests.inc({ path: '/' });
  // @ts-expect-error: a gauge is set to numbers
  depth.set('many');
}
