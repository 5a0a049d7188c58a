<?php
// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What percpud sees of promphp/prometheus_client_php, which Debian does not have: the
// interface of a storage, and the classes of what it collects.

declare(strict_types=1);

namespace Prometheus\Exception {
    class StorageException extends \Exception
    {
    }
}

namespace Prometheus\Storage {
    interface Adapter
    {
        public const COMMAND_INCREMENT_INTEGER = 1;
        public const COMMAND_INCREMENT_FLOAT = 2;
        public const COMMAND_SET = 3;

        public function collect(bool $sortMetrics = true): array;

        public function updateSummary(array $data): void;

        public function updateHistogram(array $data): void;

        public function updateGauge(array $data): void;

        public function updateCounter(array $data): void;

        public function wipeStorage(): void;
    }
}

namespace Prometheus {
    class Sample
    {
        public string $name;
        public array $labelNames;
        public array $labelValues;
        public int|float $value;

        public function __construct(array $data)
        {
            $this->name = $data['name'];
            $this->labelNames = $data['labelNames'];
            $this->labelValues = $data['labelValues'];
            $this->value = $data['value'];
        }
    }

    class MetricFamilySamples
    {
        public string $name;
        public string $type;
        public string $help;
        public array $labelNames;
        /** @var Sample[] */
        public array $samples = [];

        public function __construct(array $data)
        {
            $this->name = $data['name'];
            $this->type = $data['type'];
            $this->help = $data['help'];
            $this->labelNames = $data['labelNames'];
            foreach ($data['samples'] as $sample) {
                $this->samples[] = new Sample($sample);
            }
        }
    }
}
