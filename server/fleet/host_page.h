// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_FLEET_HOST_PAGE_H_
#define PERCPUD_SERVER_FLEET_HOST_PAGE_H_

#include <google/protobuf/message.h>
#include <grpcpp/support/byte_buffer.h>

#include <cstddef>

#include "absl/status/status.h"

namespace percpud::fleet {

// Entries of a page, and fields of all its entries: percpud has 1000 and some, and sends 65536
// cells. A field of two bytes may become an object of two hundred.
inline constexpr std::size_t kMostEntriesOfPage = 2048;
inline constexpr std::size_t kMostFieldsOfPage = 200'000;

// Reads what another host says: a message whose entries are messages themselves. It is counted
// before it is unpacked, for that host need not be percpud. Errors: RESOURCE_EXHAUSTED, for more
// than a page may have; DATA_LOSS, for what is no such message.
absl::Status ReadPage(const grpc::ByteBuffer& wire, google::protobuf::Message& out);

}  // namespace percpud::fleet

#endif  // PERCPUD_SERVER_FLEET_HOST_PAGE_H_
