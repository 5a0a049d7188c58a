// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/main/layout_fingerprint.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace percpud {

std::string LayoutText(const AllocInfo& info, const StaticLayout& statics,
                       absl::string_view backend, const BackendOptions& options, Bytes page_size,
                       rseq::UpdateMode mode) {
  std::vector<std::string> lines = {
      absl::StrCat("backend=", backend),
      absl::StrCat("page_size=", page_size.value()),
      absl::StrCat("unit_size=", info.unit_size.value()),
      absl::StrCat("static_size=", info.static_size.value()),
      absl::StrCat("reserved_size=", info.reserved_size.value()),
      absl::StrCat("update_mode=", static_cast<int>(mode)),
      absl::StrCat("units=", absl::StrJoin(info.unit_to_cpu, ",",
                                           [](std::string* out, const auto& cpu) {
                                             if (cpu) {
                                               absl::StrAppend(out, cpu->value());
                                             } else {
                                               out->push_back('-');
                                             }
                                           })),
      absl::StrCat("offsets=",
                   absl::StrJoin(info.unit_offset, ",", [](std::string* out, Bytes offset) {
                     absl::StrAppend(out, offset.value());
                   }))};
  // Where a chunk's block ends.
  if (options.return_tail) lines.emplace_back("km.return_tail=1");
  for (const StaticVariable& variable : statics.variables()) {
    lines.push_back(absl::StrCat("static ", variable.name, "=", Name(variable.type), " of ",
                                 variable.size.value(), " at ", variable.offset.value()));
  }
  return absl::StrJoin(lines, "\n");
}

std::string LayoutDifference(absl::string_view there, absl::string_view here) {
  const std::vector<absl::string_view> a = absl::StrSplit(there, '\n');
  const std::vector<absl::string_view> b = absl::StrSplit(here, '\n');
  const auto [of_there, of_here] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  const auto text = [](const auto& at, const auto& end) {
    return at == end ? absl::string_view("nothing") : *at;
  };
  return absl::StrCat(text(of_there, a.end()), ", not ", text(of_here, b.end()));
}

}  // namespace percpud
