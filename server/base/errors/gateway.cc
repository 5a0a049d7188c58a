// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "absl/strings/escaping.h"
#include "server/base/errors.h"
#include "server/base/errors/refuse.h"

namespace percpud::errors {

absl::Status OnlyTheGateway(absl::string_view key) {
  return Refuse(Code::kPermissionDenied, Reason::kOnlyTheGateway, key,
                ": only percpud-gateway may say on whose behalf it calls");
}

absl::Status PeerNotNamed(absl::string_view value) {
  return Refuse(Code::kUnauthenticated, Reason::kPeerNotNamed,
                "gateway: does not say on whose behalf it calls: \"", value, "\"");
}

absl::Status NotOverTcp(absl::string_view rpc, absl::string_view needed, absl::string_view most) {
  return Refuse(Code::kPermissionDenied, Reason::kNotOverTcp, rpc, ": needs the role ", needed,
                "; a peer that shows no certificate is never more than ", most);
}

absl::Status MethodUnknown(absl::string_view path) {
  return Refuse(Code::kUnimplemented, Reason::kMethodUnknown,
                "method: there is none of the path \"", absl::CHexEscape(path.substr(0, 256)),
                "\"");
}

absl::Status CompressionRefused() {
  return Refuse(Code::kUnimplemented, Reason::kCompressionRefused,
                "grpc-encoding: compressed messages are refused");
}

absl::Status MessageOverLimit(Bytes length, Bytes limit) {
  return Refuse(Code::kResourceExhausted, Reason::kMessageOverLimit, "message: ", length.value(),
                " bytes, over the limit of ", limit.value());
}

absl::Status HeadersOverLimit(Bytes limit) {
  return Refuse(Code::kResourceExhausted, Reason::kHeadersOverLimit,
                "headers: names and values are over the limit of ", limit.value(), " bytes");
}

absl::Status GatewayFull(absl::string_view what, std::uint32_t limit_per_host,
                         std::uint32_t limit) {
  return Refuse(Code::kResourceExhausted, Reason::kGatewayFull, what,
                ": the host has all it may have at once over TCP; ", limit_per_host, " of ", limit,
                ", less while others have many");
}

absl::Status Flooded(absl::string_view peer) {
  return Refuse(Code::kResourceExhausted, Reason::kFlooded, "gateway: ", peer,
                " sends more frames of a kind than any client needs; it is cut off");
}

absl::Status DaemonAway() {
  return Refuse(Code::kUnavailable, Reason::kDaemonAway, "gateway: percpud is away");
}

absl::Status CallCut() {
  return Refuse(Code::kUnavailable, Reason::kCallCut,
                "gateway: percpud ended the call without an answer");
}

}  // namespace percpud::errors
