// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_FLEET_CERTIFICATE_H_
#define PERCPUD_SERVER_FLEET_CERTIFICATE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace percpud::fleet {

// Files in PEM. All empty: no TLS.
struct CertificateFiles {
  // Who signs the other side's certificates.
  std::string ca;
  // Our certificate, and its key. Both or neither.
  std::string certificate;
  std::string key;
};

// Their contents.
struct Certificate {
  std::string ca;
  std::string certificate;
  std::string key;

  friend bool operator==(const Certificate&, const Certificate&) = default;
};

// Reads the files, and refuses what gRPC would stumble over: a file that is empty or cut
// short, a key of another certificate, a certificate whose time is over or has not begun.
// Errors: BadConfig with flag and path.
absl::StatusOr<Certificate> LoadCertificate(const CertificateFiles& files);

}  // namespace percpud::fleet

#endif  // PERCPUD_SERVER_FLEET_CERTIFICATE_H_
