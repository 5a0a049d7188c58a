// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What the sources of the extension share. Ruby's lock guards all of its state, but for
// what is said to be atomic.

#ifndef PERCPUD_CLIENT_RUBY_EXT_PERCPUD_NATIVE_H_
#define PERCPUD_CLIENT_RUBY_EXT_PERCPUD_NATIVE_H_

#include <percpud.h>
#include <ruby.h>
#include <stdint.h>

// Each defines the classes of one source in Percpud::Native.
void InitClient(VALUE module);
void InitFamily(VALUE module);
void InitValue(VALUE module);
void InitDistribution(VALUE module);
void InitStore(VALUE module);

// Defines a class whose objects are made by `new` alone.
VALUE DefineClass(VALUE module, const char* name, rb_alloc_func_t allocate);

// A number that changes when this process is the child of a fork: what a process has
// counted itself begins anew there.
uint64_t Forks(void);

// Returns a number as a double, by to_f if need be; raises TypeError for other objects.
double ToDouble(VALUE number);

#endif  // PERCPUD_CLIENT_RUBY_EXT_PERCPUD_NATIVE_H_
