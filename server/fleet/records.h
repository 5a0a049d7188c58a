// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What etcd holds of a fleet, between JSON and messages.

#ifndef PERCPUD_SERVER_FLEET_RECORDS_H_
#define PERCPUD_SERVER_FLEET_RECORDS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "percpud/fleet/v1/fleet.pb.h"
#include "server/fleet/etcd.h"
#include "server/fleet/names.h"

namespace percpud::fleet {

google::protobuf::Timestamp ToTimestamp(absl::Time time);

// JSON in one line, as it lies in etcd.
std::string ToJson(const google::protobuf::Message& message);
// JSON for people and files.
std::string ToPrettyJson(const google::protobuf::Message& message);

// A host's share of the keys is not more than this beside 1, which is usual.
inline constexpr double kMostWeight = 1000;
// Bytes of what etcd holds of one host, or of one mark.
inline constexpr std::size_t kMostRecord = 16 << 10;

// Fields that this version does not know are passed over. Errors: INVALID_ARGUMENT, also for a
// text that is too long, and for a weight that no host may have.
absl::StatusOr<v1::HostRecord> ParseRecord(absl::string_view json);
absl::StatusOr<v1::DrainMark> ParseMark(absl::string_view json);
absl::StatusOr<v1::View> ParseView(absl::string_view json);

// Something that has changed, or is, in a fleet.
struct HostIs {
  v1::HostRecord record;
  std::int64_t mod_revision = 0;
};
struct HostGone {};
struct Drained {
  v1::DrainMark mark;
};
struct NotDrained {};
struct Change {
  std::string name;
  std::variant<HostIs, HostGone, Drained, NotDrained> what;
};

// nullopt for keys that are neither a host's nor a mark's, and for values that cannot be
// read: what somebody else wrote there harms nobody.
std::optional<Change> ToChange(const Keys& keys, const EtcdEvent& event);

}  // namespace percpud::fleet

#endif  // PERCPUD_SERVER_FLEET_RECORDS_H_
