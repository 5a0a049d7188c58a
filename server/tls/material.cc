// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/tls/material.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/base/errors.h"
#include "server/base/status_macros.h"
#include "server/base/unique_fd.h"

namespace percpud::tls {
namespace {

constexpr off_t kMaxFile = off_t{1} << 20;
constexpr std::size_t kMaxRevocationLists = 64;
// Together. In memory they take ten times as much, and twice that while new ones take over.
constexpr std::size_t kMaxRevocations = 8 << 20;
constexpr absl::string_view kKeyField = "tls.key_file";

absl::Status CheckFile(absl::string_view field, const std::string& path, const struct stat& found) {
  if (!S_ISREG(found.st_mode)) return BadFile(field, path, "is no regular file");
  if (found.st_size == 0) return BadFile(field, path, "is empty");
  if (found.st_size > kMaxFile) {
    return BadFile(
        field, path,
        absl::StrCat(found.st_size, " bytes, over the limit of ", std::uint64_t{kMaxFile}));
  }
  if (field == kKeyField && (found.st_mode & (S_IROTH | S_IWOTH)) != 0) {
    return BadFile(field, path,
                   absl::StrFormat("every user may read or write it (mode %04o): `chmod o-rwx` it, "
                                   "and make another key if others had an account here",
                                   found.st_mode & 07777U));
  }
  if ((found.st_mode & S_IWOTH) != 0) {
    return BadFile(field, path,
                   absl::StrFormat("every user may write it (mode %04o): `chmod o-w` it",
                                   found.st_mode & 07777U));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> ReadRevocations(const std::string& directory) {
  constexpr absl::string_view kField = "tls.crl_dir";
  if (directory.empty()) return std::vector<std::string>();
  std::vector<std::string> paths;
  std::error_code error;
  for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().filename();
    std::error_code unknown;
    // A link that a swap of all files turns round, and editors' own, are no lists.
    if (name.front() != '.' && it->is_regular_file(unknown)) paths.push_back(it->path());
    if (paths.size() > kMaxRevocationLists) {
      return BadFile(kField, directory,
                     absl::StrCat("over the limit of ", kMaxRevocationLists, " files"));
    }
  }
  if (error) return BadFile(kField, directory, error.message());
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> out;
  std::size_t size = 0;
  for (const std::string& path : paths) {
    ASSIGN_OR_RETURN(std::string list, ReadPem(kField, path));
    size += list.size();
    if (size > kMaxRevocations) {
      return BadFile(kField, directory,
                     absl::StrCat("its lists are over the limit of ", kMaxRevocations, " bytes"));
    }
    out.push_back(std::move(list));
  }
  return out;
}

}  // namespace

absl::Status BadFile(absl::string_view field, const std::string& path, absl::string_view why) {
  return errors::BadConfig(field, absl::StrCat(path, ": ", why));
}

absl::StatusOr<std::string> ReadPem(absl::string_view field, const std::string& path) {
  // A pipe must not hold the reader up.
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.ok()) return BadFile(field, path, std::strerror(errno));
  struct stat found {};
  if (fstat(fd.get(), &found) != 0) return BadFile(field, path, std::strerror(errno));
  RETURN_IF_ERROR(CheckFile(field, path, found));
  std::string out(static_cast<std::size_t>(found.st_size), '\0');
  std::size_t size = 0;
  while (size < out.size()) {
    const ssize_t got = read(fd.get(), out.data() + size, out.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return BadFile(field, path, std::strerror(errno));
    // It was cut short meanwhile; what is missing shows when it is parsed.
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  out.resize(size);
  return out;
}

absl::StatusOr<Material> ReadMaterial(const Files& files) {
  Material out;
  ASSIGN_OR_RETURN(out.certificate, ReadPem("tls.cert_file", files.certificate));
  ASSIGN_OR_RETURN(out.key, ReadPem(kKeyField, files.key));
  ASSIGN_OR_RETURN(out.trusted_ca, ReadPem("tls.trusted_ca_file", files.trusted_ca));
  ASSIGN_OR_RETURN(out.revocations, ReadRevocations(files.crl_dir));
  return out;
}

}  // namespace percpud::tls
