// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/gateway/request_head.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "proto/percpud/abi/v1/wire.h"
#include "server/base/errors.h"
#include "server/base/limits.h"

namespace percpud::gateway {
namespace {

// What a field costs beside its name and value, as HTTP/2 counts it.
constexpr std::size_t kPerField = 32;
constexpr std::size_t kMaxUserAgent = 256;

// "application/grpc", "application/grpc+proto", "application/grpc;charset=utf-8".
bool IsGrpc(absl::string_view content_type) {
  return absl::ConsumePrefix(&content_type, "application/grpc") &&
         (content_type.empty() || content_type.front() == '+' || content_type.front() == ';');
}

// Up to eight digits and a unit.
bool IsTimeout(absl::string_view text) {
  return text.size() >= 2 && text.size() <= 9 &&
         absl::StrContains("HMSmun", text.substr(text.size() - 1)) &&
         std::all_of(text.begin(), text.end() - 1, absl::ascii_isdigit);
}

// Sixteen bytes in Base64, with or without padding.
bool IsToken(absl::string_view text) {
  constexpr std::size_t kLeast = 22;
  constexpr std::size_t kMost = 24;
  return text.size() >= kLeast && text.size() <= kMost &&
         std::all_of(text.begin(), text.end(), [](char sign) {
           return absl::ascii_isalnum(static_cast<unsigned char>(sign)) || sign == '+' ||
                  sign == '/' || sign == '=';
         });
}

bool IsPrintable(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), absl::ascii_isprint);
}

}  // namespace

void RequestHead::Add(absl::string_view name, absl::string_view value) {
  bytes_ += name.size() + value.size() + kPerField;
  if (bytes_ > kMaxHeaders.value()) return;
  const std::pair<absl::string_view, std::string*> known[] = {
      {":method", &http_method_},    {":path", &path_},           {"content-type", &content_type_},
      {"grpc-encoding", &encoding_}, {"grpc-timeout", &timeout_}, {"user-agent", &user_agent_},
      {abi::v1::kTokenKey, &token_}};
  for (const auto& [known_name, place] : known) {
    if (name == known_name) *place = std::string(value);
  }
}

absl::Status RequestHead::Check(const Peer& peer) const {
  if (bytes_ > kMaxHeaders.value()) return errors::HeadersOverLimit(kMaxHeaders);
  const Method* const called = method();
  if (called == nullptr) return errors::MethodUnknown(path_);
  if (called->least > peer.most) {
    return errors::NotOverTcp(called->name(), Name(called->least), Name(peer.most));
  }
  if (!encoding_.empty() && encoding_ != "identity") return errors::CompressionRefused();
  return absl::OkStatus();
}

Fields RequestHead::Refusal(const Peer& peer) const {
  // A header that is too large was not taken whole.
  if (bytes_ <= kMaxHeaders.value()) {
    if (http_method_ != "POST") return {{":status", "405"}, {"allow", "POST"}};
    if (!IsGrpc(content_type_)) return {{":status", "415"}};
  }
  const absl::Status status = Check(peer);
  return status.ok() ? Fields() : AnswerOf(status);
}

Fields RequestHead::Forwarded(const Peer& peer) const {
  assert(Refusal(peer).empty());
  Fields out{{":method", "POST"},
             {":scheme", "http"},
             {":path", path_},
             {":authority", "localhost"},
             {"te", "trailers"},
             {"content-type", "application/grpc"},
             {abi::v1::kOnBehalfKey, peer.on_behalf}};
  if (IsTimeout(timeout_)) out.push_back({"grpc-timeout", timeout_});
  if (!user_agent_.empty() && IsPrintable(user_agent_)) {
    out.push_back({"user-agent", user_agent_.substr(0, kMaxUserAgent)});
  }
  if (peer.may_have_session && IsToken(token_)) out.push_back({abi::v1::kTokenKey, token_});
  return out;
}

}  // namespace percpud::gateway
