// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/tls/certificates.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"

namespace percpud::tls {
namespace {

constexpr absl::string_view kCertificateField = "tls.cert_file";
constexpr absl::string_view kKeyField = "tls.key_file";
constexpr absl::string_view kRevocationField = "tls.crl_dir";

Owned<BIO> ReaderOf(const std::string& text) {
  return Owned<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Whether the last thing that OpenSSL said is that a PEM file has no further entry.
bool IsAtEnd() {
  const unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
  return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

// No program that serves can ask anybody for a passphrase.
int NoPassphrase(char* /*out*/, int /*size*/, int /*is_writing*/, void* /*unused*/) { return -1; }

absl::Time ToTime(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return absl::InfinitePast();
  return absl::FromTimeT(timegm(&parts));
}

std::string ToText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", time, absl::UTCTimeZone());
}

// The certificate's own authority has to have a list. Those above it need not, and are heeded where
// they do.
int MayLackList(int is_good, X509_STORE_CTX* check) {
  const bool is_above = X509_STORE_CTX_get_error_depth(check) > 0;
  if (!is_above || X509_STORE_CTX_get_error(check) != X509_V_ERR_UNABLE_TO_GET_CRL) return is_good;
  X509_STORE_CTX_set_error(check, X509_V_OK);
  return 1;
}

absl::Status AddRevocations(const Files& files, const Material& material, X509_STORE& store) {
  if (files.crl_dir.empty()) return absl::OkStatus();
  std::size_t lists = 0;
  for (const std::string& text : material.revocations) {
    const Owned<BIO> reader = ReaderOf(text);
    ERR_clear_error();
    while (const Owned<X509_CRL> list{
        PEM_read_bio_X509_CRL(reader.get(), nullptr, &NoPassphrase, nullptr)}) {
      X509_STORE_add_crl(&store, list.get());
      ++lists;
    }
    if (!IsAtEnd()) return BadFile(kRevocationField, files.crl_dir, "a list in it is damaged");
  }
  if (lists == 0) return BadFile(kRevocationField, files.crl_dir, "holds no list in PEM");
  X509_STORE_set_flags(&store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
  X509_STORE_set_verify_cb(&store, &MayLackList);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<Owned<X509>>> ParseCertificates(absl::string_view field,
                                                           const std::string& path,
                                                           const std::string& text) {
  const Owned<BIO> reader = ReaderOf(text);
  std::vector<Owned<X509>> out;
  ERR_clear_error();
  while (X509* const next = PEM_read_bio_X509(reader.get(), nullptr, &NoPassphrase, nullptr)) {
    out.emplace_back(next);
  }
  if (!IsAtEnd()) return BadFile(field, path, "a certificate in it is damaged, or cut short");
  if (out.empty()) return BadFile(field, path, "holds no certificate in PEM");
  return out;
}

absl::StatusOr<Owned<EVP_PKEY>> ParseKey(absl::string_view field, const std::string& path,
                                         const std::string& text) {
  const Owned<BIO> reader = ReaderOf(text);
  ERR_clear_error();
  Owned<EVP_PKEY> out(PEM_read_bio_PrivateKey(reader.get(), nullptr, &NoPassphrase, nullptr));
  ERR_clear_error();
  if (out == nullptr)
    return BadFile(field, path, "holds no private key in PEM without a passphrase");
  return out;
}

absl::Time ExpiryOf(const X509& certificate) { return ToTime(X509_get0_notAfter(&certificate)); }

std::string ObjectionAt(const X509* certificate, absl::Time now) {
  const absl::Time from = ToTime(X509_get0_notBefore(certificate));
  const absl::Time until = ExpiryOf(*certificate);
  if (now > until) return absl::StrCat("has expired, at ", ToText(until));
  if (now < from) return absl::StrCat("is not valid before ", ToText(from));
  return {};
}

absl::StatusOr<Credential> ReadCredential(const Files& files, const std::string& certificate,
                                          const std::string& key, Side side, absl::Time now) {
  Credential out;
  ASSIGN_OR_RETURN(out.chain, ParseCertificates(kCertificateField, files.certificate, certificate));
  ASSIGN_OR_RETURN(out.key, ParseKey(kKeyField, files.key, key));
  X509* const own = out.chain.front().get();
  if (X509_check_private_key(own, out.key.get()) != 1) {
    ERR_clear_error();
    return BadFile(kKeyField, files.key,
                   absl::StrCat("is not the key of the certificate in ", files.certificate));
  }
  if (const std::string why = ObjectionAt(own, now); !why.empty()) {
    return BadFile(kCertificateField, files.certificate, why);
  }
  const bool is_server = side == Side::kServer;
  if (X509_check_purpose(own, is_server ? X509_PURPOSE_SSL_SERVER : X509_PURPOSE_SSL_CLIENT, 0) !=
      1) {
    return BadFile(kCertificateField, files.certificate,
                   absl::StrCat("its extended key usage is not that of a ",
                                is_server ? "server (serverAuth)" : "client (clientAuth)"));
  }
  out.expires = ExpiryOf(*own);
  return out;
}

absl::StatusOr<Owned<X509_STORE>> ReadTrust(absl::string_view field, const Files& files,
                                            const Material& material, absl::Time now) {
  ASSIGN_OR_RETURN(const std::vector<Owned<X509>> authorities,
                   ParseCertificates(field, files.trusted_ca, material.trusted_ca));
  Owned<X509_STORE> store(X509_STORE_new());
  std::string why;
  bool is_any_valid = false;
  for (const Owned<X509>& authority : authorities) {
    if (X509_check_ca(authority.get()) == 0) {
      return BadFile(field, files.trusted_ca, "holds a certificate that is no authority's");
    }
    // An old one may lie beside its successor.
    std::string objection = ObjectionAt(authority.get(), now);
    is_any_valid |= objection.empty();
    why = std::move(objection);
    X509_STORE_add_cert(store.get(), authority.get());
  }
  if (!is_any_valid) return BadFile(field, files.trusted_ca, why);
  RETURN_IF_ERROR(AddRevocations(files, material, *store));
  ERR_clear_error();
  return store;
}

absl::Status CheckIsTrusted(const Files& files, const Credential& credential, X509_STORE& trust,
                            Side side) {
  const Owned<STACK_OF(X509)> between(sk_X509_new_null());
  for (const Owned<X509>& each : credential.chain) {
    X509_up_ref(each.get());
    sk_X509_push(between.get(), each.get());
  }
  const Owned<X509_STORE_CTX> check(X509_STORE_CTX_new());
  X509_STORE_CTX_init(check.get(), &trust, credential.chain.front().get(), between.get());
  X509_STORE_CTX_set_default(check.get(), side == Side::kServer ? "ssl_server" : "ssl_client");
  const bool is_good = X509_verify_cert(check.get()) == 1;
  const int error = X509_STORE_CTX_get_error(check.get());
  ERR_clear_error();
  if (is_good) return absl::OkStatus();
  return BadFile(kCertificateField, files.certificate,
                 absl::StrCat("no authority of ", files.trusted_ca,
                              " vouches for it: ", X509_verify_cert_error_string(error)));
}

}  // namespace percpud::tls
