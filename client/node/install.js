#!/usr/bin/env node
// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

'use strict';

// npm runs this when the package is installed. It compiles the addon with the system's
// compiler, against the C library (libpercpud-dev) and the headers of Node that are on the disk.
// Nothing is downloaded. CC, CFLAGS and LDFLAGS of the environment are heeded.

const { spawnSync } = require('child_process');
const fs = require('fs');
const path = require('path');

const OUT = path.join(__dirname, 'percpud.node');

function fail(text) {
  console.error(`percpud: ${text}`);
  process.exit(1);
}

function words(text) {
  return (text || '').split(/\s+/).filter(Boolean);
}

/** Node-API is the same in all versions: headers of any version serve. */
function headers() {
  const beside = path.join(path.dirname(process.execPath), '..', 'include', 'node');
  const named = process.env.npm_config_nodedir;
  const places = [beside, '/usr/include/node'];
  if (named) places.unshift(path.join(named, 'include', 'node'), path.join(named, 'src'));
  const found = places.find((place) => fs.existsSync(path.join(place, 'node_api.h')));
  if (found === undefined) {
    fail(`no node_api.h in ${places.join(', ')}: install libnode-dev, or set npm_config_nodedir`);
  }
  return found;
}

function library() {
  const asked = spawnSync('pkg-config', ['--cflags', '--libs', 'percpud-c'], { encoding: 'utf8' });
  if (asked.error) fail('there is no pkg-config: install pkg-config and libpercpud-dev');
  if (asked.status !== 0) fail(`${asked.stderr.trim()}\ninstall libpercpud-dev`);
  return words(asked.stdout);
}

function build() {
  const folder = path.join(__dirname, 'src');
  const sources = fs.readdirSync(folder).filter((name) => name.endsWith('.c'));
  const compiler = words(process.env.CC || 'cc');
  const made = spawnSync(compiler[0], [
    ...compiler.slice(1), '-std=gnu11', '-O2', '-fPIC', '-fvisibility=hidden', '-shared', '-pthread',
    `-I${headers()}`, ...words(process.env.CFLAGS), '-o', OUT,
    ...sources.map((name) => path.join(folder, name)),
    ...library(), '-Wl,-z,nodelete', ...words(process.env.LDFLAGS),
  ], { stdio: 'inherit' });
  if (made.error) fail(`there is no compiler ${compiler[0]}: install gcc, or set CC`);
  if (made.status !== 0) fail('the addon does not compile');
}

build();
