// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/session/access/quota.h"

#include "server/base/errors.h"

namespace percpud {
namespace {

// What is held may be over a quota that was lowered since.
absl::Status Check(absl::string_view holder, absl::string_view what, std::uint64_t use,
                   std::uint64_t more, std::uint64_t limit) {
  if (more == 0 || (use <= limit && more <= limit - use)) return absl::OkStatus();
  return errors::QuotaExceeded(holder, what, use, more, limit);
}

}  // namespace

absl::Status Account::Charge(const Quota& quota, absl::string_view holder, const Usage& more) {
  absl::Status status =
      Check(holder, "bytes", use_.bytes.value(), more.bytes.value(), quota.bytes.value());
  if (status.ok()) status = Check(holder, "areas", use_.areas, more.areas, quota.areas);
  if (status.ok()) status = Check(holder, "leases", use_.leases, more.leases, quota.leases);
  if (status.ok()) {
    status = Check(holder, "bytes of the catalog", use_.records.value(), more.records.value(),
                   quota.records.value());
  }
  if (status.ok()) use_ += more;
  return status;
}

}  // namespace percpud
