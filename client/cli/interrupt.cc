// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/interrupt.h"

#include <array>
#include <cassert>
#include <csignal>
#include <cstddef>

namespace percpu::cli {
namespace {

constexpr std::array kSignals = {SIGINT, SIGTERM, SIGHUP};

volatile std::sig_atomic_t last_signal = 0;

void Remember(int signal) { last_signal = signal; }

}  // namespace

Interrupt::Interrupt() {
  struct sigaction remember {};
  remember.sa_handler = Remember;
  // The second one finds the default again. System calls are not restarted, so
  // that a wait ends at once.
  remember.sa_flags = static_cast<int>(SA_RESETHAND);
  sigemptyset(&remember.sa_mask);
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    const int failed = sigaction(kSignals[i], &remember, &before_[i]);
    assert(failed == 0);
    static_cast<void>(failed);
  }
}

Interrupt::~Interrupt() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &before_[i], nullptr);
}

int Interrupt::signal() { return last_signal; }

void Interrupt::Forget() { last_signal = 0; }

}  // namespace percpu::cli
