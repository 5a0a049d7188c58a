// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/base/unique_fd.h"
#include "server/catalog/reader.h"
#include "server/catalog/store.h"

namespace percpud::catalog {
namespace {

// What the reading process reports, by its exit status.
constexpr int kReadable = 0;
constexpr int kDamaged = 1;
constexpr int kForeign = 2;
constexpr int kUnbegun = 3;

absl::Status ReadOnce(const std::string& path) {
  MDB_env* env = nullptr;
  int code = mdb_env_create(&env);
  if (code == MDB_SUCCESS) code = mdb_env_set_maxdbs(env, kTables);
  if (code == MDB_SUCCESS) {
    code = mdb_env_open(env, path.c_str(), MDB_RDONLY | MDB_NOLOCK, 0600);
  }
  if (code != MDB_SUCCESS) return absl::DataLossError(mdb_strerror(code));
  return ReadAll(env, [](const Area&, std::size_t) { return true; }).status();
}

[[noreturn]] void ReadAndExit(const std::string& path, int report) {
  constexpr unsigned kPatience = 60;
  prctl(PR_SET_DUMPABLE, 0);
  alarm(kPatience);
  // What LMDB has to say of damage is said in our words.
  const UniqueFd nothing(open("/dev/null", O_WRONLY | O_CLOEXEC));
  dup2(nothing.get(), STDERR_FILENO);
  const absl::Status status = ReadOnce(path);
  const std::string why(status.message());
  static_cast<void>(write(report, why.data(), why.size()));
  if (status.ok()) _exit(kReadable);
  if (absl::IsNotFound(status)) _exit(kUnbegun);
  _exit(absl::IsFailedPrecondition(status) ? kForeign : kDamaged);
}

std::string ReadToEnd(int fd) {
  std::string out;
  std::array<char, 512> part{};
  ssize_t size = 0;
  while ((size = read(fd, part.data(), part.size())) > 0 || (size < 0 && errno == EINTR)) {
    if (size > 0) out.append(part.data(), static_cast<std::size_t>(size));
  }
  return out;
}

}  // namespace

absl::Status Inspect(const std::string& path) {
  struct stat file {};
  const std::string data = absl::StrCat(path, "/data.mdb");
  if (stat(data.c_str(), &file) != 0) {
    if (errno == ENOENT) return absl::NotFoundError(absl::StrCat("catalog: none at ", path));
    return errors::OsRefused("stat", data, errno);
  }
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return errors::OsRefused("pipe2", path, errno);
  const UniqueFd from(ends[0]);
  UniqueFd to(ends[1]);
  const pid_t reader = fork();
  if (reader < 0) return errors::OsRefused("fork", path, errno);
  if (reader == 0) ReadAndExit(path, to.get());
  to.reset();
  const std::string why = ReadToEnd(from.get());
  int status = 0;
  while (waitpid(reader, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status)) {
    return errors::CatalogDamaged(path,
                                  absl::StrCat("reading it ends in signal ", WTERMSIG(status)));
  }
  if (WEXITSTATUS(status) == kReadable) return absl::OkStatus();
  if (WEXITSTATUS(status) == kUnbegun) {
    return absl::NotFoundError(absl::StrCat("catalog: ", path, ": ", why));
  }
  if (WEXITSTATUS(status) == kForeign) {
    return absl::FailedPreconditionError(absl::StrCat("catalog: ", path, ": ", why));
  }
  return errors::CatalogDamaged(path, why);
}

}  // namespace percpud::catalog
