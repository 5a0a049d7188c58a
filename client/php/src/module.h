// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What the sources of the extension share: PHP's headers, and what a process keeps from one
// request to the next.

#ifndef PERCPUD_CLIENT_PHP_SRC_MODULE_H_
#define PERCPUD_CLIENT_PHP_SRC_MODULE_H_

#include <php.h>
#include <stdint.h>

#include "client/c/percpud.h"

#define PERCPUD_PHP_VERSION "0.1.0"

struct Link;

// Each process has one, or each thread where PHP has threads.
ZEND_BEGIN_MODULE_GLOBALS(percpud)
// Namespaces that were asked for.
struct Link* links;
ZEND_END_MODULE_GLOBALS(percpud)

ZEND_EXTERN_MODULE_GLOBALS(percpud)
#define PERCPUD_G(name) ZEND_MODULE_GLOBALS_ACCESSOR(percpud, name)

extern zend_module_entry percpud_module_entry;
#define phpext_percpud_ptr (&percpud_module_entry)

// Makes the class Percpud\Store.
void RegisterStore(void);

#endif  // PERCPUD_CLIENT_PHP_SRC_MODULE_H_
