// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_EXPOSITION_WRITER_H_
#define PERCPUD_CLIENT_EXPOSITION_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "client/exposition/text.h"

namespace percpud::exposition {

enum class Format : std::uint8_t {
  // Prometheus's text, version 0.0.4.
  kText,
  // OpenMetrics 1.0.
  kOpenMetrics,
};

// The value of a Content-Type header.
const char* ContentType(Format format);

enum class FamilyType : std::uint8_t { kCounter, kGauge, kHistogram, kSummary };

// What is said of a family before its samples. Views.
struct FamilyHead {
  // With or without a counter's `_total`.
  std::string_view name;
  std::string_view help;
  // Said only in OpenMetrics, and only if the name ends with it, as it must there.
  std::string_view unit;
  FamilyType type = FamilyType::kCounter;
};

// What a histogram shows.
struct HistogramSample {
  // Texts of the finite bounds, which rise, as AppendBound makes them.
  std::span<const std::string_view> bounds;
  // How many values are at most as large as a bound; one more entry than bounds: all.
  std::span<const std::uint64_t> cumulative;
  double sum = 0;
  // The lowest bound is below 0.
  bool has_negative_bound = false;
};

// Writes families to a text, one after the other and each with its series:
//
//   Family   Counter Counter ...   Family   Histogram ...   End
//
// `labels` are as AppendLabel makes them, and differ within a family. Names are
// written as they are: they were checked when the family was made. What OpenMetrics
// forbids is left out of it: a counter or sum that is negative or not a number, and a
// histogram's sum, and with it its count, where bounds are negative.
// Not thread safe. The text outlives the writer, and says whether memory sufficed.
class Writer {
 public:
  Writer(Text& out, Format format) : out_(out), format_(format) {}

  // The family of the samples that follow. `family` outlives them.
  void Family(const FamilyHead& family);
  void Counter(std::string_view labels, std::uint64_t value);
  void Counter(std::string_view labels, double value);
  void Gauge(std::string_view labels, double value);
  void Histogram(std::string_view labels, const HistogramSample& sample);
  void Summary(std::string_view labels, std::uint64_t count, double sum);
  // When the series began to count. Of no gauge; nothing in text 0.0.4, which has none.
  void Created(std::string_view labels, std::uint64_t nanoseconds);
  // The end of everything.
  void End();

 private:
  void Name(std::string_view suffix);
  void Labels(std::string_view labels);
  // All of a line before its value. False if memory is short.
  bool BeginSample(std::string_view suffix, std::string_view labels);
  void Sample(std::string_view suffix, std::string_view labels, std::uint64_t value);
  void Sample(std::string_view suffix, std::string_view labels, double value);
  [[nodiscard]] bool IsOpenMetrics() const { return format_ == Format::kOpenMetrics; }
  [[nodiscard]] bool MayShow(double counted) const { return counted >= 0 || !IsOpenMetrics(); }

  Text& out_;
  Format format_;
  // Without `_total`.
  std::string_view name_;
};

}  // namespace percpud::exposition

#endif  // PERCPUD_CLIENT_EXPOSITION_WRITER_H_
