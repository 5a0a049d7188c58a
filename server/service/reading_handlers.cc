// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/service/reading_handlers.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/base/errors.h"
#include "server/base/status_macros.h"
#include "server/metrics/rules.h"
#include "server/service/convert.h"
#include "server/service/convert_metrics.h"
#include "server/service/paging.h"

namespace percpud::handlers {
namespace {

constexpr absl::string_view kVariables = "read_variables";
constexpr Bytes kWord{8};
// Integers of one page: an answer stays well below the largest message.
constexpr std::size_t kMostWords = 65536;

// Errors: NamespaceNotFound, FamilyNotFound, and Calls::ListFamilies's.
absl::StatusOr<v1::Family> FindFamily(const Calls& calls, const Caller& caller,
                                      const std::string& name_space, const std::string& name) {
  v1::Family out;
  FamilyId from;
  while (true) {
    ASSIGN_OR_RETURN(
        const Metrics::Page page,
        calls.ListFamilies(caller, name_space, from,
                           [&](const metrics::Namespace& of, const metrics::Family& family) {
                             if (family.shape.name == name) out = ToProto(of, family);
                             return true;
                           }));
    if (out.family_id() != 0) return out;
    if (!page.next) return errors::FamilyNotFound(name);
    from = page.next->family;
  }
}

// 0 for more than an answer holds.
std::size_t WordsOf(const Variable& variable) {
  if (variable.type == VariableType::kBytes) return 0;
  const std::size_t words = variable.size / kWord;
  return words > kMostWords ? 0 : words;
}

// False if the variable is gone meanwhile.
bool AddSums(const Calls& calls, const Caller& caller, const Variable& variable,
             v1::ReadVariablesResponse& response) {
  v1::VariableSums out;
  *out.mutable_variable() = ToProto(variable);
  for (std::size_t i = 0; i < WordsOf(variable); ++i) {
    const PercpuPtr word(variable.pointer.value() + i * kWord.value());
    const absl::StatusOr<std::int64_t> sum = calls.Sum(caller, word, kWord);
    if (!sum.ok()) return false;
    out.add_sums(*sum);
  }
  *response.add_variables() = std::move(out);
  return true;
}

// The variables of the names, by name. Errors: NotExported.
absl::StatusOr<std::vector<Variable>> FindNamed(const Calls& calls, const Caller& caller,
                                                const v1::ReadVariablesRequest& request,
                                                const std::string& after) {
  std::vector<std::string> names(request.names().begin(), request.names().end());
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::vector<Variable> out;
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(std::optional<Variable> found, calls.FindVariable(caller, name));
    if (found && name > after) out.push_back(*std::move(found));
  }
  return out;
}

// The variables of the prefix, `limit` at most. Errors: NotExported.
absl::StatusOr<std::vector<Variable>> FindBehind(const Calls& calls, const Caller& caller,
                                                 const std::string& prefix,
                                                 const std::string& after, std::size_t limit) {
  RETURN_IF_ERROR(calls.ExportsTo(caller).CheckVariables(prefix));
  return calls.ListVariables(caller, after, limit, prefix);
}

}  // namespace

absl::Status ReadFamily(MetricsContext& context, const Caller& caller,
                        const v1::ReadFamilyRequest& request, v1::ReadFamilyResponse& response) {
  const std::string name_space =
      request.namespace_().empty() ? std::string(metrics::kDefaultNamespace) : request.namespace_();
  RETURN_IF_ERROR(context.calls.ExportsTo(caller).CheckFamily(name_space, request.family()));
  ASSIGN_OR_RETURN(v1::Family family,
                   FindFamily(context.calls, caller, name_space, request.family()));
  response.mutable_shape()->Swap(family.mutable_shape());
  v1::ReadSeriesResponse page;
  RETURN_IF_ERROR(ReadSeriesPage(context, caller,
                                 {.name_space = name_space, .family = FamilyId(family.family_id())},
                                 request.page_size(), request.page_token(), page));
  response.mutable_series()->Swap(page.mutable_series());
  response.set_next_page_token(page.next_page_token());
  return absl::OkStatus();
}

absl::Status ReadVariables(MetricsContext& context, const Caller& caller,
                           const v1::ReadVariablesRequest& request,
                           v1::ReadVariablesResponse& response) {
  RETURN_IF_ERROR(
      context.calls.CheckBatch("names", static_cast<std::size_t>(request.names_size())));
  ASSIGN_OR_RETURN(const NamePage page,
                   ParseNamePage(kVariables, request.page_size(), request.page_token()));
  const std::size_t limit = std::size_t{page.size} + 1;
  ASSIGN_OR_RETURN(const std::vector<Variable> found,
                   request.names().empty()
                       ? FindBehind(context.calls, caller, request.prefix(), page.after, limit)
                       : FindNamed(context.calls, caller, request, page.after));
  std::size_t words = 0;
  std::size_t shown = 0;
  for (const Variable& variable : found) {
    words += WordsOf(variable);
    if (shown == page.size || (words > kMostWords && shown > 0)) {
      response.set_next_page_token(NamePageToken(kVariables, found[shown - 1].name));
      break;
    }
    ++shown;
    AddSums(context.calls, caller, variable, response);
  }
  return absl::OkStatus();
}

}  // namespace percpud::handlers
