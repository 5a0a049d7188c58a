// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/access/caller.h"

#include "absl/strings/str_cat.h"

namespace percpud {

std::string Name(const Identity& identity) {
  if (identity.IsUser()) return absl::StrCat("uid ", identity.uid.value());
  return identity.host.empty() ? "callers without a uid" : identity.host;
}

}  // namespace percpud
