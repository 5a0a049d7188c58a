// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

/** Whether a daemon has admitted this process. */
export function isAttached(): boolean;

/** Waits, on this thread, until all that is open is shared, and returns whether it is. */
export function wait(milliseconds: number): boolean;

/** Returns a promise of what percpud-exporter shows of the namespace. */
export function latest(options?: { openMetrics?: boolean; waitMs?: number }): Promise<string>;

/** Has everything in the namespace count from 0. Returns the generation that it is in then. */
export function reset(options?: { ifGeneration?: number; waitMs?: number }): number;

export const version: string;
