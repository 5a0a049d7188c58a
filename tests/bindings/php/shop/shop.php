<?php
// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What a request of the tests' application counts, as promphp's metrics give it to a storage.

declare(strict_types=1);

require_once __DIR__ . '/../promphp.php';
require_once getenv('PERCPUD_PHP_DIR') . '/Percpud/autoload.php';

use Prometheus\Storage\Adapter;

function counted(string $code, int $times): array
{
    return ['name' => 'shop_requests', 'help' => 'Requests.', 'type' => 'counter',
        'labelNames' => ['code'], 'labelValues' => [$code], 'value' => $times,
        'command' => Adapter::COMMAND_INCREMENT_INTEGER];
}

function taken(float $seconds): array
{
    return ['name' => 'shop_seconds', 'help' => 'How long.', 'type' => 'histogram',
        'labelNames' => [], 'labelValues' => [], 'value' => $seconds, 'buckets' => [0.5, 1, 2.5]];
}

function stocked(float $value, int $command): array
{
    return ['name' => 'shop_stock', 'help' => 'What is left.', 'type' => 'gauge',
        'labelNames' => [], 'labelValues' => [], 'value' => $value, 'command' => $command];
}

/** One line for each sample, as name{values} value. */
function shown(\Percpud\Storage $storage): string
{
    $lines = '';
    foreach ($storage->collect() as $family) {
        foreach ($family->samples as $sample) {
            $lines .= sprintf("%s{%s} %s\n", $sample->name, implode(',', $sample->labelValues), $sample->value);
        }
    }
    return $lines;
}
