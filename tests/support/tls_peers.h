// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// How a percpud that serves TLS is started, and how gRPC reaches it.

#ifndef PERCPUD_TESTS_SUPPORT_TLS_PEERS_H_
#define PERCPUD_TESTS_SUPPORT_TLS_PEERS_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/support/pki.h"

namespace percpud::testing {

// What the certificate of a percpud on loopback has to be good for.
inline Pki::Wish ServerWish(int days = 5) {
  return {.names = "DNS:localhost,IP:127.0.0.1", .usage = "serverAuth", .days = days};
}

// Flags for percpud, to serve with those files on one port of loopback, and in plain text on
// another.
std::vector<std::string> TlsFlags(const PemFiles& files);

// What a client of gRPC shows; nothing is checked beforehand. Without a certificate if the files
// have none.
std::shared_ptr<grpc::ChannelCredentials> CredentialsOf(const PemFiles& files);

// What a client of TLS begins with, as bytes.
std::string ClientHello();

}  // namespace percpud::testing

#endif  // PERCPUD_TESTS_SUPPORT_TLS_PEERS_H_
