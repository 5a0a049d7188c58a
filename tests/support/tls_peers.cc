// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/support/tls_peers.h"

#include <openssl/bio.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <cstddef>

#include "tests/support/text_file.h"

namespace percpud::testing {

std::vector<std::string> TlsFlags(const PemFiles& files) {
  return {
      "--listen",        "tls:127.0.0.1:0", "--listen", "127.0.0.1:0",           "--tls-cert-file",
      files.certificate, "--tls-key-file",  files.key,  "--tls-trusted-ca-file", files.ca};
}

std::shared_ptr<grpc::ChannelCredentials> CredentialsOf(const PemFiles& files) {
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = ReadText(files.ca);
  if (!files.certificate.empty()) {
    options.pem_cert_chain = ReadText(files.certificate);
    options.pem_private_key = ReadText(files.key);
  }
  return grpc::SslCredentials(options);
}

std::string ClientHello() {
  SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  SSL* const connection = SSL_new(context);
  constexpr std::array<unsigned char, 3> kProtocol{2, 'h', '2'};
  SSL_set_alpn_protos(connection, kProtocol.data(), kProtocol.size());
  SSL_set_connect_state(connection);
  SSL_set_bio(connection, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_do_handshake(connection);
  std::string out(4096, '\0');
  const int size = BIO_read(SSL_get_wbio(connection), out.data(), static_cast<int>(out.size()));
  out.resize(static_cast<std::size_t>(std::max(size, 0)));
  SSL_free(connection);
  SSL_CTX_free(context);
  return out;
}

}  // namespace percpud::testing
