// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/exporter/negotiate.h"

#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace percpud::exporter {
namespace {

using exposition::Format;

// An element of a header's list: what is named, and how much it is liked.
struct Element {
  std::string name;
  // Empty if none is said.
  std::string version;
  double quality = 1;
};

std::string Lower(absl::string_view text) {
  return absl::AsciiStrToLower(absl::StripAsciiWhitespace(text));
}

Element Parse(absl::string_view element) {
  Element out;
  bool is_first = true;
  for (const absl::string_view part : absl::StrSplit(element, ';')) {
    if (std::exchange(is_first, false)) {
      out.name = Lower(part);
      continue;
    }
    const std::pair<absl::string_view, absl::string_view> parameter =
        absl::StrSplit(part, absl::MaxSplits('=', 1));
    const std::string key = Lower(parameter.first);
    std::string value = Lower(parameter.second);
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
      value = value.substr(1, value.size() - 2);
    }
    if (key == "version") out.version = value;
    // A quality that is no number likes nothing.
    if (key == "q" && !absl::SimpleAtod(value, &out.quality)) out.quality = 0;
  }
  return out;
}

bool NamesOpenMetrics(const Element& element) {
  return element.name == "application/openmetrics-text" &&
         (element.version.empty() || element.version == "1.0.0");
}

bool NamesText(const Element& element) {
  return (element.name == "text/plain" &&
          (element.version.empty() || element.version == "0.0.4")) ||
         element.name == "text/*" || element.name == "*/*";
}

}  // namespace

Format ChooseFormat(std::string_view accept) {
  double open_metrics = 0;
  double text = 0;
  for (const absl::string_view part :
       absl::StrSplit(absl::string_view(accept.data(), accept.size()), ',')) {
    const Element element = Parse(part);
    if (NamesOpenMetrics(element)) open_metrics = std::max(open_metrics, element.quality);
    if (NamesText(element)) text = std::max(text, element.quality);
  }
  return open_metrics > 0 && open_metrics >= text ? Format::kOpenMetrics : Format::kText;
}

bool TakesGzip(std::string_view accept_encoding) {
  for (const absl::string_view part :
       absl::StrSplit(absl::string_view(accept_encoding.data(), accept_encoding.size()), ',')) {
    const Element element = Parse(part);
    if (element.name == "gzip" || element.name == "x-gzip") return element.quality > 0;
  }
  return false;
}

}  // namespace percpud::exporter
