// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_GATEWAY_PEER_IDENTITY_H_
#define PERCPUD_SERVER_GATEWAY_PEER_IDENTITY_H_

#include <openssl/x509.h>

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"

namespace percpud::gateway {

inline constexpr std::size_t kMaxIdentity = 512;

// Reads whom a certificate names, in the words of percpud's access rules: its SPIFFE id
// ("spiffe:spiffe://td/app"), else its first DNS name ("dns:db7.example"), else, if it has no
// alternative names at all, its common name ("cn:loader"). Errors: UNAUTHENTICATED for a
// certificate that names nobody, or several (two URIs), or in other signs than printable
// ASCII, or in more than kMaxIdentity bytes.
absl::StatusOr<std::string> IdentityOf(const X509& certificate);

}  // namespace percpud::gateway

#endif  // PERCPUD_SERVER_GATEWAY_PEER_IDENTITY_H_
