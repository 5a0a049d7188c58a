// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_TLS_CERTIFICATES_H_
#define PERCPUD_SERVER_TLS_CERTIFICATES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/tls/material.h"
#include "server/tls/openssl.h"

namespace percpud::tls {

// What a certificate is to be good for.
enum class Side : std::uint8_t { kServer, kClient };

// The own certificate of one side, parsed and checked.
struct Credential {
  // The certificate itself comes first.
  std::vector<Owned<X509>> chain;
  Owned<EVP_PKEY> key;
  absl::Time expires;
};

// The certificates of a file, in its order. Errors: BadConfig with field and path, for what is no
// PEM, damaged or cut short.
absl::StatusOr<std::vector<Owned<X509>>> ParseCertificates(absl::string_view field,
                                                           const std::string& path,
                                                           const std::string& text);

// Errors: BadConfig with field and path, for what is no PEM, and for a key with a passphrase.
absl::StatusOr<Owned<EVP_PKEY>> ParseKey(absl::string_view field, const std::string& path,
                                         const std::string& text);

// When it is over.
absl::Time ExpiryOf(const X509& certificate);

// What the calendar has against a certificate; empty if nothing.
std::string ObjectionAt(const X509* certificate, absl::Time now);

// Parses a certificate and its key. `files` is for errors. Errors: BadConfig with field and
// path, for what is no PEM, a key with a passphrase or of another certificate, and a certificate
// that has expired, is not valid yet, or may not be used by that side.
absl::StatusOr<Credential> ReadCredential(const Files& files, const std::string& certificate,
                                          const std::string& key, Side side, absl::Time now);

// Parses those who may vouch for the other side, named by `field` of a configuration, with the
// lists of what is revoked: then a certificate is good only if a list of its authority says nothing
// against it, nor a list of those above against that authority. Errors: BadConfig with field and
// path, for what is no PEM, a certificate that is no authority's, and authorities that have all
// expired.
absl::StatusOr<Owned<X509_STORE>> ReadTrust(absl::string_view field, const Files& files,
                                            const Material& material, absl::Time now);

// Whether `trust` vouches for the first of `chain` at the side. Errors: BadConfig for
// tls.cert_file, saying what is against it.
absl::Status CheckIsTrusted(const Files& files, const Credential& credential, X509_STORE& trust,
                            Side side);

}  // namespace percpud::tls

#endif  // PERCPUD_SERVER_TLS_CERTIFICATES_H_
