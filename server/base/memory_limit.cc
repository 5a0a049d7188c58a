// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/base/memory_limit.h"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace percpud {
namespace {

// Version 1 says "no limit" by a number that no machine has.
constexpr std::uint64_t kNoLimit = std::uint64_t{1} << 60;

// The files of one version of control groups.
struct Version {
  const char* limit;
  const char* used;
  // Before the names of what is in memory.stat, for the group with all below it.
  const char* prefix;
};
constexpr Version kUnified{.limit = "memory.max", .used = "memory.current", .prefix = ""};
constexpr Version kMemory{
    .limit = "memory.limit_in_bytes", .used = "memory.usage_in_bytes", .prefix = "total_"};

// nullopt for a file that is not there or holds no number ("max").
std::optional<std::uint64_t> ReadNumber(const std::string& path) {
  std::ifstream file(path);
  std::string text;
  std::uint64_t number = 0;
  if (!std::getline(file, text) || !absl::SimpleAtoi(text, &number)) return std::nullopt;
  return number;
}

// The cache of files on disks. Memory files are not in it: the kernel keeps them in
// the lists of anonymous memory.
std::uint64_t ReadFileCache(const std::string& group, const Version& version) {
  std::uint64_t sum = 0;
  std::ifstream file(absl::StrCat(group, "/memory.stat"));
  std::string name;
  std::uint64_t value = 0;
  while (file >> name >> value) {
    if (name == absl::StrCat(version.prefix, "inactive_file") ||
        name == absl::StrCat(version.prefix, "active_file")) {
      sum += value;
    }
  }
  return sum;
}

std::optional<MemoryLimit> ReadGroup(const std::string& group, const Version& version) {
  const auto limit = ReadNumber(absl::StrCat(group, "/", version.limit));
  const auto used = ReadNumber(absl::StrCat(group, "/", version.used));
  if (!limit || !used || *limit >= kNoLimit) return std::nullopt;
  const std::uint64_t cache = std::min(*used, ReadFileCache(group, version));
  return MemoryLimit{.group = group, .limit = Bytes(*limit), .used = Bytes(*used - cache)};
}

// Keeps in `tightest` the limit with the least left, from `path` up to the root.
// In a container the mount may begin at the process's own group: then the path is
// not there, and the root is the group.
void Tighten(const std::string& root, std::string path, const Version& version,
             std::optional<MemoryLimit>& tightest) {
  while (true) {
    const auto found = ReadGroup(absl::StrCat(root, path), version);
    if (found && (!tightest || found->left() < tightest->left())) tightest = found;
    if (path.empty()) return;
    path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  }
}

}  // namespace

std::optional<MemoryLimit> ReadMemoryLimit(const ControlGroupPlaces& places) {
  std::optional<MemoryLimit> tightest;
  std::ifstream membership(places.membership);
  for (std::string line; std::getline(membership, line);) {
    // "4:memory:/path", or "0::/path" for version 2.
    const std::vector<std::string> fields = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (fields.size() != 3) continue;
    const std::string path = fields[2] == "/" ? "" : fields[2];
    const std::vector<absl::string_view> controllers = absl::StrSplit(fields[1], ',');
    if (fields[1].empty()) Tighten(places.unified, path, kUnified, tightest);
    for (const absl::string_view controller : controllers) {
      if (controller == "memory") Tighten(places.memory, path, kMemory, tightest);
    }
  }
  return tightest;
}

}  // namespace percpud
