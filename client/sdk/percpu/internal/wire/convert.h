// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Conversions between the wire's messages and the SDK's values. Messages stop here: a
// change of a .proto file changes this file, and no signature of the SDK's.

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_CONVERT_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_CONVERT_H_

#include <string_view>

#include "absl/time/time.h"
#include "percpu/connection.h"
#include "percpu/introspection.h"
#include "percpu/types.h"
#include "percpud/v1/introspection.pb.h"
#include "percpud/v1/memory.pb.h"
#include "percpud/v1/session.pb.h"

namespace percpu::wire {

namespace v1 = ::percpud::v1;

v1::Region ToProto(Region region);
v1::Width ToProto(Width width);
v1::VariableType ToProto(VariableType type);
google::protobuf::Duration ToProto(absl::Duration duration);

absl::Duration FromProto(const google::protobuf::Duration& duration);
VariableType FromProto(v1::VariableType type);
AllocInfo FromProto(const v1::AllocInfo& info);
Group FromProto(const v1::Group& group);
UnitInfo FromProto(const v1::Unit& unit);
StaticVariable FromProto(const v1::StaticVariable& variable);
ChunkInfo FromProto(const v1::Chunk& chunk);
AreaInfo FromProto(const v1::Area& area);
SlotInfo FromProto(const v1::Slot& slot);
BuddyInfo FromProto(const v1::GetBuddyInfoResponse& info);
CheckedPart FromProto(const v1::Checked& part);
Stats FromProto(const v1::Stats& stats);
Owner FromProto(const v1::ResolveResponse& found);
AllocEstimate FromProto(const v1::EstimateAllocResponse& estimate);
SessionInfo FromProto(const v1::Session& session);
LeaseInfo FromProto(const v1::Lease& lease);
Variable FromProto(const v1::Variable& variable);
ChunkGrant FromProto(const v1::LeaseChunkResponse& lease);

// The areas are left out: they come in pages.
AreaMap FromProto(const v1::ListAreasResponse& map);

}  // namespace percpu::wire

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_WIRE_CONVERT_H_
