// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

'use strict';

const addon = require('./addon');
const { Adder, add, addOne } = require('./additions');
const { checkIncrease, isObject } = require('./checks');
const { Child } = require('./child');
const { Exemplar } = require('./exemplar');
const { Metric } = require('./metric');

function addTo(adder, value) {
  if (value === undefined) {
    addOne(adder);
  } else {
    add(adder, checkIncrease(value));
  }
}

class CounterChild extends Child {
  constructor(...what) {
    super(...what);
    // Applications take it out of its object.
    this.inc = (value) => addTo(this.adder, value);
  }

  takeSeries() {
    this.adder.send = addon.adder(this.series);
  }

  leaveSeries() {
    const send = (amount) => {
      this.open();
      this.adder.send(amount);
    };
    if (this.adder === undefined) this.adder = new Adder(send);
    this.adder.drop();
    this.adder.send = send;
  }

  localRow() {
    return [this.texts, addon.read(this.series), 0, []];
  }
}

/** A number that only grows. */
class Counter extends Metric {
  constructor(config) {
    super('counter', config);
    this._one = this._children.own().adder;
    if (this.enableExemplars) this.inc = this._incWithExemplar;
  }

  /** inc(), inc(value), inc(labels), inc(labels, value) */
  inc(labels, value) {
    if (labels === undefined) {
      addOne(this._one);
    } else if (isObject(labels)) {
      addTo(this._children.byObject(labels).adder, value);
    } else {
      add(this._one, checkIncrease(labels));
    }
  }

  /** Has it begin at 0 again, for all processes. Series with labels are taken away. */
  reset() {
    if (this.labelNames.length > 0) {
      this.removeAll();
      return;
    }
    this._one.drop();
    this._takeAway('resetSeries', undefined);
  }

  makeChild(...what) {
    return new CounterChild(this, ...what);
  }

  appendSamples(out, labels, row, child) {
    const sample = { value: row[1], labels };
    if (child !== undefined && child.exemplar !== undefined) sample.exemplar = child.exemplar;
    out.push(sample);
  }

  _incWithExemplar({ labels = {}, value = 1, exemplarLabels = {} } = {}) {
    const child = this._children.byObject(labels);
    child.inc(value);
    if (Object.keys(exemplarLabels).length > 0) {
      child.exemplar = new Exemplar(exemplarLabels, value || 1);
    }
  }
}

module.exports = { Counter };
