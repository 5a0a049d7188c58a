// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/judge.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "server/fleet/words.h"

namespace percpud::fleet {
namespace {

// Hosts that a message says more about than their number.
constexpr std::size_t kMostNamed = 20;
// Bytes of such a message. gRPC carries it twice, and refuses 8 KiB of what goes with a status.
constexpr std::size_t kMostText = 1200;

// In the words of who waits: what ended the call is no matter. What a host says may be anything.
absl::Status InWords(const absl::Status& status) {
  if (absl::IsCancelled(status) || absl::IsDeadlineExceeded(status)) {
    return absl::DeadlineExceededError("no answer in time");
  }
  return {status.code(), Words(status.message())};
}

}  // namespace

bool Judge::Hear(const std::string& host, const absl::Status& status) {
  if (status.ok() || absl::IsNotFound(status)) {
    heard_.push_back(host);
    return true;
  }
  missing_.push_back({.host = host, .why = InWords(status)});
  return false;
}

void Judge::Drop(const std::string& host, const absl::Status& why) {
  std::erase(heard_, host);
  missing_.push_back({.host = host, .why = InWords(why)});
}

void Judge::WriteTo(v1::Round& out) {
  std::sort(heard_.begin(), heard_.end());
  std::sort(missing_.begin(), missing_.end(),
            [](const Missing& a, const Missing& b) { return a.host < b.host; });
  for (const std::string& host : heard_) out.add_hosts(host);
  for (const Missing& missing : missing_) {
    v1::MissingHost& one = *out.add_missing();
    one.set_host(missing.host);
    one.set_code(static_cast<int>(missing.why.code()));
    one.set_message(std::string(missing.why.message()));
  }
}

absl::Status Judge::Verdict(bool available) const {
  if (missing_.empty() && heard_.empty()) {
    return absl::UnavailableError("the view has no hosts");
  }
  if (missing_.empty() || (available && !heard_.empty())) return absl::OkStatus();
  const bool is_refused = std::any_of(missing_.begin(), missing_.end(), [](const Missing& each) {
    return absl::IsPermissionDenied(each.why);
  });
  std::string text =
      absl::StrCat("hosts: ", missing_.size(), " of ", missing_.size() + heard_.size(), " missing");
  std::size_t named = 0;
  for (; named < std::min(missing_.size(), kMostNamed); ++named) {
    const Missing& one = missing_[named];
    const std::string words =
        absl::StrCat(named == 0 ? ": " : "; ", one.host, " (", one.why.message(), ")");
    if (text.size() + words.size() > kMostText) break;
    text += words;
  }
  if (missing_.size() > named) absl::StrAppend(&text, "; and others");
  return is_refused ? absl::PermissionDeniedError(text) : absl::UnavailableError(text);
}

}  // namespace percpud::fleet
