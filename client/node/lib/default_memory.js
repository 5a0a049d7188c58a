// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

'use strict';

// What the process keeps in memory.

const v8 = require('v8');

const { textOf } = require('./files');
const { Gauge } = require('./gauge');

const STATUS = {
  process_resident_memory_bytes: ['VmRSS', 'Resident memory size in bytes.'],
  process_virtual_memory_bytes: ['VmSize', 'Virtual memory size in bytes.'],
  process_heap_bytes: ['VmData', 'Process heap size in bytes.'],
};

function osMemoryHeap(plan) {
  const gauges = [];
  const collect = () => {
    const status = textOf('/proc/self/status');
    for (const [gauge, field] of gauges) {
      const found = new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status);
      if (found !== null) gauge.set(plan.labels, Number(found[1]) * 1024);
    }
  };
  for (const [name, [field, help]] of Object.entries(STATUS)) {
    // One reading is for all of them.
    const gauge = plan.make(Gauge, name, help, gauges.length === 0 ? { collect } : {});
    gauges.push([gauge, field]);
  }
}

function heapSizeAndUsed(plan) {
  const total = plan.make(Gauge, 'nodejs_heap_size_total_bytes',
    'Process heap size from Node.js in bytes.', {
      collect() {
        const usage = process.memoryUsage();
        total.set(plan.labels, usage.heapTotal);
        used.set(plan.labels, usage.heapUsed);
        external.set(plan.labels, usage.external);
      },
    });
  const used = plan.make(Gauge, 'nodejs_heap_size_used_bytes',
    'Process heap size used from Node.js in bytes.');
  const external = plan.make(Gauge, 'nodejs_external_memory_bytes',
    'Node.js external memory size in bytes.');
}

function heapSpacesSizeAndUsed(plan) {
  const make = (what, more) => plan.make(Gauge, `nodejs_heap_space_size_${what}_bytes`,
    `Process heap space size ${what} from Node.js in bytes.`, { names: ['space'], ...more });
  const total = make('total', {
    collect() {
      for (const each of v8.getHeapSpaceStatistics()) {
        const labels = { space: each.space_name.replace(/_space$/, ''), ...plan.labels };
        total.set(labels, each.space_size);
        used.set(labels, each.space_used_size);
        available.set(labels, each.space_available_size);
      }
    },
  });
  const used = make('used');
  const available = make('available');
}

module.exports = { heapSizeAndUsed, heapSpacesSizeAndUsed, osMemoryHeap };
