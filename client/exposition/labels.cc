// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/exposition/labels.h"

namespace percpud::exposition {
namespace {

void AppendEscaped(Text& out, std::string_view text, bool quotes) {
  // In one piece, unless there is something to escape.
  while (!text.empty()) {
    const std::size_t found = text.find_first_of(quotes ? "\\\n\"" : "\\\n");
    if (found == std::string_view::npos) break;
    out.Append(std::string_view(text.data(), found)).Append('\\');
    out.Append(text[found] == '\n' ? 'n' : text[found]);
    text.remove_prefix(found + 1);
  }
  out.Append(text);
}

}  // namespace

void AppendLabel(Text& labels, std::size_t begin, std::string_view name, std::string_view value) {
  if (labels.size() > begin) labels.Append(',');
  labels.Append(name).Append("=\"");
  AppendEscaped(labels, value, true);
  labels.Append('"');
}

void AppendHelp(Text& out, std::string_view help, bool quotes) { AppendEscaped(out, help, quotes); }

}  // namespace percpud::exposition
