// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/certificate.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/fleet/atomic_file.h"

namespace percpud::fleet {
namespace {

template <auto Free>
struct Freeing {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Bio = std::unique_ptr<BIO, Freeing<BIO_free>>;
using X509Ptr = std::unique_ptr<X509, Freeing<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freeing<EVP_PKEY_free>>;

absl::Status Bad(const std::string& file, const char* why) {
  return absl::InvalidArgumentError(absl::StrCat(file, " ", why));
}

Bio Open(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// The first certificate of the file, if everything in it can be read.
absl::StatusOr<X509Ptr> ReadCertificates(const std::string& text, const std::string& file) {
  const Bio bio = Open(text);
  X509Ptr first(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (!first) return Bad(file, "has no certificate that can be read");
  while (BIO_pending(bio.get()) > 0) {
    const X509Ptr next(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    // What follows the last certificate may be anything but the beginning of one.
    if (!next && text.rfind("-----BEGIN") > text.rfind("-----END")) {
      return Bad(file, "is cut short");
    }
  }
  return first;
}

absl::Status CheckOwn(const Certificate& content, const CertificateFiles& files) {
  ASSIGN_OR_RETURN(const X509Ptr own, ReadCertificates(content.certificate, files.certificate));
  const Bio bio = Open(content.key);
  const Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  if (!key) return Bad(files.key, "has no private key that can be read");
  if (X509_check_private_key(own.get(), key.get()) != 1) {
    return Bad(files.key, "is the key of another certificate");
  }
  if (X509_cmp_current_time(X509_get0_notAfter(own.get())) < 0) {
    return Bad(files.certificate, "has expired");
  }
  if (X509_cmp_current_time(X509_get0_notBefore(own.get())) > 0) {
    return Bad(files.certificate, "is not valid yet");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Certificate> LoadCertificate(const CertificateFiles& files) {
  Certificate out;
  if (!files.ca.empty()) {
    ASSIGN_OR_RETURN(out.ca, ReadWhole(files.ca));
    RETURN_IF_ERROR(ReadCertificates(out.ca, files.ca).status());
  }
  if (files.certificate.empty()) return out;
  ASSIGN_OR_RETURN(out.certificate, ReadWhole(files.certificate));
  ASSIGN_OR_RETURN(out.key, ReadWhole(files.key));
  RETURN_IF_ERROR(CheckOwn(out, files));
  return out;
}

}  // namespace percpud::fleet
