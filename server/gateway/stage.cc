// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/gateway/stage.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/base/refusal_log.h"
#include "server/gateway/material_reader.h"

namespace percpud::gateway {
namespace {

constexpr std::size_t kRead = 64 << 10;

std::string ExpiryOf(const TlsContext& context) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", context.expires(), absl::UTCTimeZone());
}

}  // namespace

absl::Status Stage::Start() {
  ask_at_ = NowSinceBoot() + options_.check_interval;
  AskReader(reader_.get());
  return loop_.Add(reader_.get(), EPOLLIN, *this);
}

void Stage::Reload() {
  // Said again, for somebody waits for it.
  said_.clear();
  AskReader(reader_.get());
}

void Stage::LookAround(BootTime now) {
  if (now < ask_at_) return;
  ask_at_ = now + options_.check_interval;
  AskReader(reader_.get());
}

void Stage::OnReady(std::uint32_t /*events*/) {
  std::vector<char> bytes(kRead);
  const ssize_t got = recv(reader_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    is_over_ = true;
    loop_.Remove(reader_.get(), *this);
    return WriteWarning("the process that reads certificates has ended, so this one ends too");
  }
  input_.append(bytes.data(), static_cast<std::size_t>(got));
  while (const std::optional<absl::StatusOr<tls::Material>> read = TakeMaterial(input_))
    Take(*read);
}

void Stage::Take(const absl::StatusOr<tls::Material>& read) {
  const absl::Time now = absl::Now();
  absl::Status status = read.status();
  if (status.ok() && *read == material_ && context_ != nullptr && now < context_->expires()) {
    return Say(absl::StrCat("tls: the certificate in use is valid until ", ExpiryOf(*context_)));
  }
  if (status.ok()) {
    absl::StatusOr<std::shared_ptr<const TlsContext>> made = TlsContext::Make(options_, *read, now);
    status = made.status();
    if (status.ok()) {
      context_ = *std::move(made);
      material_ = *read;
      // Another set is news, though it may end with the one before.
      said_.clear();
      return Say(absl::StrCat("tls: the certificate in use is valid until ", ExpiryOf(*context_)));
    }
  }
  Say(absl::StrCat(status.message(), context_ == nullptr
                                         ? "; TLS is not served before this is mended"
                                         : "; the certificates in use stay in use"));
}

void Stage::Say(const std::string& news) {
  if (news == said_) return;
  said_ = news;
  WriteWarning(news);
}

}  // namespace percpud::gateway
