// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/turns.h"

#include <cassert>
#include <utility>

namespace percpud::fleet {

Turns::Turns(std::string name, int threads, int most_of_payer)
    : most_of_payer_(most_of_payer), lane_(std::move(name), threads) {
  assert(most_of_payer > 0);
}

Turns::~Turns() { lane_.Close(); }

bool Turns::Run(SlowLane::Payer payer, std::function<void()> work) {
  {
    const RankedLock lock(&mutex_);
    Account& account = accounts_[payer];
    if (account.running == most_of_payer_) {
      if (account.waiting.size() == kMostWaiting) return false;
      account.waiting.push_back(std::move(work));
      return true;
    }
    ++account.running;
  }
  Begin(payer, std::move(work));
  return true;
}

void Turns::Begin(SlowLane::Payer payer, std::function<void()> work) {
  lane_.Run(payer, [this, payer, work = std::move(work)]() mutable {
    work();
    work = NextOf(payer);
    // Behind all others whose turn it is.
    if (work != nullptr) Begin(payer, std::move(work));
  });
}

std::function<void()> Turns::NextOf(SlowLane::Payer payer) {
  const RankedLock lock(&mutex_);
  const auto found = accounts_.find(payer);
  assert(found != accounts_.end() && found->second.running > 0);
  Account& account = found->second;
  if (account.waiting.empty()) {
    if (--account.running == 0) accounts_.erase(found);
    return nullptr;
  }
  std::function<void()> next = std::move(account.waiting.front());
  account.waiting.pop_front();
  return next;
}

}  // namespace percpud::fleet
