// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

'use strict';

const { Distribution } = require('./distribution');

/**
 * Counts observations, and sums them up. Quantiles of many processes cannot be had of the
 * quantiles of each: histograms are the answer. The options that are about them are
 * ignored, which is said once.
 */
class Summary extends Distribution {
  constructor(config) {
    super('summary', config);
    const asked = ['percentiles', 'maxAgeSeconds', 'ageBuckets'].find((each) => each in config);
    if (asked === undefined || Summary.hasSaid) return;
    Summary.hasSaid = true;
    process.emitWarning(
      `${this.name}: ${asked} is ignored, summaries have no quantiles; use a histogram`,
      'PercpudWarning');
  }

  checkMore() {
    this.refuseLabel('quantile');
  }

  /** Has it begin at 0 again, for all processes. */
  reset() {
    this._takeAway('resetSeries', undefined);
  }

  appendSamples(out, labels, row) {
    out.push(...this.totals(labels, row));
  }
}

module.exports = { Summary };
