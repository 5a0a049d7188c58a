// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/fleet/stored_view.h"

#include <fcntl.h>
#include <google/protobuf/util/json_util.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "percpu/internal/fleet/convert.h"
#include "server/base/status_macros.h"
#include "server/base/unique_fd.h"

namespace percpu::fleet {
namespace {

// A view of tens of thousands of hosts.
constexpr std::size_t kMostBytes = std::size_t{64} << 20;

struct Read {
  std::string text;
  absl::Time written_at;
};

absl::StatusOr<Read> ReadAll(const std::string& path) {
  // Whatever the path names, opening it does not wait.
  const percpud::UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat about {};
  if (!file.ok() || fstat(file.get(), &about) != 0) return absl::ErrnoToStatus(errno, path);
  const auto size = static_cast<std::size_t>(about.st_size);
  if (!S_ISREG(about.st_mode) || size > kMostBytes) {
    return absl::DataLossError(absl::StrCat(path, " is no file of at most ", kMostBytes, " bytes"));
  }
  Read out{.text = std::string(size, '\0'), .written_at = absl::TimeFromTimespec(about.st_mtim)};
  std::size_t at = 0;
  while (at < size) {
    const ssize_t got = read(file.get(), out.text.data() + at, size - at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return absl::ErrnoToStatus(errno, path);
    if (got == 0) return absl::DataLossError(absl::StrCat(path, " was cut short"));
    at += static_cast<std::size_t>(got);
  }
  return out;
}

}  // namespace

absl::StatusOr<FleetView> ReadStoredView(const std::string& path) {
  ASSIGN_OR_RETURN(const Read read, ReadAll(path));
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  v1::View view;
  const auto parsed = google::protobuf::util::JsonStringToMessage(read.text, &view, options);
  if (!parsed.ok()) {
    return absl::DataLossError(absl::StrCat(path, " is no view: ", parsed.ToString()));
  }
  FleetView out = FromProto(view);
  out.is_stored = true;
  if (!out.stale_since) out.stale_since = read.written_at;
  return out;
}

}  // namespace percpu::fleet
