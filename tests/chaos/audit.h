// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_CHAOS_AUDIT_H_
#define PERCPUD_TESTS_CHAOS_AUDIT_H_

#include <string>

#include "tests/chaos/shadow.h"

namespace percpu::chaos {

// Holds what the daemon knows against the shadow, while everybody rests, and reports
// what differs. Returns the process's exit status: 0 if the daemon could be asked.
int Audit(Shadow& shadow, const std::string& address);

}  // namespace percpu::chaos

#endif  // PERCPUD_TESTS_CHAOS_AUDIT_H_
