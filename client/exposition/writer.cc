// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/exposition/writer.h"

#include <cassert>
#include <cstring>

#include "client/exposition/labels.h"
#include "client/exposition/number.h"

namespace percpud::exposition {
namespace {

constexpr std::string_view kTotal = "_total";

std::string_view TypeName(FamilyType type) {
  switch (type) {
    case FamilyType::kCounter:
      return "counter";
    case FamilyType::kGauge:
      return "gauge";
    case FamilyType::kHistogram:
      return "histogram";
    case FamilyType::kSummary:
      return "summary";
  }
  return "unknown";
}

bool IsItsUnit(std::string_view name, std::string_view unit) {
  return !unit.empty() && name.size() > unit.size() && name.ends_with(unit) &&
         name[name.size() - unit.size() - 1] == '_';
}

}  // namespace

const char* ContentType(Format format) {
  return format == Format::kOpenMetrics
             ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
             : "text/plain; version=0.0.4; charset=utf-8";
}

void Writer::Family(const FamilyHead& family) {
  name_ = family.name;
  const bool is_counter = family.type == FamilyType::kCounter;
  if (is_counter && name_.ends_with(kTotal)) name_.remove_suffix(kTotal.size());
  // Text 0.0.4 knows no families: there a counter is what its sample is called.
  const std::string_view suffix = is_counter && !IsOpenMetrics() ? kTotal : std::string_view();
  if (!family.help.empty()) {
    out_.Append("# HELP ");
    Name(suffix);
    out_.Append(' ');
    AppendHelp(out_, family.help, IsOpenMetrics());
    out_.Append('\n');
  }
  out_.Append("# TYPE ");
  Name(suffix);
  out_.Append(' ').Append(TypeName(family.type)).Append('\n');
  if (IsOpenMetrics() && IsItsUnit(name_, family.unit)) {
    out_.Append("# UNIT ").Append(name_).Append(' ').Append(family.unit).Append('\n');
  }
}

void Writer::Counter(std::string_view labels, std::uint64_t value) {
  Sample(kTotal, labels, value);
}

void Writer::Counter(std::string_view labels, double value) {
  if (MayShow(value)) Sample(kTotal, labels, value);
}

void Writer::Gauge(std::string_view labels, double value) { Sample({}, labels, value); }

void Writer::Histogram(std::string_view labels, const HistogramSample& sample) {
  assert(sample.cumulative.size() == sample.bounds.size() + 1);
  const std::uint64_t count = sample.cumulative.back();
  for (std::size_t i = 0; i < sample.cumulative.size(); ++i) {
    Name("_bucket");
    out_.Append('{').Append(labels);
    if (!labels.empty()) out_.Append(',');
    out_.Append("le=\"").Append(i < sample.bounds.size() ? sample.bounds[i] : "+Inf");
    out_.Append("\"} ");
    AppendInteger(out_, sample.cumulative[i]);
    out_.Append('\n');
  }
  if (IsOpenMetrics() && (sample.has_negative_bound || !MayShow(sample.sum))) return;
  Sample("_count", labels, count);
  Sample("_sum", labels, sample.sum);
}

void Writer::Summary(std::string_view labels, std::uint64_t count, double sum) {
  Sample("_count", labels, count);
  if (MayShow(sum)) Sample("_sum", labels, sum);
}

void Writer::Created(std::string_view labels, std::uint64_t nanoseconds) {
  if (!IsOpenMetrics()) return;
  Name("_created");
  Labels(labels);
  AppendSeconds(out_, nanoseconds);
  out_.Append('\n');
}

void Writer::End() {
  if (IsOpenMetrics()) out_.Append("# EOF\n");
}

void Writer::Name(std::string_view suffix) { out_.Append(name_).Append(suffix); }

void Writer::Labels(std::string_view labels) {
  if (!labels.empty()) out_.Append('{').Append(labels).Append('}');
  out_.Append(' ');
}

void Writer::Sample(std::string_view suffix, std::string_view labels, std::uint64_t value) {
  if (!BeginSample(suffix, labels)) return;
  AppendInteger(out_, value);
  out_.Append('\n');
}

void Writer::Sample(std::string_view suffix, std::string_view labels, double value) {
  if (!BeginSample(suffix, labels)) return;
  AppendValue(out_, value);
  out_.Append('\n');
}

// A page is mostly these: one look for room, and then copies.
bool Writer::BeginSample(std::string_view suffix, std::string_view labels) {
  // Braces, blank, line end, and a number of any kind.
  constexpr std::size_t kRest = 40;
  char* at = out_.Room(name_.size() + suffix.size() + labels.size() + kRest);
  if (at == nullptr) return false;
  const char* const begin = at;
  const auto put = [&at](std::string_view text) {
    std::memcpy(at, text.data(), text.size());
    at += text.size();
  };
  put(name_);
  if (!suffix.empty()) put(suffix);
  if (!labels.empty()) {
    *at++ = '{';
    put(labels);
    *at++ = '}';
  }
  *at++ = ' ';
  out_.Commit(static_cast<std::size_t>(at - begin));
  return true;
}

}  // namespace percpud::exposition
