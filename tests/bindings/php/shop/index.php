<?php
// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The tests' application under php-fpm.

declare(strict_types=1);

require_once __DIR__ . '/shop.php';

use Prometheus\Storage\Adapter;

$storage = new \Percpud\Storage();
switch ($_SERVER['SCRIPT_NAME']) {
    case '/buy':
        $storage->updateCounter(counted('200', 1));
        $storage->updateHistogram(taken(1.0));
        $storage->updateGauge(stocked(-1, Adapter::COMMAND_INCREMENT_FLOAT));
        echo 'bought';
        break;
    case '/fill':
        $storage->updateGauge(stocked((float) $_SERVER['QUERY_STRING'], Adapter::COMMAND_SET));
        echo 'filled';
        break;
    case '/restock':
        $storage->updateCounter(counted('200', 1));
        $storage->updateHistogram(taken(1.0));
        $storage->updateGauge(stocked((float) $_SERVER['QUERY_STRING'], Adapter::COMMAND_SET));
        echo getmypid();
        break;
    case '/wipe':
        $storage->wipeStorage();
        echo 'wiped';
        break;
    case '/pid':
        echo getmypid();
        break;
    default:
        echo shown($storage);
}
