// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// php-fpm's master runs no script, so that its children would inherit nothing, and one that is
// born while the daemon is away would count locally. So the master opens, before each fork, what
// there is in the namespace of php.ini.

#ifndef PERCPUD_CLIENT_PHP_SRC_INHERIT_H_
#define PERCPUD_CLIENT_PHP_SRC_INHERIT_H_

// Has forks of a master do so. Does nothing where PHP has none.
void InheritByForks(void);

// This process serves requests: it is no master.
void ServeRequests(void);

#endif  // PERCPUD_CLIENT_PHP_SRC_INHERIT_H_
