// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_GATEWAY_TLS_TRANSPORT_H_
#define PERCPUD_SERVER_GATEWAY_TLS_TRANSPORT_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/unique_fd.h"
#include "server/gateway/tls_context.h"
#include "server/gateway/transport.h"
#include "server/tls/openssl.h"

namespace percpud::gateway {

// A socket with TLS on top. The handshake comes first, in steps; when it is done, the
// bytes are the peer's. One thread.
class TlsTransport final : public Transport {
 public:
  enum class Step : std::uint8_t {
    kDone,
    kWantsRead,
    kWantsWrite,
    // The peer has said hello, and the costly part waits for Admit.
    kHasGreeted,
    kFailed,
  };

  // `current`: what new connections are served with, which may change; it outlives the
  // transport and is not null now.
  TlsTransport(UniqueFd fd, const std::shared_ptr<const TlsContext>& current);
  ~TlsTransport() override;
  TlsTransport(const TlsTransport&) = delete;
  TlsTransport& operator=(const TlsTransport&) = delete;

  // --- The handshake ------------------------------------------------------------------
  // Goes on with it as far as the socket lets it.
  Step Continue();
  // The costly part may begin.
  void Admit() { is_admitted_ = true; }
  // What was wrong. REQUIRES: it has failed.
  [[nodiscard]] const std::string& failure() const { return failure_; }
  // Who the peer is, as its certificate says (peer_identity.h); empty for a peer without
  // one. REQUIRES: it is done. Errors: as IdentityOf.
  [[nodiscard]] absl::StatusOr<std::string> Identity() const;

  // --- Afterwards ---------------------------------------------------------------------
  [[nodiscard]] int fd() const override { return fd_.get(); }
  Transfer Read(std::span<std::uint8_t> out) override;
  Transfer Write(std::span<const std::uint8_t> bytes) override;
  [[nodiscard]] bool IsPeerGood() override;

  // OpenSSL's callback, once it has the whole of a peer's hello.
  static int OnClientHello(SSL* connection, int* alert, void* unused);

 private:
  Transfer ToTransfer(int result);
  void Fail();

  const UniqueFd fd_;
  const std::shared_ptr<const TlsContext>& current_;
  // The one that last found the peer good, and until when.
  std::shared_ptr<const TlsContext> context_;
  absl::Time good_until_ = absl::InfiniteFuture();
  const tls::Owned<SSL> ssl_;
  bool is_admitted_ = false;
  // Both sides may still be told good-bye.
  bool is_open_ = false;
  std::string failure_;
};

}  // namespace percpud::gateway

#endif  // PERCPUD_SERVER_GATEWAY_TLS_TRANSPORT_H_
