// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_FLEET_DIFFERENCES_H_
#define PERCPUD_SERVER_FLEET_DIFFERENCES_H_

#include <string>
#include <vector>

#include "percpud/fleet/v1/fleet.pb.h"

namespace percpud::fleet {

// What has happened between two views, for the log: a line each, at most `most` lines and one
// that counts the rest.
std::vector<std::string> Differences(const v1::View& before, const v1::View& after,
                                     std::size_t most = 20);

}  // namespace percpud::fleet

#endif  // PERCPUD_SERVER_FLEET_DIFFERENCES_H_
