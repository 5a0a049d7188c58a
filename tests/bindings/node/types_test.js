// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

'use strict';

// The package's types, held against an application in TypeScript by Debian's compiler.

const assert = require('assert');
const { execFile } = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');
const { after, describe, it } = require('node:test');

const rig = require('./rig');

const COMPILER = '/usr/bin/tsc';
const skip = !fs.existsSync(COMPILER) && 'there is no node-typescript';

describe('types', { skip }, () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'percpud-types-'));
  after(() => fs.rmSync(folder, { recursive: true, force: true }));
  fs.copyFileSync(path.join(__dirname, 'application.ts'), path.join(folder, 'application.ts'));

  /** Compiles the application with these types for percpud/prom-client. Returns what the
   * compiler says. */
  function compile(types) {
    const options = {
      target: 'es2020', module: 'commonjs', moduleResolution: 'node', strict: true, types: [],
      baseUrl: folder, paths: { 'percpud/*': [`${types}/*`], 'percpud/prom-client': [types] },
    };
    fs.writeFileSync(path.join(folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: options, files: ['application.ts'] }));
    return new Promise((resolve) => {
      execFile(COMPILER, ['--project', folder], (_, stdout) => resolve(stdout));
    });
  }

  it('are those of what is there', () => {
    const ours = require('percpud/prom-client');
    const said = fs.readFileSync(require.resolve('percpud/prom-client').replace(/js$/, 'd.ts'), 'utf8');
    for (const name of Object.keys(ours)) {
      assert.match(said, new RegExp(`^export (class|const|function|let) ${name}\\b`, 'm'));
    }
  });

  it('fit an application', async () => {
    const types = require.resolve('percpud/prom-client').replace(/\.js$/, '');
    assert.strictEqual(await compile(types), '');
    const shown = 'require(process.argv[1]).shown().then(console.log)';
    const { stdout } = await new Promise((resolve, reject) => {
      execFile(process.execPath, ['--no-warnings', '-e', shown, path.join(folder, 'application.js')],
        { env: { ...process.env, PERCPUD_ADDRESS: 'unix:/none' }, timeout: rig.PATIENCE_MS },
        (error, out) => (error ? reject(error) : resolve({ stdout: out })));
    });
    assert.match(stdout, /^took_count 2$/m);
  });

  const peer = rig.peer();
  it('fit where prom-client\'s own do', { skip: !peer && 'there is no prom-client' }, async () => {
    assert.strictEqual(await compile(peer), '');
  });
});
