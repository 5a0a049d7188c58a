// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/trace.h"

#include <charconv>
#include <cstdint>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace percpu {
namespace {

// A trace id's dense number, and whether it is live now.
struct Known {
  std::uint64_t dense = 0;
  bool live = false;
};
using Ids = absl::flat_hash_map<std::uint64_t, Known>;

// Decimal digits and nothing else; false for what does not fit.
bool ParseNumber(absl::string_view text, std::uint64_t& value) {
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && stop == end;
}

absl::StatusOr<TraceOp> Parse(absl::string_view line, Ids& ids) {
  const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
  TraceOp op;
  op.alloc = words.size() == 4 && words[0] == "a";
  const bool is_free = words.size() == 2 && words[0] == "f";
  std::uint64_t id = 0;
  if (!(op.alloc || is_free) || !ParseNumber(words[1], id) ||
      (op.alloc && !(ParseNumber(words[2], op.size) && ParseNumber(words[3], op.alignment)))) {
    return absl::InvalidArgumentError("expected 'a ID SIZE ALIGN' or 'f ID'");
  }
  Known& known = ids.try_emplace(id, Known{.dense = ids.size(), .live = false}).first->second;
  if (known.live == op.alloc) {
    return absl::InvalidArgumentError(
        absl::StrCat("id ", id, op.alloc ? " is live already" : " is not live"));
  }
  known.live = op.alloc;
  op.id = known.dense;
  return op;
}

}  // namespace

absl::StatusOr<std::vector<TraceOp>> ReadTrace(const std::string& path) {
  std::ifstream file(path);
  if (!file) return absl::NotFoundError(absl::StrCat(path, ": cannot be opened"));
  std::vector<TraceOp> ops;
  Ids ids;
  std::string line;
  for (std::uint64_t number = 1; std::getline(file, line); ++number) {
    absl::StatusOr<TraceOp> op = Parse(line, ids);
    if (!op.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ":", number, ": ", op.status().message()));
    }
    ops.push_back(*op);
  }
  // A directory opens, too.
  if (file.bad()) return absl::InvalidArgumentError(absl::StrCat(path, ": cannot be read"));
  return ops;
}

}  // namespace percpu
