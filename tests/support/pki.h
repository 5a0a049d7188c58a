// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_SUPPORT_PKI_H_
#define PERCPUD_TESTS_SUPPORT_PKI_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"

namespace percpud::testing {

// A certificate with its key, and who vouches for its other side: paths of PEM files.
struct PemFiles {
  std::string certificate;
  std::string key;
  std::string ca;
};

// Authorities and certificates, made by the openssl program in a directory. What openssl
// refuses is thrown as std::runtime_error.
class Pki {
 public:
  explicit Pki(std::string directory) : directory_(std::move(directory)) {}

  // A self-signed authority; returns its path without ".pem" and ".key".
  std::string Authority(const std::string& name);

  // What a certificate may differ in.
  struct Wish {
    // "URI:spiffe://td/app/1,DNS:localhost"; empty for none.
    std::string names;
    std::string usage = "clientAuth";
    int days = 5;
    // An authority below the one that makes it.
    bool is_authority = false;
  };
  // A certificate of that common name, made by `authority`.
  PemFiles Issue(const std::string& authority, const std::string& name, const Wish& wish);
  // The same certificate once more, of the same key, that is over at that time.
  PemFiles Shorten(const std::string& authority, const PemFiles& files, absl::Time end);
  // The list of what `authority` has revoked: those certificates.
  void Revoke(const std::string& authority, const std::vector<PemFiles>& revoked,
              const std::string& out);

 private:
  // What `openssl ca` wants to have; returns its path without an ending.
  std::string Prepare(const std::string& authority);
  [[nodiscard]] std::string Path(const std::string& name) const;
  [[nodiscard]] std::vector<std::string> NewKey(const std::string& name) const;

  const std::string directory_;
};

}  // namespace percpud::testing

#endif  // PERCPUD_TESTS_SUPPORT_PKI_H_
