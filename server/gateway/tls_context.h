// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_GATEWAY_TLS_CONTEXT_H_
#define PERCPUD_SERVER_GATEWAY_TLS_CONTEXT_H_

#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/gateway/tls_options.h"
#include "server/tls/material.h"
#include "server/tls/openssl.h"

namespace percpud::gateway {

// What connections are served with until the files change: certificate, key, and who may
// vouch for peers. Checked as a whole; immutable.
class TlsContext {
 public:
  // Errors: BadConfig with field and path; what is refused here never meets a peer.
  static absl::StatusOr<std::shared_ptr<const TlsContext>> Make(const TlsOptions& options,
                                                                const tls::Material& material,
                                                                absl::Time now);

  // A connection that is to be served with it. The application's data is the transport.
  [[nodiscard]] tls::Owned<SSL> NewConnection() const;
  // Until when it would let the peer of that connection in, whose handshake is over; the
  // infinite past if it would not. The connection may have been made with another context.
  [[nodiscard]] absl::Time AdmitsUntil(const SSL& connection) const;
  // Until when what has vouched for the peer in the handshake does.
  [[nodiscard]] static absl::Time VouchedUntil(const SSL& connection);
  // When the own certificate does.
  [[nodiscard]] absl::Time expires() const { return expires_; }

 private:
  TlsContext(tls::Owned<SSL_CTX> context, bool needs_certificate, absl::Time expires)
      : context_(std::move(context)), needs_certificate_(needs_certificate), expires_(expires) {}

  const tls::Owned<SSL_CTX> context_;
  const bool needs_certificate_;
  const absl::Time expires_;
};

}  // namespace percpud::gateway

#endif  // PERCPUD_SERVER_GATEWAY_TLS_CONTEXT_H_
