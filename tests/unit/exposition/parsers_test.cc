// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What is written, read by parsers that nobody here wrote: those of Prometheus's
// Python client. Its OpenMetrics parser is the strictest that there is.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "client/exposition/labels.h"
#include "client/exposition/number.h"
#include "client/exposition/writer.h"
#include "tests/support/process.h"

namespace percpud::exposition {
namespace {

using percpud::testing::RunToEnd;
using percpud::testing::TempDir;

// Sample name and labels, and its value.
using Samples = std::map<std::pair<std::string, std::map<std::string, std::string>>, double>;

class ParsersTest : public ::testing::Test {
 protected:
  // What the parser finds in `text`; the test fails if it refuses.
  Samples Parse(const std::string& format, const std::string& text) {
    const std::string file = dir_.path() + "/exposition";
    std::ofstream(file, std::ios::binary) << text;
    const char* const script = std::getenv("PERCPUD_PARSE_EXPOSITION");
    EXPECT_NE(script, nullptr);
    if (script == nullptr) return {};
    const auto ran = RunToEnd({"/usr/bin/python3", script, format, file});
    EXPECT_TRUE(ran.ok()) << ran.status();
    installed_ = ran->exit_code != 77;
    if (!installed_) return {};
    EXPECT_EQ(ran->exit_code, 0) << ran->err;
    Samples out;
    std::istringstream lines(ran->out);
    for (std::string line; std::getline(lines, line);) {
      const auto sample = nlohmann::json::parse(line);
      std::map<std::string, std::string> labels;
      for (const auto& label : sample[1]) labels[label[0]] = label[1];
      out[{sample[0], labels}] = std::strtod(sample[2].get<std::string>().c_str(), nullptr);
    }
    return out;
  }

  TempDir dir_;
  bool installed_ = true;
};

// A value that every label may have, with what has to be escaped often in it.
std::string AnyText(std::mt19937_64& random) {
  static const std::vector<std::string> kParts = {"\\", "\n", "\"", "{",   "}", ",",  "=",
                                                  " ",  "a",  "é",  "\\n", "#", "日", "\t"};
  std::string out;
  for (std::uint64_t n = random() % 8; n > 0; --n) out += kParts[random() % kParts.size()];
  return out;
}

struct Expected {
  Text text;
  Samples samples;
};

void AddFamily(Writer& writer, Samples& samples, std::mt19937_64& random, int number) {
  const auto type = static_cast<FamilyType>(number % 4);
  const std::string name = "family_" + std::to_string(number);
  const std::string help = AnyText(random);
  writer.Family({.name = name, .help = help, .unit = "", .type = type});
  for (int series = 0; series < 3; ++series) {
    std::map<std::string, std::string> labels = {{"series", std::to_string(series)},
                                                 {"any", AnyText(random)}};
    Text text;
    for (const auto& [label, value] : labels) AppendLabel(text, 0, label, value);
    const double value = static_cast<double>(random() % 1000) / 7.0;
    const std::uint64_t count = random() % (std::uint64_t{1} << 53);
    switch (type) {
      case FamilyType::kCounter:
        writer.Counter(text.view(), value);
        samples[{name + "_total", labels}] = value;
        break;
      case FamilyType::kGauge:
        writer.Gauge(text.view(), -value);
        samples[{name, labels}] = -value;
        break;
      case FamilyType::kSummary:
        writer.Summary(text.view(), count, value);
        samples[{name + "_count", labels}] = static_cast<double>(count);
        samples[{name + "_sum", labels}] = value;
        break;
      case FamilyType::kHistogram: {
        const std::vector<std::string_view> bounds = {"0.25", "1e+06"};
        const std::vector<std::uint64_t> cumulative = {1, 1, count + 1};
        writer.Histogram(text.view(), {.bounds = bounds,
                                       .cumulative = cumulative,
                                       .sum = value,
                                       .has_negative_bound = false});
        samples[{name + "_count", labels}] = static_cast<double>(count + 1);
        samples[{name + "_sum", labels}] = value;
        for (std::size_t i = 0; i < cumulative.size(); ++i) {
          auto with_le = labels;
          with_le["le"] = i < bounds.size() ? std::string(bounds[i]) : "+Inf";
          samples[{name + "_bucket", with_le}] = static_cast<double>(cumulative[i]);
        }
        break;
      }
    }
  }
}

Expected Random(Format format, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Expected out;
  Writer writer(out.text, format);
  for (int number = 0; number < 40; ++number) AddFamily(writer, out.samples, random, number);
  writer.End();
  return out;
}

TEST_F(ParsersTest, OpenMetricsIsReadAsItWasWritten) {
  for (const std::uint64_t seed : {1, 2, 3}) {
    const Expected expected = Random(Format::kOpenMetrics, seed);
    const Samples read = Parse("openmetrics", std::string(expected.text.view()));
    if (!installed_) GTEST_SKIP() << "no python3-prometheus-client";
    EXPECT_EQ(read, expected.samples);
  }
}

TEST_F(ParsersTest, TextIsReadAsItWasWritten) {
  for (const std::uint64_t seed : {4, 5, 6}) {
    const Expected expected = Random(Format::kText, seed);
    const Samples read = Parse("text", std::string(expected.text.view()));
    if (!installed_) GTEST_SKIP() << "no python3-prometheus-client";
    EXPECT_EQ(read, expected.samples);
  }
}

}  // namespace
}  // namespace percpud::exposition
