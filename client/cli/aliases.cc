// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/aliases.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"

namespace percpu::cli {
namespace {

struct Alias {
  absl::string_view word;
  absl::string_view noun;
};

// Each is a noun in the plural and means `NOUN list`.
constexpr std::array kPlurals = {
    Alias{"chunks", "chunk"},   Alias{"families", "family"},    Alias{"groups", "group"},
    Alias{"leases", "lease"},   Alias{"sessions", "session"},   Alias{"slots", "slot"},
    Alias{"statics", "static"}, Alias{"variables", "variable"}, Alias{"units", "unit"},
};

// The global options whose value is a word of its own.
constexpr std::array<absl::string_view, 5> kTakeAWord = {"-o", "--output", "--address",
                                                         "--namespace", "--timeout"};

// The index of the command; the number of words if there is no command.
std::size_t FindCommand(const std::vector<std::string>& words) {
  std::size_t at = 0;
  while (at < words.size() && !words[at].empty() && words[at].front() == '-') {
    const bool takes =
        std::find(kTakeAWord.begin(), kTakeAWord.end(), words[at]) != kTakeAWord.end();
    at += takes ? 2 : 1;
  }
  return std::min(at, words.size());
}

// `chunk 1 --map` is `chunk show 1 --map`.
bool ShowsAChunk(const std::vector<std::string>& words, std::size_t command) {
  if (words[command] != "chunk" || command + 1 == words.size()) return false;
  const std::string& next = words[command + 1];
  return next == "--map" || (!next.empty() && absl::ascii_isdigit(next.front()));
}

}  // namespace

std::vector<std::string> ResolveAliases(std::vector<std::string> words) {
  const std::size_t command = FindCommand(words);
  if (command == words.size()) return words;
  const auto after = words.begin() + static_cast<std::ptrdiff_t>(command) + 1;
  const auto* const plural =
      std::find_if(kPlurals.begin(), kPlurals.end(),
                   [&](const Alias& alias) { return alias.word == words[command]; });
  if (plural != kPlurals.end()) {
    words[command] = std::string(plural->noun);
    words.insert(after, "list");
  } else if (ShowsAChunk(words, command)) {
    words.insert(after, "show");
  }
  return words;
}

}  // namespace percpu::cli
