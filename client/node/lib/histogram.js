// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

'use strict';

const { Distribution } = require('./distribution');
const { Exemplar } = require('./exemplar');
const { since } = require('./timing');

const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Counts observations by size. */
class Histogram extends Distribution {
  constructor(config) {
    super('histogram', config, { buckets: BUCKETS });
    this.upperBounds = Object.freeze([...this.buckets]);
    if (!this.enableExemplars) return;
    this.observe = this._observeWithExemplar;
    this.startTimer = this._startTimerWithExemplar;
  }

  checkMore() {
    this.refuseLabel('le');
  }

  /** Rising, each of them once; the last bucket has none. */
  bounds() {
    const finite = this.buckets.map(Number).filter(Number.isFinite);
    return [...new Set(finite)].sort((one, other) => one - other);
  }

  /** Has a series shown as 0. One that this process has used begins at 0 again. */
  zero(labels = {}) {
    const child = this._children.byObject(labels);
    if (child.series !== undefined) this._takeAway('resetSeries', child.texts);
    child.close();
    child.open();
  }

  /** Takes all series away, for all processes. */
  reset() {
    this.removeAll();
  }

  appendSamples(out, labels, row, child) {
    const metricName = `${this.name}_bucket`;
    const [, , count, upTo] = row;
    const exemplars = child === undefined ? undefined : child.exemplars;
    const bucket = (le, value) => {
      const exemplar = exemplars === undefined ? undefined : exemplars.get(le);
      out.push({ labels: { le, ...labels }, value, metricName, exemplar });
    };
    this._bounds.forEach((bound, i) => bucket(bound, upTo[i] || 0));
    bucket('+Inf', count);
    out.push(...this.totals(labels, row));
  }

  _observeWithExemplar({ labels = {}, value, exemplarLabels = {} } = {}) {
    const child = this._children.byObject(labels);
    child.observe(value);
    if (Object.keys(exemplarLabels).length === 0) return;
    if (child.exemplars === undefined) child.exemplars = new Map();
    const bound = this._bounds.find((each) => value <= each);
    child.exemplars.set(bound === undefined ? '+Inf' : bound, new Exemplar(exemplarLabels, value));
  }

  _startTimerWithExemplar(startLabels, startExemplarLabels) {
    const elapsed = since();
    return (endLabels, endExemplarLabels) => {
      const value = elapsed();
      const labels = { ...startLabels, ...endLabels };
      const exemplarLabels = { ...startExemplarLabels, ...endExemplarLabels };
      this.observe({ labels, value, exemplarLabels });
      return value;
    };
  }
}

module.exports = { Histogram };
