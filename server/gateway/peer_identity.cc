// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/gateway/peer_identity.h"

#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/tls/openssl.h"

namespace percpud::gateway {
namespace {

constexpr absl::string_view kSpiffe = "spiffe://";

absl::Status Unusable(absl::string_view why) {
  return absl::UnauthenticatedError(absl::StrCat("its certificate ", why));
}

// All signs as they stand there: a name with a zero in it is no shorter than it is.
std::string TextOf(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

struct AlternativeNames {
  bool are_there = false;
  std::vector<std::string> uris;
  std::vector<std::string> hosts;
};

AlternativeNames NamesOf(const X509& certificate) {
  AlternativeNames out;
  int found = 0;
  const tls::Owned<GENERAL_NAMES> names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(&certificate, NID_subject_alt_name, &found, nullptr)));
  // Names that cannot be read are there all the same.
  out.are_there = found != -1;
  if (names == nullptr) return out;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_URI) out.uris.push_back(TextOf(name->d.uniformResourceIdentifier));
    if (name->type == GEN_DNS) out.hosts.push_back(TextOf(name->d.dNSName));
  }
  return out;
}

std::optional<std::string> CommonNameOf(const X509& certificate) {
  const X509_NAME* const subject = X509_get_subject_name(&certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return std::nullopt;
  return TextOf(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
}

absl::StatusOr<std::string> Checked(std::string identity) {
  if (identity.size() > kMaxIdentity) {
    return Unusable(absl::StrCat("has a name over the limit of ", kMaxIdentity, " bytes"));
  }
  const bool is_text = std::all_of(identity.begin(), identity.end(), absl::ascii_isprint);
  if (!is_text || identity.back() == ' ' || identity.back() == ':') {
    return Unusable("has a name that is empty, or not printable ASCII");
  }
  return identity;
}

}  // namespace

absl::StatusOr<std::string> IdentityOf(const X509& certificate) {
  const AlternativeNames names = NamesOf(certificate);
  if (names.uris.size() > 1) return Unusable("has more than one URI, so it names nobody");
  if (!names.uris.empty() && absl::StartsWith(names.uris.front(), kSpiffe)) {
    return Checked(absl::StrCat("spiffe:", names.uris.front()));
  }
  if (!names.hosts.empty()) {
    return Checked(absl::StrCat("dns:", absl::AsciiStrToLower(names.hosts.front())));
  }
  const std::optional<std::string> common = CommonNameOf(certificate);
  if (names.are_there || !common) return Unusable("has neither SPIFFE id nor DNS name");
  return Checked(absl::StrCat("cn:", *common));
}

}  // namespace percpud::gateway
