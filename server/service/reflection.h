// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_SERVICE_REFLECTION_H_
#define PERCPUD_SERVER_SERVICE_REFLECTION_H_

#include <string>
#include <vector>

#include "grpc/reflection/v1alpha/reflection.pb.h"

namespace percpud {

// Answers one request of gRPC's reflection protocol from the descriptors that are
// linked in. `services` are the names of the services that the server has.
void Reflect(const std::vector<std::string>& services,
             const grpc::reflection::v1alpha::ServerReflectionRequest& request,
             grpc::reflection::v1alpha::ServerReflectionResponse& response);

}  // namespace percpud

#endif  // PERCPUD_SERVER_SERVICE_REFLECTION_H_
