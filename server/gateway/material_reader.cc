// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/gateway/material_reader.h"

#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstring>
#include <utility>

#include "absl/strings/string_view.h"
#include "server/base/errors.h"

namespace percpud::gateway {
namespace {

constexpr int kReaderFd = 3;

void Append(std::string& out, std::uint64_t number) {
  out.append(reinterpret_cast<const char*>(&number), sizeof(number));
}

void Append(std::string& out, absl::string_view text) {
  Append(out, std::uint64_t{text.size()});
  out.append(text.data(), text.size());
}

std::optional<std::uint64_t> TakeNumber(absl::string_view& bytes) {
  std::uint64_t out = 0;
  if (bytes.size() < sizeof(out)) return std::nullopt;
  std::memcpy(&out, bytes.data(), sizeof(out));
  bytes.remove_prefix(sizeof(out));
  return out;
}

std::optional<std::string> TakeText(absl::string_view& bytes) {
  const std::optional<std::uint64_t> size = TakeNumber(bytes);
  if (!size || *size > bytes.size()) return std::nullopt;
  std::string out(bytes.substr(0, *size));
  bytes.remove_prefix(*size);
  return out;
}

// It keeps one of root's rights, to read a file of any owner.
void KeepReadingOnly() {
  constexpr std::uint32_t kMayRead = 1U << CAP_DAC_READ_SEARCH;
  const std::uint32_t kept = geteuid() == 0 ? kMayRead : 0;
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  sets[0] = {.effective = kept, .permitted = kept, .inheritable = 0};
  syscall(SYS_capset, &header, sets.data());
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

bool SendAll(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(kReaderFd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

[[noreturn]] void RunReader(const tls::Files& files, pid_t parent) {
  prctl(PR_SET_NAME, "percpud-certs", 0, 0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (getppid() != parent) _exit(0);
  // Signals are for the gateway; this process ends when that one closes its socket.
  for (const int number : {SIGHUP, SIGINT, SIGTERM}) signal(number, SIG_IGN);
  KeepReadingOnly();
  std::array<char, 64> questions;
  while (true) {
    const ssize_t got = recv(kReaderFd, questions.data(), questions.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) _exit(0);
    if (!SendAll(EncodeMaterial(tls::ReadMaterial(files)))) _exit(0);
  }
}

}  // namespace

absl::StatusOr<UniqueFd> StartReader(const tls::Files& files) {
  std::array<int, 2> ends{-1, -1};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return errors::OsRefused("socketpair", "gateway", errno);
  }
  UniqueFd ours(ends[0]);
  const UniqueFd theirs(ends[1]);
  const pid_t parent = getpid();
  const pid_t process = fork();
  if (process < 0) return errors::OsRefused("fork", "gateway", errno);
  if (process == 0) {
    // It has neither listening sockets nor connections.
    if (theirs.get() != kReaderFd) dup2(theirs.get(), kReaderFd);
    close_range(kReaderFd + 1, UINT_MAX, 0);
    RunReader(files, parent);
  }
  return ours;
}

void AskReader(int fd) { send(fd, "?", 1, MSG_NOSIGNAL | MSG_DONTWAIT); }

std::string EncodeMaterial(const absl::StatusOr<tls::Material>& material) {
  std::string body;
  Append(body, std::uint64_t{material.ok()});
  if (material.ok()) {
    Append(body, material->certificate);
    Append(body, material->key);
    Append(body, material->trusted_ca);
    for (const std::string& list : material->revocations) Append(body, list);
  } else {
    Append(body, material.status().message());
  }
  std::string out;
  Append(out, std::uint64_t{body.size()});
  return out + body;
}

std::optional<absl::StatusOr<tls::Material>> TakeMaterial(std::string& bytes) {
  absl::string_view rest = bytes;
  const std::optional<std::uint64_t> size = TakeNumber(rest);
  if (!size || rest.size() < *size) return std::nullopt;
  const std::string taken(rest.substr(0, *size));
  bytes.erase(0, sizeof(*size) + *size);
  absl::string_view body = taken;
  const bool is_good = TakeNumber(body).value_or(0) == 1;
  std::array<std::string, 3> files;
  std::size_t count = 0;
  tls::Material out;
  while (std::optional<std::string> text = TakeText(body)) {
    if (!is_good) return absl::InvalidArgumentError(*text);
    if (count < files.size()) {
      files[count++] = *std::move(text);
    } else {
      out.revocations.push_back(*std::move(text));
    }
  }
  if (count < files.size()) return absl::InternalError("gateway: its reader said nothing of use");
  out.certificate = std::move(files[0]);
  out.key = std::move(files[1]);
  out.trusted_ca = std::move(files[2]);
  return out;
}

}  // namespace percpud::gateway
