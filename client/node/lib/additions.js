// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

'use strict';

// How counters add. An addition is a call into the C library, so that it is in shared
// memory when inc() returns, whatever happens to the process. Such a call costs several
// times what the addition does, and so a loop that makes more than 64 of them in
// one turn of the event loop is added up here, a few at a time. What is waiting here is
// delivered when the turn ends.

// Calls in one turn before additions are gathered.
const CALLS = 64;
// Additions to one counter that are gathered for a call.
const GATHERED = 64;

let calls = CALLS;
let isRenewing = false;
const waiting = [];

/** What waits for a counter; `send(amount)` adds to it in the C library. */
class Adder {
  constructor(send) {
    this.send = send;
    // Additions of 1 are counted by themselves, because whole numbers are faster.
    this.ones = 0;
    this.others = 0;
    this.sum = 0;
    this.isWaiting = false;
  }

  get isEmpty() {
    return this.ones === 0 && this.others === 0;
  }

  deliver() {
    const sum = this.sum + this.ones;
    this.drop();
    this.send(sum);
  }

  /** Forgets what is waiting. */
  drop() {
    this.ones = 0;
    this.others = 0;
    this.sum = 0;
  }
}

/** Delivers what is waiting. */
function flush() {
  while (waiting.length > 0) {
    const adder = waiting.pop();
    adder.isWaiting = false;
    if (!adder.isEmpty) adder.deliver();
  }
}

function renew() {
  isRenewing = false;
  calls = CALLS;
  flush();
}

function enlist(adder) {
  adder.isWaiting = true;
  waiting.push(adder);
}

// Half of the calls are left then, so that turns with few additions never gather.
function callAlone(adder, amount) {
  calls -= 1;
  if (calls < CALLS / 2 && !isRenewing) {
    isRenewing = true;
    Promise.resolve().then(renew);
  }
  adder.send(amount);
}

/** Adds 1. */
function addOne(adder) {
  if (calls > 0) {
    callAlone(adder, 1);
    return;
  }
  const ones = adder.ones + 1;
  adder.ones = ones;
  if (ones === GATHERED) {
    adder.deliver();
  } else if (!adder.isWaiting) {
    enlist(adder);
  }
}

/** Adds a number that is finite and not below zero. */
function add(adder, amount) {
  if (calls > 0) {
    callAlone(adder, amount);
    return;
  }
  adder.sum += amount;
  adder.others += 1;
  if (adder.others === GATHERED) {
    adder.deliver();
  } else if (!adder.isWaiting) {
    enlist(adder);
  }
}

module.exports = { Adder, add, addOne, flush };
