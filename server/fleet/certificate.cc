// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/certificate.h"

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "server/base/status_macros.h"
#include "server/tls/certificates.h"
#include "server/tls/material.h"
#include "server/tls/openssl.h"

namespace percpud::fleet {
namespace {

// The flags that name the files.
constexpr absl::string_view kCa = "trusted-ca-file";
constexpr absl::string_view kCertificate = "cert-file";
constexpr absl::string_view kKey = "key-file";

absl::Status CheckOwn(const Certificate& content, const CertificateFiles& files) {
  ASSIGN_OR_RETURN(const std::vector<tls::Owned<X509>> chain,
                   tls::ParseCertificates(kCertificate, files.certificate, content.certificate));
  ASSIGN_OR_RETURN(const tls::Owned<EVP_PKEY> key, tls::ParseKey(kKey, files.key, content.key));
  const X509* const own = chain.front().get();
  if (X509_check_private_key(own, key.get()) != 1) {
    return tls::BadFile(kKey, files.key, "is the key of another certificate");
  }
  const std::string why = tls::ObjectionAt(own, absl::Now());
  if (why.empty()) return absl::OkStatus();
  return tls::BadFile(kCertificate, files.certificate, why);
}

}  // namespace

absl::StatusOr<Certificate> LoadCertificate(const CertificateFiles& files) {
  Certificate out;
  if (!files.ca.empty()) {
    ASSIGN_OR_RETURN(out.ca, tls::ReadPem(kCa, files.ca));
    RETURN_IF_ERROR(tls::ParseCertificates(kCa, files.ca, out.ca).status());
  }
  if (files.certificate.empty()) return out;
  ASSIGN_OR_RETURN(out.certificate, tls::ReadPem(kCertificate, files.certificate));
  ASSIGN_OR_RETURN(out.key, tls::ReadPem(kKey, files.key));
  RETURN_IF_ERROR(CheckOwn(out, files));
  return out;
}

}  // namespace percpud::fleet
