// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

'use strict';

// A metric's series by their label values. Values are strings in shared memory, and whatever
// the application has given for them here: 200 and '200' are one series.

const { checkCount, checkLabels, isObject } = require('./checks');

// A label that is not given is an empty one, which Prometheus takes for the same. The C
// library's texts end with a zero.
function textOf(value) {
  return value === undefined ? '' : String(value).replace(/\0/g, '\uFFFD');
}

/** Returns what names a series among those of its metric. */
function keyOf(texts) {
  return texts.join('\0');
}

/** The series of one metric. `make(labels, texts, key)` makes one. */
class Children {
  constructor(names, make) {
    this._names = names;
    this._sorted = [...names].sort();
    this._make = make;
    this._own = undefined;
    this.clear();
  }

  /** Returns the one without labels. */
  own() {
    if (this._own === undefined) this._own = this._add([]);
    return this._own;
  }

  /** Returns the one that these arguments of labels() name: an object, or values. */
  byArguments(values) {
    if (isObject(values[0])) return this.byObject(values[0]);
    if (values[0] === null) return this.own();
    checkCount(this._names, values);
    if (values.length === 0) return this.own();
    let at = this._tree;
    for (let i = 0; i < values.length; i += 1) {
      at = at.get(values[i]);
      if (at === undefined) return this._add(values);
    }
    return at;
  }

  /** Returns the one with these labels; those that are missing are empty. */
  byObject(labels) {
    const names = this._names;
    checkLabels(names, labels);
    if (names.length === 0) return this.own();
    let at = this._tree;
    for (let i = 0; i < names.length; i += 1) {
      at = at.get(labels[names[i]]);
      if (at === undefined) return this._add(names.map((name) => labels[name]));
    }
    return at;
  }

  /** Returns the labels that these texts, in the order of sorted names, stand for. */
  labelsOf(texts) {
    const child = this._byKey.get(keyOf(texts));
    if (child !== undefined) return child.labels;
    const labels = {};
    for (const name of this._names) {
      const text = texts[this._sorted.indexOf(name)];
      if (text !== '') labels[name] = text;
    }
    return labels;
  }

  /** Forgets a child. The one without labels is the same for good. */
  delete(key) {
    if (this._own === undefined || this._own.key !== key) this._byKey.delete(key);
    // A series may be there under several values.
    this._tree = new Map();
  }

  clear() {
    this._byKey = new Map();
    this._tree = new Map();
    if (this._own !== undefined) this._byKey.set(this._own.key, this._own);
  }

  _add(values) {
    const labels = {};
    this._names.forEach((name, i) => {
      if (values[i] !== undefined) labels[name] = values[i];
    });
    const texts = this._sorted.map((name) => textOf(labels[name]));
    const key = keyOf(texts);
    let child = this._byKey.get(key);
    if (child === undefined) {
      child = this._make(labels, texts, key);
      this._byKey.set(key, child);
    }
    this._remember(values, child);
    return child;
  }

  _remember(values, child) {
    // Objects are named by their text, and would be kept here for good.
    if (values.some((value) => isObject(value) || typeof value === 'function')) return;
    let at = this._tree;
    const last = values.length - 1;
    for (let i = 0; i < last; i += 1) {
      let next = at.get(values[i]);
      if (next === undefined) {
        next = new Map();
        at.set(values[i], next);
      }
      at = next;
    }
    if (last >= 0) at.set(values[last], child);
  }
}

module.exports = { Children, keyOf };
