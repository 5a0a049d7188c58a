// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cassert>
#include <cerrno>
#include <new>
#include <optional>
#include <string>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/base/status_macros.h"
#include "server/base/unique_fd.h"
#include "server/catalog/map_file.h"
#include "server/catalog/page_audit.h"
#include "server/catalog/reader.h"
#include "server/catalog/store.h"

namespace percpud::catalog {
namespace {

// Seconds that a reader gets.
constexpr unsigned kPatience = 60;

// What the reading process reports, by its exit status.
constexpr int kReadable = 0;
constexpr int kDamaged = 1;
constexpr int kForeign = 2;
constexpr int kUnbegun = 3;
constexpr int kRefused = 4;

// Whether the system maps so much of a file. If it does, an environment that could
// not be mapped asked for more than its file has, which is damage.
bool CanMap(const std::string& data, off_t size) {
  const UniqueFd file(open(data.c_str(), O_RDONLY | O_CLOEXEC));
  void* map = mmap(nullptr, static_cast<std::size_t>(size), PROT_READ, MAP_SHARED, file.get(), 0);
  if (map == MAP_FAILED) return false;
  munmap(map, static_cast<std::size_t>(size));
  return true;
}

// Says why the environment at `path` does not open. LMDB's own codes are negative and
// about the file's content; others are the system's.
absl::Status OpenFailed(const std::string& path, int code) {
  const std::string data = absl::StrCat(path, "/data.mdb");
  struct stat file {};
  const bool is_there = stat(data.c_str(), &file) == 0;
  // How LMDB says that the file ends before its first page does.
  const bool is_cut = is_there && (code == ENOENT || code == EBADF);
  const bool is_absurd = is_there && (code == ENOMEM || code == EINVAL) && file.st_size > 0 &&
                         CanMap(data, file.st_size);
  if (code < 0 || is_cut || is_absurd) return absl::DataLossError(mdb_strerror(code));
  return errors::OsRefused("open", data, code);
}

absl::StatusOr<MDB_env*> OpenEnv(const std::string& path, unsigned flags) {
  MDB_env* env = nullptr;
  int code = mdb_env_create(&env);
  if (code == MDB_SUCCESS) code = mdb_env_set_maxdbs(env, kTables);
  if (code == MDB_SUCCESS) code = mdb_env_open(env, path.c_str(), flags | MDB_NOLOCK, 0600);
  if (code != MDB_SUCCESS) return OpenFailed(path, code);
  return env;
}

// Whether the last commit is the one that was answered last.
absl::Status CheckCommit(const std::string& path, MDB_env* env, const Contents& contents) {
  if (contents.is_first_format) return absl::OkStatus();
  MDB_envinfo info{};
  mdb_env_info(env, &info);
  ASSIGN_OR_RETURN(const std::optional<std::uint64_t> number,
                   MapFile::ReadCommitNumber(absl::StrCat(path, "/data.mdb")));
  if (!number) return absl::DataLossError("the number of its last commit is missing");
  if (MapFile::Fits(*number, info.me_last_txnid)) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("its last commit is number ", info.me_last_txnid, ", and was ", *number));
}

// Writes to every table and takes it back: what the first write would run into is met
// here. Without MDB_WRITEMAP nothing gets to the file before a commit.
absl::Status TryWriting(const std::string& path) {
  ASSIGN_OR_RETURN(MDB_env* const env, OpenEnv(path, 0));
  MDB_txn* txn = nullptr;
  int code = mdb_txn_begin(env, nullptr, 0, &txn);
  for (std::size_t i = 0; i < kTables && code == MDB_SUCCESS; ++i) {
    const auto table = static_cast<Table>(i);
    MDB_dbi dbi = 0;
    code = mdb_dbi_open(txn, TableName(table), TableFlags(table) | MDB_CREATE, &dbi);
    std::uint64_t number = 0;
    char byte = 0;
    MDB_val key{sizeof(number), &number};
    MDB_val value{sizeof(byte), &byte};
    if (code == MDB_SUCCESS) code = mdb_put(txn, dbi, &key, &value, 0);
  }
  if (txn != nullptr) mdb_txn_abort(txn);
  // A full file is not damaged.
  if (code == MDB_SUCCESS || code == MDB_MAP_FULL) return absl::OkStatus();
  // LMDB's own codes are negative and about the content; others are the system's.
  if (code > 0) return errors::OsRefused("write", absl::StrCat(path, "/data.mdb"), code);
  return absl::DataLossError(absl::StrCat("writing to it: ", mdb_strerror(code)));
}

absl::Status ReadOnce(const std::string& path) {
  ASSIGN_OR_RETURN(MDB_env* const env, OpenEnv(path, MDB_RDONLY));
  ASSIGN_OR_RETURN(const Contents contents,
                   ReadAll(env, [](const Area&, std::size_t) { return true; }));
  RETURN_IF_ERROR(CheckCommit(path, env, contents));
  RETURN_IF_ERROR(AuditPages(env));
  mdb_env_close(env);
  return TryWriting(path);
}

int ExitCodeOf(const absl::Status& status) {
  if (status.ok()) return kReadable;
  if (!IsAboutContent(status)) return kRefused;
  if (absl::IsNotFound(status)) return kUnbegun;
  return absl::IsFailedPrecondition(status) ? kForeign : kDamaged;
}

// What damage does to a reader. Other signals come from elsewhere: from the kernel that is out of
// memory, from an operator, from the alarm of a slow reader.
constexpr std::array kFaults{SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE, SIGTRAP, SIGXCPU};

// Has faults and the alarm end this process. The daemon's handlers, if it has any, would make of
// them some other end, and who started it may have its children ignore or block them.
void EndBySignals() {
  sigset_t ends;
  sigemptyset(&ends);
  const auto take = [&ends](int signal_number) {
    signal(signal_number, SIG_DFL);
    sigaddset(&ends, signal_number);
  };
  for (const int fault : kFaults) take(fault);
  take(SIGALRM);
  pthread_sigmask(SIG_UNBLOCK, &ends, nullptr);
}

[[noreturn]] void ReadAndExit(const std::string& path, int report) {
  prctl(PR_SET_DUMPABLE, 0);
  EndBySignals();
  // It inherits the locks, which must not outlive the daemon that started it.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  alarm(kPatience);
  // Damage that has the reader run in circles shows as this, and a slow disk does not.
  constexpr rlimit kBusy{.rlim_cur = kPatience / 2, .rlim_max = kPatience};
  setrlimit(RLIMIT_CPU, &kBusy);
  // A reader without memory is not a reader of damage.
  std::set_new_handler([] { _exit(kRefused); });
  // What LMDB has to say of damage is said in our words.
  const UniqueFd nothing(open("/dev/null", O_WRONLY | O_CLOEXEC));
  dup2(nothing.get(), STDERR_FILENO);
  const absl::Status status = ReadOnce(path);
  const std::string why(status.message());
  static_cast<void>(write(report, why.data(), why.size()));
  _exit(ExitCodeOf(status));
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

absl::Status SignalVerdict(const std::string& path, int signal_number) {
  if (absl::c_linear_search(kFaults, signal_number)) {
    return errors::CatalogDamaged(path, absl::StrCat("reading it ends in signal ", signal_number));
  }
  if (signal_number == SIGALRM) {
    return errors::CatalogUnreadable(
        path, absl::StrCat("reading it takes longer than ", kPatience, " s"));
  }
  return errors::CatalogUnreadable(path,
                                   absl::StrCat("its reader was ended by signal ", signal_number));
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
  pid_t ended = 0;
  while ((ended = waitpid(reader, &status, 0)) < 0 && errno == EINTR) {
  }
  // Where ends of children are ignored nobody knows what the reader found.
  if (ended < 0) return errors::OsRefused("waitpid", path, errno);
  if (WIFSIGNALED(status)) return SignalVerdict(path, WTERMSIG(status));
  switch (WEXITSTATUS(status)) {
    case kReadable:
      return absl::OkStatus();
    case kUnbegun:
      return absl::NotFoundError(absl::StrCat("catalog: ", path, ": ", why));
    case kForeign:
      return absl::FailedPreconditionError(absl::StrCat("catalog: ", path, ": ", why));
    case kDamaged:
      return errors::CatalogDamaged(path, why);
    default:
      return errors::CatalogUnreadable(path, why.empty() ? "no memory to read it" : why);
  }
}

bool IsAboutContent(const absl::Status& verdict) {
  assert(!verdict.ok());
  const absl::string_view reason = errors::ReasonOf(verdict);
  const bool is_systems = reason == errors::Name(errors::Reason::kOsRefused) ||
                          reason == errors::Name(errors::Reason::kCatalogUnreadable);
  return !is_systems && (absl::IsNotFound(verdict) || absl::IsDataLoss(verdict) ||
                         absl::IsFailedPrecondition(verdict));
}

}  // namespace percpud::catalog
