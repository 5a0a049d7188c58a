// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

'use strict';

const addon = require('./addon');

/**
 * One series of a metric, for this thread. It is opened in the C library by its first
 * update, and again by the first one after it was removed. What extends this has
 * `takeSeries()`, which makes updates go to `series`, and `leaveSeries()`, which makes the next
 * one open it.
 */
class Child {
  constructor(metric, labels, texts, key) {
    this.metric = metric;
    this.labels = labels;
    this.texts = texts;
    this.key = key;
    this.series = undefined;
    this.leaveSeries();
  }

  open() {
    const metric = this.metric;
    this.series = addon.series(metric._family, this.texts);
    metric._opened.set(this.key, this);
    this.takeSeries();
    metric._client.tell();
  }

  close() {
    this.series = undefined;
    this.leaveSeries();
  }

  /** Whether others see what it counts. */
  get isShared() {
    return this.series !== undefined && addon.shared(this.series);
  }
}

module.exports = { Child };
