// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_CLI_COMMANDS_LABELS_H_
#define PERCPUD_CLIENT_CLI_COMMANDS_LABELS_H_

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "percpu/metrics_connection.h"

// How the command line names a series: NAME [LABEL=VALUE...] [NUMBER].
namespace percpu::cli {

struct Label {
  std::string name;
  std::string value;
};
using Labels = std::vector<Label>;

// What the user gave, once it is parsed: `number` is empty if there is none.
struct MetricArguments {
  std::string name;
  std::vector<std::string> words;

  [[nodiscard]] Labels labels() const;
  [[nodiscard]] std::string number() const;
};

// Whether a number follows the labels.
enum class NumberWord { kNone, kOptional, kRequired };

// Adds the arguments. `number_name` is what the number is called in help and errors.
void AddMetricArguments(CLI::App& parser, MetricArguments& arguments, NumberWord number,
                        const char* number_name);

// The labels as an exposition shows them, without braces.
std::string LabelText(const std::vector<std::string>& names,
                      const std::vector<std::string>& values);

}  // namespace percpu::cli

#endif  // PERCPUD_CLIENT_CLI_COMMANDS_LABELS_H_
