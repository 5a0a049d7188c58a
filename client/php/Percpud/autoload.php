<?php
// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Finds Percpud\Storage for applications that have no other autoloader for it.

declare(strict_types=1);

spl_autoload_register(static function (string $class): void {
    if ($class === 'Percpud\Storage') {
        require __DIR__ . '/Storage.php';
    }
});
