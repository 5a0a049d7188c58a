// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

'use strict';

// What the system knows of the process.

const fs = require('fs');

const { Counter } = require('./counter');
const { textOf } = require('./files');
const { Gauge } = require('./gauge');

function processCpuTotal(plan) {
  let before = { user: 0, system: 0 };
  const user = plan.make(Counter, 'process_cpu_user_seconds_total',
    'Total user CPU time spent in seconds.', {
      // One reading is for all three.
      collect() {
        const now = process.cpuUsage();
        const spent = { user: now.user - before.user, system: now.system - before.system };
        before = now;
        user.inc(plan.labels, spent.user / 1e6);
        system.inc(plan.labels, spent.system / 1e6);
        both.inc(plan.labels, (spent.user + spent.system) / 1e6);
      },
    });
  const system = plan.make(Counter, 'process_cpu_system_seconds_total',
    'Total system CPU time spent in seconds.');
  const both = plan.make(Counter, 'process_cpu_seconds_total',
    'Total user and system CPU time spent in seconds.');
}

function processStartTime(plan) {
  const began = Math.round(Date.now() / 1000 - process.uptime());
  plan.make(Gauge, 'process_start_time_seconds',
    'Start time of the process since unix epoch in seconds.', {
      aggregator: 'omit',
      collect() {
        this.set(plan.labels, began);
      },
    });
}

function processOpenFileDescriptors(plan) {
  plan.make(Gauge, 'process_open_fds', 'Number of open file descriptors.', {
    collect() {
      try {
        // One of them is the folder itself.
        this.set(plan.labels, fs.readdirSync('/proc/self/fd').length - 1);
      } catch {
        // There are none left to read it with.
      }
    },
  });
}

function processMaxFileDescriptors(plan) {
  const limit = /^Max open files\s+(\S+)/m.exec(textOf('/proc/self/limits'));
  if (limit === null) return;
  const most = limit[1] === 'unlimited' ? Infinity : Number(limit[1]);
  plan.make(Gauge, 'process_max_fds', 'Maximum number of open file descriptors.', {
    collect() {
      this.set(plan.labels, most);
    },
  });
}

module.exports = {
  processCpuTotal,
  processMaxFileDescriptors,
  processOpenFileDescriptors,
  processStartTime,
};
