// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The prefixes of the name that percpud-gateway gives a peer that came by TLS. It travels in
// kOnBehalfKey (wire.h).

#ifndef PERCPUD_PROTO_ABI_V1_TLS_PEER_H_
#define PERCPUD_PROTO_ABI_V1_TLS_PEER_H_

namespace percpud::abi::v1 {

// Before what the peer's certificate says: "tls:spiffe:spiffe://td/app",
// "tls:dns:db7.example", "tls:cn:loader".
inline constexpr char kTlsPeer[] = "tls:";
// Before the address of a peer that has shown no certificate, and is nobody.
inline constexpr char kTlsStranger[] = "tls-stranger:";

}  // namespace percpud::abi::v1

#endif  // PERCPUD_PROTO_ABI_V1_TLS_PEER_H_
