// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// OpenSSL's objects, freed with their handles.

#ifndef PERCPUD_SERVER_TLS_OPENSSL_H_
#define PERCPUD_SERVER_TLS_OPENSSL_H_

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <memory>

namespace percpud::tls {

struct Deleter {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(X509_CRL* list) const { X509_CRL_free(list); }
  void operator()(X509_STORE* store) const { X509_STORE_free(store); }
  void operator()(X509_STORE_CTX* check) const { X509_STORE_CTX_free(check); }
  void operator()(STACK_OF(X509) * stack) const { sk_X509_pop_free(stack, &X509_free); }
  void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};

template <typename Object>
using Owned = std::unique_ptr<Object, Deleter>;

}  // namespace percpud::tls

#endif  // PERCPUD_SERVER_TLS_OPENSSL_H_
