// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

'use strict';

const addon = require('./addon');
const { aggregate, foldOf } = require('./aggregators');
const { checkNumber, isObject } = require('./checks');
const { Child } = require('./child');
const { Metric } = require('./metric');
const { since } = require('./timing');

// When a gauge was set that was not set yet, or was reset, in seconds since 1970.
const NEVER = 1e-9;
const REMOVE_MS = 1000;

class GaugeChild extends Child {
  constructor(...what) {
    super(...what);
    // Applications take them out of their object.
    this.set = (value) => {
      checkNumber(value, 'Value');
      this.sendValue(value);
    };
    this.inc = (value = 1) => this._change(value);
    this.dec = (value = 1) => this._change(-value);
    this.setToCurrentTime = () => this.set(Date.now() / 1000);
    this.startTimer = () => this.metric.startTimer(this.labels);
  }

  open() {
    super.open();
    // It is shown as 0 from now on; nothing that was set is later than this.
    if (addon.read(this.series) === 0) addon.setAt(this.series, 0, NEVER);
  }

  takeSeries() {
    this.sendValue = addon.setter(this.series);
    this.sendChange = addon.adder(this.series);
  }

  leaveSeries() {
    this.sendValue = (value) => {
      this.open();
      this.sendValue(value);
    };
    this.sendChange = (value) => {
      this.open();
      this.sendChange(value);
    };
  }

  localRow() {
    return [this.texts, 0, 0, ['', addon.read(this.series), Infinity]];
  }

  _change(value) {
    checkNumber(value, 'Delta');
    this.sendChange(value);
  }
}

/**
 * A number that goes up and down. Each process, and each thread, has its own; what is shown
 * is the aggregate of those that live.
 */
class Gauge extends Metric {
  constructor(config) {
    super('gauge', config);
  }

  set(labels, value) {
    this._childOf(labels).set(isObject(labels) ? value : labels);
  }

  inc(labels, value) {
    this._childOf(labels).inc(isObject(labels) ? value : labels);
  }

  dec(labels, value) {
    this._childOf(labels).dec(isObject(labels) ? value : labels);
  }

  setToCurrentTime(labels) {
    this._childOf(labels).setToCurrentTime();
  }

  /** Returns a function that sets the gauge to the seconds since then. */
  startTimer(labels) {
    const elapsed = since();
    return (endLabels) => {
      const seconds = elapsed();
      this.set({ ...labels, ...endLabels }, seconds);
      return seconds;
    };
  }

  /** Sets what this process has set back to 0, and hides series with labels. */
  reset() {
    for (const child of [...this._opened.values()]) this._leave(child);
    if (this.labelNames.length === 0) this._children.own().open();
  }

  /** Takes a series away, unless another process has set it. */
  remove(...values) {
    const child = this._children.byArguments(values);
    if (child.series !== undefined) this._leave(child);
  }

  fold() {
    return foldOf(this.aggregator);
  }

  makeChild(...what) {
    return new GaugeChild(this, ...what);
  }

  appendSamples(out, labels, row, child) {
    const values = [];
    const writers = row[3];
    for (let i = 0; i < writers.length; i += 3) {
      if (this.labelNames.length === 0 || writers[i + 2] !== NEVER) values.push(writers[i + 1]);
    }
    if (this.aggregator === 'omit') {
      if (child !== undefined) out.push({ value: addon.read(child.series), labels });
    } else if (values.length > 0) {
      out.push({ value: aggregate(this.aggregator, values), labels });
    } else {
      this._sweep(row[0]);
    }
  }

  _childOf(labels) {
    return isObject(labels) ? this._children.byObject(labels) : this._children.own();
  }

  _leave(child) {
    addon.setAt(child.series, 0, NEVER);
    this._forget(child);
    this._hasLeft = true;
  }

  /** Takes a series away that nobody sets any more, so that its memory is used again. */
  _sweep(texts) {
    if (!this._hasLeft) return;
    try {
      addon.removeSeries(this._client.handle, this._family, texts, REMOVE_MS);
    } catch {
      // It is not shown; another scrape may free it.
      this._hasLeft = false;
    }
  }
}

module.exports = { Gauge, NEVER };
