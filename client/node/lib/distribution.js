// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

'use strict';

// What histograms and summaries have in common: observations.

const addon = require('./addon');
const { checkFinite, isObject } = require('./checks');
const { Child } = require('./child');
const { Metric } = require('./metric');
const { since } = require('./timing');

class DistributionChild extends Child {
  constructor(...what) {
    super(...what);
    // Applications take them out of their object.
    this.observe = (value) => {
      checkFinite(value);
      this.send(value);
    };
    this.startTimer = () => this.metric.startTimer(this.labels);
  }

  takeSeries() {
    this.send = addon.observer(this.series);
    if (!this.isShared) this._countHereToo();
  }

  leaveSeries() {
    this.buckets = undefined;
    this.send = (value) => {
      this.open();
      this.send(value);
    };
  }

  /** The row of a series that is only in this process. */
  localRow() {
    return [this.texts, addon.read(this.series), addon.count(this.series), this._upTo()];
  }

  /** The library does not tell the buckets of what is local beside what is shared. */
  _countHereToo() {
    const bounds = this.metric._bounds;
    const send = this.send;
    this.buckets = new Array(bounds.length + 1).fill(0);
    this.send = (value) => {
      send(value);
      if (this.isShared) {
        this.takeSeries();
        return;
      }
      const bucket = bounds.findIndex((bound) => value <= bound);
      this.buckets[bucket < 0 ? bounds.length : bucket] += 1;
    };
  }

  _upTo() {
    let below = 0;
    return (this.buckets || []).map((count) => (below += count));
  }
}

class Distribution extends Metric {
  /** observe(value), observe(labels, value) */
  observe(labels, value) {
    if (isObject(labels)) {
      this._children.byObject(labels).observe(value);
    } else {
      this._children.own().observe(labels);
    }
  }

  /** Returns a function that observes the seconds since then. */
  startTimer(labels) {
    const elapsed = since();
    return (endLabels) => {
      const seconds = elapsed();
      this.observe({ ...labels, ...endLabels }, seconds);
      return seconds;
    };
  }

  /** Returns the samples without a bound. */
  totals(labels, row) {
    return [
      { metricName: `${this.name}_sum`, labels, value: row[1] },
      { metricName: `${this.name}_count`, labels, value: row[2] },
    ];
  }

  makeChild(...what) {
    return new DistributionChild(this, ...what);
  }

  refuseLabel(reserved) {
    if (!this.labelNames.includes(reserved)) return;
    throw new Error(`${reserved} is a reserved label keyword`);
  }
}

module.exports = { Distribution };
