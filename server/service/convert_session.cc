// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/base/errors.h"
#include "server/service/convert.h"
#include "server/session/wire_numbers.h"

namespace percpud {
namespace {

static_assert(NumberOf(Region::kDynamic) == v1::REGION_DYNAMIC);
static_assert(NumberOf(Region::kReserved) == v1::REGION_RESERVED);
static_assert(NumberOf(VariableType::kCounter) == v1::VARIABLE_TYPE_COUNTER);
static_assert(NumberOf(VariableType::kGauge) == v1::VARIABLE_TYPE_GAUGE);
static_assert(NumberOf(VariableType::kHistogram) == v1::VARIABLE_TYPE_HISTOGRAM);
static_assert(NumberOf(VariableType::kBytes) == v1::VARIABLE_TYPE_BYTES);

v1::SessionKind KindProto(SessionKind kind) {
  switch (kind) {
    case SessionKind::kLocalReadWrite:
      return v1::SESSION_KIND_LOCAL_READ_WRITE;
    case SessionKind::kLocalReadOnly:
      return v1::SESSION_KIND_LOCAL_READ_ONLY;
    case SessionKind::kLocalUnmapped:
      return v1::SESSION_KIND_LOCAL_UNMAPPED;
    case SessionKind::kRemote:
      return v1::SESSION_KIND_REMOTE;
  }
  return v1::SESSION_KIND_UNSPECIFIED;
}

}  // namespace

v1::VariableType ToProto(VariableType type) {
  return static_cast<v1::VariableType>(NumberOf(type));
}

google::protobuf::Timestamp ToProto(absl::Time time) {
  google::protobuf::Timestamp out;
  // Whole seconds round down, so that the rest is never negative.
  out.set_seconds(absl::ToUnixSeconds(time));
  out.set_nanos(static_cast<std::int32_t>(
      absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(out.seconds()))));
  return out;
}

google::protobuf::Duration ToProto(absl::Duration duration) {
  google::protobuf::Duration out;
  out.set_seconds(absl::ToInt64Seconds(duration));
  out.set_nanos(static_cast<std::int32_t>(absl::ToInt64Nanoseconds(duration % absl::Seconds(1))));
  return out;
}

absl::StatusOr<absl::Duration> FromProto(absl::string_view field,
                                         const google::protobuf::Duration& wire, absl::Duration low,
                                         absl::Duration high) {
  // Clamped before it becomes a Duration: both fields are the caller's.
  const std::int64_t seconds =
      std::clamp<std::int64_t>(wire.seconds(), -1, absl::ToInt64Seconds(high) + 1);
  const absl::Duration duration = absl::Seconds(seconds) + absl::Nanoseconds(wire.nanos());
  if (duration >= low && duration <= high) return duration;
  return errors::FieldOutOfRange(absl::StrCat(field, " (ms)"), absl::ToInt64Milliseconds(duration),
                                 absl::ToInt64Milliseconds(low), absl::ToInt64Milliseconds(high));
}

v1::Session ToProto(const SessionSnapshot& session) {
  v1::Session out;
  out.set_session_id(session.id.value());
  out.set_kind(KindProto(session.spec.kind));
  if (session.spec.peer) {
    out.set_pid(session.spec.peer->pid.value());
    out.set_uid(session.spec.peer->uid.value());
  }
  out.set_command(session.spec.command);
  *out.mutable_age() = ToProto(session.age);
  *out.mutable_create_time() = ToProto(session.opened);
  out.set_held_bytes(session.use.bytes.value());
  out.set_areas(session.use.areas);
  out.set_leases(session.use.leases);
  out.set_state(session.state == Session::State::kLeft ? v1::SESSION_STATE_LEFT
                                                       : v1::SESSION_STATE_LIVE);
  return out;
}

v1::Variable ToProto(const Variable& variable) {
  v1::Variable out;
  out.set_name(variable.name);
  out.set_type(ToProto(variable.type));
  out.set_pointer(variable.pointer.value());
  out.set_size_bytes(variable.size.value());
  if (variable.maker.IsUser()) out.set_uid(variable.maker.uid.value());
  return out;
}

v1::Lease ToProto(const LeaseRecord& record, const LeaseSnapshot& snapshot) {
  v1::Lease out;
  out.set_chunk_id(record.chunk.id.value());
  out.set_pointer(record.chunk.base.value());
  out.set_unit_size_bytes(record.chunk.unit_size.value());
  if (record.holder != kNoSession) out.set_session_id(record.holder.value());
  out.set_name(record.name);
  out.set_live_areas(snapshot.areas.size());
  out.set_live_bytes(snapshot.live_bytes.value());
  out.set_map_fault(std::string(snapshot.verdict.message()));
  return out;
}

}  // namespace percpud
