// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_FLEET_FILE_SD_H_
#define PERCPUD_SERVER_FLEET_FILE_SD_H_

#include <string>

#include "absl/status/status.h"
#include "percpud/fleet/v1/fleet.pb.h"

namespace percpud::fleet {

// What Prometheus's file_sd reads: a group for each host that has a metrics address, LOST and
// drained ones too, for a scrape that fails is what alerts see. Labels: percpud_fleet,
// percpud_host and the host's own; of these, names that no label can have are left out.
std::string ToFileSd(const v1::View& view);

// Keeps that file. Not thread safe.
class FileSd {
 public:
  explicit FileSd(std::string path) : path_(std::move(path)) {}
  // Writes the file if its content is to be another than what was written last. Errors: what
  // the system said.
  absl::Status Show(const v1::View& view);

 private:
  const std::string path_;
  std::string written_;
};

}  // namespace percpud::fleet

#endif  // PERCPUD_SERVER_FLEET_FILE_SD_H_
