// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/gateway/tls_context.h"

#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <new>

#include "absl/strings/string_view.h"
#include "server/base/status_macros.h"
#include "server/gateway/tls_transport.h"
#include "server/tls/certificates.h"

namespace percpud::gateway {
namespace {

constexpr char kCiphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20";
// Authorities between a peer's certificate and a trusted one.
constexpr int kMaxDepth = 8;
// Bytes of the certificates that a peer may send.
constexpr long kMaxPeerChain = 64 << 10;
// Certificates of it: the peer's own, those authorities, and a trusted one that nobody needs.
constexpr int kMaxPeerCertificates = kMaxDepth + 2;
constexpr std::array<unsigned char, 7> kSessions{'p', 'e', 'r', 'c', 'p', 'u', 'd'};

// HTTP/2 is all that is spoken here.
int ChooseProtocol(SSL* /*connection*/, const unsigned char** out, unsigned char* out_size,
                   const unsigned char* offered, unsigned offered_size, void* /*unused*/) {
  const absl::string_view list(reinterpret_cast<const char*>(offered), offered_size);
  for (std::size_t at = 0; at < list.size();) {
    const auto size = static_cast<unsigned char>(list[at]);
    if (list.substr(at + 1, size) == "h2") {
      *out = offered + at + 1;
      *out_size = size;
      return SSL_TLSEXT_ERR_OK;
    }
    at += 1 + std::size_t{size};
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

void SetProtocol(SSL_CTX& context) {
  SSL_CTX_set_min_proto_version(&context, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(&context, kCiphers);
  // Each connection proves anew who is at its other end, so there are no tickets.
  SSL_CTX_set_options(&context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(&context, 0);
  SSL_CTX_set_session_cache_mode(&context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_session_id_context(&context, kSessions.data(), kSessions.size());
  SSL_CTX_set_mode(&context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                 SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
  // One record a turn, or a peer that sends key updates only would have the loop to itself.
  SSL_CTX_clear_mode(&context, SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_alpn_select_cb(&context, &ChooseProtocol, nullptr);
  SSL_CTX_set_client_hello_cb(&context, &TlsTransport::OnClientHello, nullptr);
}

// A connection keeps all that its peer has sent, parsed, which takes ten times as much.
int VerifyPeer(X509_STORE_CTX* check, void* /*unused*/) {
  if (sk_X509_num(X509_STORE_CTX_get0_untrusted(check)) <= kMaxPeerCertificates) {
    return X509_verify_cert(check);
  }
  X509_STORE_CTX_set_error(check, X509_V_ERR_CERT_CHAIN_TOO_LONG);
  return 0;
}

// When the first of these is over.
absl::Time EndOf(const STACK_OF(X509) * chain) {
  absl::Time out = absl::InfiniteFuture();
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    out = std::min(out, tls::ExpiryOf(*sk_X509_value(chain, i)));
  }
  return out;
}

void SetTrust(SSL_CTX& context, X509_STORE& trust, bool needs_certificate) {
  SSL_CTX_set1_cert_store(&context, &trust);
  SSL_CTX_set_verify(&context,
                     SSL_VERIFY_PEER | (needs_certificate ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                     nullptr);
  SSL_CTX_set_verify_depth(&context, kMaxDepth);
  SSL_CTX_set_max_cert_list(&context, kMaxPeerChain);
  SSL_CTX_set_cert_verify_callback(&context, &VerifyPeer, nullptr);
}

}  // namespace

absl::StatusOr<std::shared_ptr<const TlsContext>> TlsContext::Make(const TlsOptions& options,
                                                                   const tls::Material& material,
                                                                   absl::Time now) {
  ASSIGN_OR_RETURN(const tls::Credential credential,
                   tls::ReadCredential(options.files, material.certificate, material.key,
                                       tls::Side::kServer, now));
  ASSIGN_OR_RETURN(const tls::Owned<X509_STORE> trust,
                   tls::ReadTrust("tls.trusted_ca_file", options.files, material, now));
  RETURN_IF_ERROR(tls::CheckIsTrusted(options.files, credential, *trust, tls::Side::kServer));
  tls::Owned<SSL_CTX> context(SSL_CTX_new(TLS_server_method()));
  if (context == nullptr) throw std::bad_alloc();
  SetProtocol(*context);
  SetTrust(*context, *trust, options.client_cert_auth);
  SSL_CTX_use_certificate(context.get(), credential.chain.front().get());
  SSL_CTX_use_PrivateKey(context.get(), credential.key.get());
  for (std::size_t i = 1; i < credential.chain.size(); ++i) {
    SSL_CTX_add1_chain_cert(context.get(), credential.chain[i].get());
  }
  ERR_clear_error();
  return std::shared_ptr<const TlsContext>(
      new TlsContext(std::move(context), options.client_cert_auth, credential.expires));
}

tls::Owned<SSL> TlsContext::NewConnection() const {
  tls::Owned<SSL> out(SSL_new(context_.get()));
  if (out == nullptr) throw std::bad_alloc();
  return out;
}

absl::Time TlsContext::VouchedUntil(const SSL& connection) {
  return EndOf(SSL_get0_verified_chain(&connection));
}

absl::Time TlsContext::AdmitsUntil(const SSL& connection) const {
  X509* const certificate = SSL_get0_peer_certificate(&connection);
  if (certificate == nullptr) {
    return needs_certificate_ ? absl::InfinitePast() : absl::InfiniteFuture();
  }
  const tls::Owned<X509_STORE_CTX> check(X509_STORE_CTX_new());
  X509_STORE_CTX_init(check.get(), SSL_CTX_get_cert_store(context_.get()), certificate,
                      SSL_get_peer_cert_chain(&connection));
  X509_STORE_CTX_set_default(check.get(), "ssl_client");
  const bool is_good = X509_verify_cert(check.get()) == 1;
  ERR_clear_error();
  return is_good ? EndOf(X509_STORE_CTX_get0_chain(check.get())) : absl::InfinitePast();
}

}  // namespace percpud::gateway
