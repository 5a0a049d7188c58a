// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Request fields that have a new name and are read under the former one, too, until
// the next version of the contract drops it. Everything else reads them through here.

#ifndef PERCPUD_SERVER_SERVICE_FORMER_NAMES_H_
#define PERCPUD_SERVER_SERVICE_FORMER_NAMES_H_

#include <cstdint>

#include "percpud/v1/memory.pb.h"
#include "percpud/v1/session.pb.h"

namespace percpud {

// The contract warns clients of the former names; here they are meant.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

inline const google::protobuf::RepeatedField<std::uint64_t>& SizesOf(
    const v1::AllocRequest& request) {
  return request.sizes_bytes().empty() ? request.sizes() : request.sizes_bytes();
}

inline std::uint64_t LengthOf(const v1::ReadRequest& request) {
  return request.length_bytes() == 0 ? request.length() : request.length_bytes();
}

inline std::uint64_t SizeOf(const v1::OpenVariableRequest& request) {
  return request.size_bytes() == 0 ? request.size() : request.size_bytes();
}

#pragma GCC diagnostic pop

}  // namespace percpud

#endif  // PERCPUD_SERVER_SERVICE_FORMER_NAMES_H_
