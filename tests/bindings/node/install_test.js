// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

'use strict';

// `npm pack` and `npm install` of what it made, without a network.

const assert = require('assert');
const { execFileSync } = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');
const { after, describe, it } = require('node:test');

const ROOT = path.join(__dirname, '..', '..', '..');
const SOURCES = path.join(ROOT, 'client', 'node');
const npm = process.env.PERCPUD_NPM;

describe('npm', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'percpud-npm-'));
  after(() => fs.rmSync(folder, { recursive: true, force: true }));

  const run = (command, args, more) => execFileSync(command, args, {
    cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], ...more,
  });

  /** The environment of a host where libpercpud-dev is in the build folder. */
  function environment() {
    const lib = path.join(process.env.PERCPUD_BUILD_DIR, 'lib');
    const include = path.join(ROOT, 'client', 'c');
    fs.writeFileSync(path.join(folder, 'percpud-c.pc'), [
      'Name: percpud-c', 'Description: for a test', 'Version: 0', `Cflags: -I${include}`,
      `Libs: -L${lib} -lpercpud -Wl,-rpath,${lib}`, ''].join('\n'));
    const { NODE_PATH: _, ...env } = process.env;
    return { ...env, PKG_CONFIG_PATH: folder, HOME: folder, npm_config_cache: `${folder}/cache` };
  }

  it('installs the package', { skip: !npm && 'there is no npm' }, () => {
    const env = environment();
    const packed = run(npm, ['pack', '--pack-destination', folder, '--silent'], { cwd: SOURCES, env });
    fs.writeFileSync(path.join(folder, 'package.json'), '{ "name": "application", "version": "1.0.0" }');
    run(npm, ['install', '--offline', '--no-audit', '--no-fund', `./${packed.trim()}`], { env });
    const text = 'new (require("percpud/prom-client").Counter)({ name: "c", help: "x" }).inc();' +
      'console.log(require("percpud").version)';
    const said = run(process.execPath, ['--no-warnings', '-e', text], { env: { ...env, PERCPUD_ADDRESS: 'unix:/none' } });
    assert.strictEqual(said.trim(), require(path.join(SOURCES, 'package.json')).version);
    const files = fs.readdirSync(path.join(folder, 'node_modules', 'percpud')).sort();
    assert.deepStrictEqual(files, ['README.md', 'index.d.ts', 'index.js', 'install.js', 'lib',
      'package.json', 'percpud.node', 'prom-client.d.ts', 'prom-client.js', 'src']);
  });

  it('says what is missing', { skip: !npm && 'there is no npm' }, () => {
    const env = { ...process.env, PKG_CONFIG_PATH: '', PKG_CONFIG_LIBDIR: '/none' };
    assert.throws(() => run(process.execPath, [path.join(SOURCES, 'install.js')], { env }),
      (error) => /install libpercpud-dev/.test(error.stderr));
  });
});
