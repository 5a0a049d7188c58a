// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_TLS_MATERIAL_H_
#define PERCPUD_SERVER_TLS_MATERIAL_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace percpud::tls {

// Where one side of TLS keeps what it needs, in PEM. Plain data.
struct Files {
  // The own certificate, and behind it those of the authorities between it and a trusted one.
  std::string certificate;
  std::string key;
  // Who may vouch for the other side.
  std::string trusted_ca;
  // A directory of lists of revoked certificates; empty for none.
  std::string crl_dir;
};

// What those files hold. Plain data.
struct Material {
  std::string certificate;
  std::string key;
  std::string trusted_ca;
  std::vector<std::string> revocations;

  friend bool operator==(const Material&, const Material&) = default;
};

// BadConfig for a file that a field of the configuration, or a flag, names.
absl::Status BadFile(absl::string_view field, const std::string& path, absl::string_view why);

// Reads all that `files` names, and checks nothing of what is in it. Errors: BadConfig with
// field and path, for a file that cannot be read, is no regular file, is empty or too
// large, or that every user of the host may write, and for a key that they may read.
absl::StatusOr<Material> ReadMaterial(const Files& files);

// One file of those, for the field of the configuration that names it.
absl::StatusOr<std::string> ReadPem(absl::string_view field, const std::string& path);

}  // namespace percpud::tls

#endif  // PERCPUD_SERVER_TLS_MATERIAL_H_
