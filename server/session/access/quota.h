// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SESSION_ACCESS_QUOTA_H_
#define PERCPUD_SERVER_SESSION_ACCESS_QUOTA_H_

#include <cassert>
#include <cstdint>
#include <limits>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/base/units.h"

namespace percpud {

// What is held: bytes of one unit, in areas and leases, and what the catalog
// needs to remember it.
struct Usage {
  Bytes bytes;
  std::uint64_t areas = 0;
  std::uint64_t leases = 0;
  // Bytes of the catalog.
  Bytes records = {};

  constexpr Usage& operator+=(const Usage& other) {
    bytes += other.bytes;
    areas += other.areas;
    leases += other.leases;
    records += other.records;
    return *this;
  }
  constexpr Usage& operator-=(const Usage& other) {
    bytes -= other.bytes;
    areas -= other.areas;
    leases -= other.leases;
    records -= other.records;
    return *this;
  }
  friend bool operator==(const Usage&, const Usage&) = default;
};

// The most of each that may be held.
struct Quota {
  Bytes bytes = Bytes::Max();
  std::uint64_t areas = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t leases = std::numeric_limits<std::uint64_t>::max();
  Bytes records = Bytes::Max();
};

// What one holder uses, against its quota. Not thread safe.
class Account {
 public:
  // Takes all of `more`, or nothing. `holder` ("session 7", "uid 1000") is for
  // the message. Errors: QuotaExceeded, naming quota, use and request.
  absl::Status Charge(const Quota& quota, absl::string_view holder, const Usage& more);
  // REQUIRES: as much was charged.
  void Refund(const Usage& less) {
    assert(less.bytes <= use_.bytes && less.areas <= use_.areas && less.leases <= use_.leases &&
           less.records <= use_.records);
    use_ -= less;
  }
  // Charges what was held before, whatever the quota says by now.
  void Restore(const Usage& held) { use_ += held; }
  [[nodiscard]] const Usage& use() const { return use_; }

 private:
  Usage use_;
};

}  // namespace percpud

#endif  // PERCPUD_SERVER_SESSION_ACCESS_QUOTA_H_
