// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What daemon and clients agree on beside the messages themselves.

#ifndef PERCPUD_PROTO_ABI_V1_WIRE_H_
#define PERCPUD_PROTO_ABI_V1_WIRE_H_

#include <cstdint>

namespace percpud::abi::v1 {

// Where the packaged daemon serves, and clients look unless told otherwise.
inline constexpr char kDefaultAddress[] = "unix:/run/percpud/percpud.sock";

// The side door's socket lies beside the gRPC socket, with this behind its path.
inline constexpr char kDoorSuffix[] = ".door";

// How many answers of a session are kept for requests that come again, and how
// many requests a client has under way at most: the difference is for those whose
// answers are lost on the way.
inline constexpr std::uint32_t kAnswersKept = 256;
inline constexpr std::uint32_t kRequestsUnderWay = 128;

// The gRPC metadata in which a session's token rides, 16 bytes.
inline constexpr char kTokenKey[] = "percpud-token-bin";

// The gRPC metadata in which percpud-gateway says on whose behalf it passes a call on:
// "plain:127.0.0.1", the address of a peer that nothing vouches for. From anybody else
// percpud refuses it.
inline constexpr char kOnBehalfKey[] = "percpud-on-behalf-of";
inline constexpr char kPlainPeer[] = "plain:";

// Who gives a refusal its reason, and what the reason is packed as in
// grpc-status-details-bin (proto/percpud/v1/status.proto).
inline constexpr char kErrorDomain[] = "percpud";
inline constexpr char kErrorInfoUrl[] = "type.googleapis.com/google.rpc.ErrorInfo";

}  // namespace percpud::abi::v1

#endif  // PERCPUD_PROTO_ABI_V1_WIRE_H_
