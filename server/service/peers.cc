// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/peers.h"

#include <algorithm>

namespace percpud {

std::shared_ptr<PeerAccount> Peers::AccountOf(const std::string& name) {
  RankedLock lock(&mu_);
  if (accounts_.size() >= sweep_at_) {
    absl::erase_if(accounts_, [](const auto& entry) { return entry.second.expired(); });
    sweep_at_ = std::max<std::size_t>(64, accounts_.size() * 2);
  }
  std::weak_ptr<PeerAccount>& held = accounts_[name];
  std::shared_ptr<PeerAccount> account = held.lock();
  if (account == nullptr) held = account = std::make_shared<PeerAccount>();
  return account;
}

}  // namespace percpud
