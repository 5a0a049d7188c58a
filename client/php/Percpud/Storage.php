<?php
// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

declare(strict_types=1);

namespace Percpud;

use Prometheus\Exception\StorageException;
use Prometheus\MetricFamilySamples;
use Prometheus\Storage\Adapter;

/**
 * Metrics of promphp/prometheus_client_php that all processes of an application share. They
 * belong to no worker: one that is recycled or killed takes nothing with it.
 *
 *     $registry = new \Prometheus\CollectorRegistry(new \Percpud\Storage('shop'));
 *
 * Updates are the extension's: they come with Store. A summary has a count and a sum and no
 * quantiles, which samples of one process after another do not make: use a histogram.
 */
class Storage extends Store implements Adapter
{
    /**
     * @return MetricFamilySamples[] of all processes
     */
    public function collect(bool $sortMetrics = true): array
    {
        return array_map(
            static fn (array $family): MetricFamilySamples => new MetricFamilySamples($family),
            $this->families($sortMetrics)
        );
    }

    /**
     * Takes everything away that the namespace has, for all processes.
     *
     * @throws StorageException if the daemon does not do it
     */
    public function wipeStorage(): void
    {
        try {
            $this->wipe();
        } catch (\RuntimeException $error) {
            throw new StorageException($error->getMessage(), 0, $error);
        }
    }
}
