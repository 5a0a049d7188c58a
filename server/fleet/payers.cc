// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/payers.h"

#include <sys/socket.h>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace percpud::fleet {

SlowLane::Payer Payers::Of(const std::string& connection) {
  absl::string_view number = connection;
  int fd = -1;
  ucred peer{};
  socklen_t size = sizeof(peer);
  const bool is_known = absl::ConsumePrefix(&number, "fd:") && absl::SimpleAtoi(number, &fd) &&
                        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
  if (!is_known) return nullptr;
  const RankedLock lock(&mutex_);
  return &*users_.insert(peer.uid).first;
}

bool Payers::IsRoot(SlowLane::Payer payer) {
  return payer != nullptr && *static_cast<const uid_t*>(payer) == 0;
}

}  // namespace percpud::fleet
