// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/gateway/tls_transport.h"

#include <openssl/err.h>
#include <sys/socket.h>

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/gateway/peer_identity.h"

namespace percpud::gateway {
namespace {

// What a peer who is refused may have sent behind its last word.
constexpr int kMaxRest = 4;
constexpr std::size_t kRest = 16 << 10;

}  // namespace

TlsTransport::TlsTransport(UniqueFd fd, const std::shared_ptr<const TlsContext>& current)
    : fd_(std::move(fd)), current_(current), context_(current), ssl_(current->NewConnection()) {
  SSL_set_fd(ssl_.get(), fd_.get());
  SSL_set_accept_state(ssl_.get());
  SSL_set_app_data(ssl_.get(), this);
}

TlsTransport::~TlsTransport() {
  if (is_open_) SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

int TlsTransport::OnClientHello(SSL* connection, int* /*alert*/, void* /*unused*/) {
  const auto* const self = static_cast<const TlsTransport*>(SSL_get_app_data(connection));
  return self->is_admitted_ ? SSL_CLIENT_HELLO_SUCCESS : SSL_CLIENT_HELLO_RETRY;
}

TlsTransport::Step TlsTransport::Continue() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) {
    is_open_ = true;
    good_until_ = TlsContext::VouchedUntil(*ssl_);
    return Step::kDone;
  }
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return Step::kWantsRead;
    case SSL_ERROR_WANT_WRITE:
      return Step::kWantsWrite;
    case SSL_ERROR_WANT_CLIENT_HELLO_CB:
      return Step::kHasGreeted;
    default:
      Fail();
      return Step::kFailed;
  }
}

void TlsTransport::Fail() {
  const long against = SSL_get_verify_result(ssl_.get());
  const unsigned long error = ERR_peek_error();
  const char* const reason = error == 0 ? nullptr : ERR_reason_error_string(error);
  if (against != X509_V_OK) {
    failure_ = absl::StrCat("its certificate: ", X509_verify_cert_error_string(against));
  } else {
    failure_ = reason == nullptr ? "the connection ended" : reason;
  }
  ERR_clear_error();
  // A socket that is closed with something unread takes back what it has sent: the peer would
  // not hear why.
  shutdown(fd_.get(), SHUT_WR);
  std::array<std::uint8_t, kRest> rest;
  for (int i = 0; i < kMaxRest && recv(fd_.get(), rest.data(), rest.size(), MSG_DONTWAIT) > 0;) ++i;
}

absl::StatusOr<std::string> TlsTransport::Identity() const {
  const X509* const certificate = SSL_get0_peer_certificate(ssl_.get());
  if (certificate == nullptr) return std::string();
  return IdentityOf(*certificate);
}

Transfer TlsTransport::ToTransfer(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return {Transfer::End::kBlocked};
    case SSL_ERROR_ZERO_RETURN:
      return {Transfer::End::kClosed};
    default:
      is_open_ = false;
      return {Transfer::End::kClosed};
  }
}

Transfer TlsTransport::Read(std::span<std::uint8_t> out) {
  ERR_clear_error();
  const int read = SSL_read(ssl_.get(), out.data(), static_cast<int>(out.size()));
  if (read > 0) return {Transfer::End::kDone, static_cast<std::size_t>(read)};
  return ToTransfer(read);
}

Transfer TlsTransport::Write(std::span<const std::uint8_t> bytes) {
  ERR_clear_error();
  const int written = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
  if (written > 0) return {Transfer::End::kDone, static_cast<std::size_t>(written)};
  return ToTransfer(written);
}

bool TlsTransport::IsPeerGood() {
  if (context_ != current_) {
    good_until_ = current_->AdmitsUntil(*ssl_);
    context_ = current_;
  }
  return absl::Now() <= good_until_;
}

}  // namespace percpud::gateway
