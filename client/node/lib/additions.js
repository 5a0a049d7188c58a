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
const GATHERED = 128;

let calls = CALLS;
let isRenewing = false;
const waiting = [];

/** What waits for a counter; `send(amount)` adds to it in the C library. */
class Adder {
  constructor(send) {
    this.send = send;
    // Additions of 1 have only this to look at: how many more may wait, and 0 if none does.
    // An element of an array of integers takes half the time of a property.
    this.room = new Int32Array(1);
    this.others = 0;
    this.sum = 0;
    this.isWaiting = false;
  }

  get ones() {
    return this.isWaiting ? GATHERED - this.room[0] : 0;
  }

  get isEmpty() {
    return this.ones === 0 && this.others === 0;
  }

  begin() {
    this.isWaiting = true;
    this.room[0] = GATHERED;
  }

  end() {
    const isEmpty = this.isEmpty;
    const sum = this.sum + this.ones;
    this.isWaiting = false;
    this.drop();
    if (!isEmpty) this.send(sum);
  }

  deliver() {
    const sum = this.sum + this.ones;
    this.drop();
    this.send(sum);
  }

  /** Forgets what is waiting. */
  drop() {
    this.room[0] = this.isWaiting ? GATHERED : 0;
    this.others = 0;
    this.sum = 0;
  }
}

/** Delivers what is waiting. */
function flush() {
  while (waiting.length > 0) waiting.pop().end();
}

function renew() {
  isRenewing = false;
  calls = CALLS;
  flush();
}

function enlist(adder) {
  adder.begin();
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
  const left = adder.room[0];
  if (left > 1) {
    adder.room[0] = left - 1;
  } else {
    addOneSlowly(adder);
  }
}

function addOneSlowly(adder) {
  if (calls > 0) {
    callAlone(adder, 1);
    return;
  }
  if (!adder.isWaiting) enlist(adder);
  adder.room[0] -= 1;
  if (adder.room[0] === 0) adder.deliver();
}

/** Adds a number that is finite and not below zero. */
function add(adder, amount) {
  if (calls > 0) {
    callAlone(adder, amount);
    return;
  }
  if (!adder.isWaiting) enlist(adder);
  adder.sum += amount;
  adder.others += 1;
  if (adder.others === GATHERED) adder.deliver();
}

module.exports = { Adder, add, addOne, flush };
