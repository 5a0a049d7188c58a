// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Between the allocator's plain structs and the wire's messages. Protobuf types
// stop here.

#ifndef PERCPUD_SERVER_SERVICE_CONVERT_H_
#define PERCPUD_SERVER_SERVICE_CONVERT_H_

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "percpud/v1/introspection.pb.h"
#include "percpud/v1/memory.pb.h"
#include "percpud/v1/session.pb.h"
#include "server/percpu/allocator/allocator.h"
#include "server/percpu/introspect/snapshot.h"
#include "server/session/sessions.h"

namespace percpud {

v1::AllocInfo AllocInfoProto(const Allocator& allocator);
v1::Group ToProto(const GroupInfo& group, Bytes unit_size);
v1::Unit UnitProto(const AllocInfo& info, const GroupInfo& group, UnitId unit);
v1::StaticVariable ToProto(const StaticVariable& variable);
v1::Chunk ToProto(const ChunkSnapshot& chunk);
v1::Area ToProto(const AreaSnapshot& area);
v1::Slot ToProto(const SlotSnapshot& slot);
v1::Stats ToProto(const Stats& stats);
void ToProto(const BuddyState& buddy, v1::GetBuddyInfoResponse& out);
void ToProto(const Resolution& resolution, v1::ResolveResponse& out);
void ToProto(const Estimate& estimate, v1::EstimateAllocResponse& out);
google::protobuf::Timestamp ToProto(absl::Time time);
google::protobuf::Duration ToProto(absl::Duration duration);
// Errors: FieldOutOfRange.
absl::StatusOr<absl::Duration> FromProto(absl::string_view field,
                                         const google::protobuf::Duration& wire, absl::Duration low,
                                         absl::Duration high);
v1::VariableType ToProto(VariableType type);
v1::Session ToProto(const SessionSnapshot& session);
v1::Variable ToProto(const Variable& variable);
v1::Lease ToProto(const LeaseRecord& record, const LeaseSnapshot& snapshot);
// The occupancy picture: cells, their size, and the managed range.
void DrawOccupancy(const AreaMapSnapshot& map, v1::ListAreasResponse& out);

}  // namespace percpud

#endif  // PERCPUD_SERVER_SERVICE_CONVERT_H_
