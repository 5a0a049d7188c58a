<?php
// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Measures what it is told on its standard input, a call and how often: on percpud, or with APCu
// as promphp's adapters of it work.

declare(strict_types=1);

require_once __DIR__ . '/shop/shop.php';

use Prometheus\Storage\Adapter;

/** What promphp's APC adapters do with APCu: a key of texts, then look, add, and increment. */
final class Apcu
{
    private static function key(array $data, string $part): string
    {
        $values = base64_encode(json_encode($data['labelValues']));
        return implode(':', ['prom', $data['type'], $data['name'], $values, $part]);
    }

    private static function add(string $key, int $amount): void
    {
        if (apcu_fetch($key) === false) {
            apcu_add($key, 0);
        }
        apcu_inc($key, $amount);
    }

    public function updateCounter(array $data): void
    {
        self::add(self::key($data, 'value'), $data['value']);
    }

    public function updateHistogram(array $data): void
    {
        self::add(self::key($data, 'sum'), (int) ($data['value'] * 1000));
        $bucket = '+Inf';
        foreach ($data['buckets'] as $bound) {
            if ($data['value'] <= $bound) {
                $bucket = (string) $bound;
                break;
            }
        }
        self::add(self::key($data, $bucket), 1);
    }

    public function updateGauge(array $data): void
    {
        $key = self::key($data, 'value');
        do {
            $old = apcu_fetch($key);
        } while ($old === false ? !apcu_add($key, (int) $data['value'])
            : !apcu_cas($key, $old, (int) $data['value']));
    }
}

$kind = $argv[1] === 'apcu' ? new Apcu() : new \Percpud\Storage('bench');
$labelled = ['labelNames' => ['method', 'code'], 'labelValues' => ['get', '200']] + counted('', 1);
$plain = ['name' => 'hits', 'labelNames' => [], 'labelValues' => []] + counted('', 1);
$seconds = taken(0.7);
$stock = stocked(7, Adapter::COMMAND_SET);
$loops = [
    'inc' => static function (int $n) use ($kind, $plain): void {
        for ($i = 0; $i < $n; ++$i) {
            $kind->updateCounter($plain);
        }
    },
    'inc, 2 labels' => static function (int $n) use ($kind, $labelled): void {
        for ($i = 0; $i < $n; ++$i) {
            $kind->updateCounter($labelled);
        }
    },
    'observe' => static function (int $n) use ($kind, $seconds): void {
        for ($i = 0; $i < $n; ++$i) {
            $kind->updateHistogram($seconds);
        }
    },
    'set' => static function (int $n) use ($kind, $stock): void {
        for ($i = 0; $i < $n; ++$i) {
            $kind->updateGauge($stock);
        }
    },
    'apcu_inc alone' => static function (int $n) use ($argv, $kind, $plain): void {
        for ($i = 0; $i < $n; ++$i) {
            $argv[1] === 'apcu' ? apcu_inc('alone') : $kind->updateCounter($plain);
        }
    },
];
echo "ready\n";
while (($line = fgets(STDIN)) !== false) {
    $space = strrpos(trim($line), ' ');
    [$call, $times] = [substr($line, 0, $space), substr($line, $space + 1)];
    $begins = hrtime(true);
    $loops[$call]((int) $times);
    echo (hrtime(true) - $begins) / (int) $times, "\n";
}
