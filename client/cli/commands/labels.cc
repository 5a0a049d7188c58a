// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/commands/labels.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/cli/commands/target.h"
#include "client/cli/parse.h"
#include "client/exposition/labels.h"
#include "client/exposition/text.h"

namespace percpu::cli {
namespace {

bool IsLabel(absl::string_view word) { return absl::StrContains(word, '='); }

// A name that no label has is refused here: an empty one, or one with a quote in it.
std::string WhyNoWord(const std::string& word, NumberWord number) {
  if (IsLabel(word)) {
    const std::size_t at = word.find('=');
    const bool is_name =
        at > 0 && std::all_of(word.begin(), word.begin() + static_cast<int>(at),
                              [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
    return is_name ? "" : absl::StrCat("\"", word, "\" is not LABEL=VALUE");
  }
  if (number == NumberWord::kNone) return absl::StrCat("\"", word, "\" is not LABEL=VALUE");
  return ParseNumber(word).ok()
             ? ""
             : absl::StrCat("\"", word, "\" is neither LABEL=VALUE nor a number of 64 bits");
}

void CheckOrder(const MetricArguments& arguments, NumberWord number, const char* number_name) {
  const auto& words = arguments.words;
  const auto numbers = std::count_if(words.begin(), words.end(),
                                     [](const std::string& word) { return !IsLabel(word); });
  if (numbers == 0 && number == NumberWord::kRequired) throw CLI::RequiredError(number_name);
  if (numbers > 1 || (numbers == 1 && IsLabel(words.back()))) {
    throw CLI::ValidationError(number_name, "one number, behind the labels");
  }
}

}  // namespace

Labels MetricArguments::labels() const {
  Labels out;
  for (const std::string& word : words) {
    if (!IsLabel(word)) continue;
    const std::vector<std::string> parts = absl::StrSplit(word, absl::MaxSplits('=', 1));
    out.push_back({.name = parts[0], .value = parts[1]});
  }
  return out;
}

std::string MetricArguments::number() const {
  return words.empty() || IsLabel(words.back()) ? "" : words.back();
}

void AddMetricArguments(CLI::App& parser, MetricArguments& arguments, NumberWord number,
                        const char* number_name) {
  AddNameArgument(parser, arguments.name);
  const bool has_number = number != NumberWord::kNone;
  const std::string shown =
      !has_number ? "LABEL=VALUE" : absl::StrCat("LABEL=VALUE... ", number_name);
  parser
      .add_option(shown, arguments.words,
                  has_number ? absl::StrCat("The series' labels, then ", number_name,
                                            number == NumberWord::kOptional ? " [1]" : "")
                             : std::string("The series' labels"))
      ->option_text(has_number ? " " : "...")
      ->check(CLI::Validator([number](const std::string& word) { return WhyNoWord(word, number); },
                             ""));
  parser.final_callback(
      [&arguments, number, number_name] { CheckOrder(arguments, number, number_name); });
}

std::string LabelText(const std::vector<std::string>& names,
                      const std::vector<std::string>& values) {
  percpud::exposition::Text text;
  for (std::size_t i = 0; i < std::min(names.size(), values.size()); ++i) {
    percpud::exposition::AppendLabel(text, 0, names[i], values[i]);
  }
  return std::string(text.view());
}

}  // namespace percpu::cli
