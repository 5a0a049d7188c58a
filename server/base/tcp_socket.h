// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_BASE_TCP_SOCKET_H_
#define PERCPUD_SERVER_BASE_TCP_SOCKET_H_

#include <string>

#include "absl/status/statusor.h"
#include "server/base/unique_fd.h"

namespace percpud {

// A listening TCP socket and the address it is bound to.
struct TcpSocket {
  UniqueFd fd;
  // "127.0.0.1:8080", "[::1]:8080": a port asked for as 0 has its number.
  std::string address;
};

// Binds "HOST:PORT" and listens; non-blocking, close-on-exec. Two daemons never share a
// port. Errors: AddressInUse if another daemon serves it, BadConfig for a host that has no
// address, otherwise what the system said.
absl::StatusOr<TcpSocket> BindTcp(const std::string& address);

// Whether `host` ("127.0.0.1", "[::1]", "localhost") is one that only this machine
// reaches. Another name than localhost may mean another host tomorrow.
bool IsLoopback(const std::string& host);

}  // namespace percpud

#endif  // PERCPUD_SERVER_BASE_TCP_SOCKET_H_
