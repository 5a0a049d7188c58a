// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/variable_sums.h"

#include <cstdint>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace percpud::fleet {
namespace {

namespace wire = percpud::v1;

// Modulo 2^64, as the units of a host are added up.
std::int64_t Added(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

}  // namespace

absl::Status VariableSums::Add(const std::string& host,
                               const std::vector<wire::ReadVariablesResponse>& pages) {
  std::size_t sums = sums_;
  if (absl::Status status = CheckPages(pages, sums); !status.ok()) return status;
  sums_ = sums;
  for (const wire::ReadVariablesResponse& page : pages) {
    for (const wire::VariableSums& one : page.variables()) AddOne(host, one);
  }
  return absl::OkStatus();
}

absl::Status VariableSums::CheckPages(const std::vector<wire::ReadVariablesResponse>& pages,
                                      std::size_t& sums) const {
  absl::flat_hash_set<absl::string_view> names;
  std::size_t fresh = 0;
  for (const wire::ReadVariablesResponse& page : pages) {
    for (const wire::VariableSums& one : page.variables()) {
      const std::string& name = one.variable().name();
      if (!names.insert(name).second) {
        return absl::DataLossError(absl::StrCat("answer: has the variable ", name, " twice"));
      }
      const bool is_new = !variables_.contains(name);
      const auto own = static_cast<std::size_t>(one.sums_size());
      fresh += is_new ? 1 : 0;
      sums += (is_new ? own : 0) + (by_host_ ? own : 0);
    }
  }
  if (variables_.size() + fresh > kMostVariables) {
    return absl::ResourceExhaustedError(absl::StrCat("prefix: there are more than ", kMostVariables,
                                                     " variables on all hosts together"));
  }
  if (sums <= kMostSums) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      by_host_ ? "by_host" : "prefix", ": the variables of all hosts together have more than ",
      kMostSums, " integers"));
}

void VariableSums::AddOne(const std::string& host, const wire::VariableSums& more) {
  const wire::Variable& variable = more.variable();
  v1::SummedVariable& out = variables_[variable.name()];
  if (out.hosts() == 0) {
    out.set_name(variable.name());
    out.set_type(variable.type());
    out.set_size_bytes(variable.size_bytes());
    for (int i = 0; i < more.sums_size(); ++i) out.add_sums(0);
  }
  const bool is_alike = out.type() == variable.type() &&
                        out.size_bytes() == variable.size_bytes() &&
                        out.sums_size() == more.sums_size();
  if (by_host_) {
    v1::HostSums& of = *out.add_by_host();
    of.set_host(host);
    of.set_type(variable.type());
    of.set_size_bytes(variable.size_bytes());
    *of.mutable_sums() = more.sums();
  }
  if (!is_alike) {
    out.add_differing_hosts(host);
    return;
  }
  out.set_hosts(out.hosts() + 1);
  for (int i = 0; i < more.sums_size(); ++i) out.set_sums(i, Added(out.sums(i), more.sums(i)));
}

void VariableSums::WriteTo(v1::SumVariablesResponse& out) const {
  for (const auto& each : variables_) *out.add_variables() = each.second;
}

}  // namespace percpud::fleet
