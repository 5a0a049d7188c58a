// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Conversions between the agent's messages and the SDK's values. Messages stop here.

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_FLEET_CONVERT_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_FLEET_CONVERT_H_

#include "percpu/fleet_connection.h"
#include "percpud/fleet/v1/fleet.pb.h"
#include "percpud/fleet/v1/reading.pb.h"

namespace percpu::fleet {

namespace v1 = ::percpud::fleet::v1;

FleetView FromProto(const v1::View& view);
FleetStatus FromProto(const v1::GetStatusResponse& status);
Placement FromProto(const v1::PlaceResponse& placed);
FamilySum FromProto(const v1::SumFamilyResponse& sum);
VariablesSum FromProto(const v1::SumVariablesResponse& sums);

v1::Asking ToProto(const SumOptions& options);

}  // namespace percpu::fleet

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_FLEET_CONVERT_H_
