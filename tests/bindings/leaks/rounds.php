<?php
// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// usage: php rounds.php ROUNDS
//
// All that the extension does, again and again. What a round has made is dropped at its end.

declare(strict_types=1);

require_once __DIR__ . '/../php/shop/shop.php';

use Percpud\Storage;
use Prometheus\Storage\Adapter;

function countAll(): void
{
    $storage = new Storage('leaks');
    foreach (['200', '404', "\xff"] as $code) {
        $storage->updateCounter(counted($code, 2));
    }
    $storage->updateHistogram(taken(0.7));
    $storage->updateGauge(stocked(7, Adapter::COMMAND_SET));
    $storage->updateGauge(stocked(1, Adapter::COMMAND_INCREMENT_FLOAT));
    $storage->updateSummary(['name' => 'bytes', 'help' => 'Bytes.', 'type' => 'summary', 'labelNames' => [],
        'labelValues' => [], 'value' => 3.0, 'quantiles' => [0.5], 'maxAgeSeconds' => 60]);
    // In another shape: it is refused, and counts here.
    $storage->updateCounter(['labelNames' => [], 'labelValues' => []] + counted('200', 1));
    foreach ([[], ['name' => 3], ['labelValues' => [new stdClass()]] + counted('200', 1)] as $wrong) {
        try {
            $storage->updateCounter($wrong);
        } catch (\Throwable) {
            continue;
        }
    }
    shown($storage);
    $storage->render(true);
    $storage->wipeStorage();
}

ini_set('error_log', '/dev/null');
for ($i = 0; $i < (int) $argv[1]; ++$i) {
    countAll();
    gc_collect_cycles();
}
