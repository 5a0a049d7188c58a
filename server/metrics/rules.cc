// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/metrics/rules.h"

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <cstring>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/base/limits.h"
#include "server/base/status_macros.h"
#include "server/cells/bucket.h"

namespace percpud::metrics {
namespace {

unsigned ByteAt(absl::string_view text, std::size_t at) {
  return static_cast<unsigned char>(text[at]);
}

// Bytes of the code point that begins a text; 0 if none does.
std::size_t CodePointBytes(absl::string_view text) {
  const unsigned first = ByteAt(text, 0);
  if (first < 0x80) return 1;
  const std::size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < bytes) return 0;
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((ByteAt(text, i) & 0xc0U) != 0x80) return 0;
  }
  const unsigned second = ByteAt(text, 1);
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool surrogate = first == 0xed && second > 0x9f;
  const bool beyond = first == 0xf4 && second > 0x8f;
  return overlong || surrogate || beyond ? 0 : bytes;
}

bool IsName(absl::string_view name, absl::string_view besides) {
  if (name.empty() || absl::ascii_isdigit(static_cast<unsigned char>(name[0]))) return false;
  return std::all_of(name.begin(), name.end(), [besides](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           absl::StrContains(besides, absl::string_view(&c, 1));
  });
}

absl::Status CheckText(absl::string_view family, absl::string_view field, absl::string_view text,
                       std::size_t limit) {
  if (text.size() > limit) return errors::TextOverLimit(family, field, text.size(), limit);
  return IsUtf8(text) ? absl::OkStatus() : errors::BadText(family, field, "is no UTF-8");
}

absl::Status CheckName(absl::string_view name) {
  if (name.size() > kMaxFamilyName || !IsName(name, "_:")) {
    return errors::BadFamilyName(name, kMaxFamilyName);
  }
  const bool reserved = absl::StartsWith(name, "percpud_") || absl::StartsWith(name, "process_");
  return reserved ? errors::FamilyNameReserved(name) : absl::OkStatus();
}

absl::Status CheckLabels(const Shape& shape) {
  if (shape.labels.size() > kMaxLabels) {
    return errors::TooManyLabels(shape.name, shape.labels.size(), kMaxLabels);
  }
  for (auto label = shape.labels.begin(); label != shape.labels.end(); ++label) {
    if (label->size() > kMaxLabelName || !IsName(*label, "_")) {
      return errors::BadLabelName(
          shape.name, *label,
          absl::StrCat("is not 1..", kMaxLabelName, " letters, digits and _, the first no digit"));
    }
    if (absl::StartsWith(*label, "__")) {
      return errors::BadLabelName(shape.name, *label, "begins with __, which Prometheus keeps");
    }
    const bool bucket = shape.type == FamilyType::kHistogram && *label == "le";
    const bool quantile = shape.type == FamilyType::kSummary && *label == "quantile";
    const bool writer = shape.cells == Cells::kWriter &&
                        shape.mode.fold == cells::GaugeFold::kAll && *label == "pid";
    if (bucket || quantile || writer) {
      return errors::BadLabelName(shape.name, *label, "is the label of its samples");
    }
    if (std::find(shape.labels.begin(), label, *label) != label) {
      return errors::BadLabelName(shape.name, *label, "is there twice");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckBounds(const Shape& shape) {
  if (shape.type != FamilyType::kHistogram) {
    return shape.bounds.empty() ? absl::OkStatus()
                                : errors::BadBounds(shape.name, "are not a histogram's");
  }
  if (shape.bounds.size() >= cells::kMostBuckets) {
    return errors::BadBounds(shape.name, absl::StrCat("are ", shape.bounds.size(),
                                                      ", the limit is ", cells::kMostBuckets - 1));
  }
  if (!cells::AreBounds(shape.bounds)) {
    return errors::BadBounds(shape.name, "are not finite and rising");
  }
  return absl::OkStatus();
}

// Whether the numbers stand for anything, and which cells a type may have.
absl::Status CheckCells(const Shape& shape) {
  if (shape.type < FamilyType::kCounter || shape.type > FamilyType::kSummary) {
    return errors::UnknownEnum("type", static_cast<int>(shape.type));
  }
  if (shape.mode.fold > cells::GaugeFold::kMostRecent) {
    return errors::UnknownEnum("fold", static_cast<int>(shape.mode.fold));
  }
  const bool histogram = shape.type == FamilyType::kHistogram;
  const bool summary = shape.type == FamilyType::kSummary;
  bool fits = false;
  switch (shape.cells) {
    case Cells::kInteger:
    case Cells::kDouble:
    case Cells::kWriter:
    case Cells::kShared:
      fits = !histogram && !summary;
      break;
    case Cells::kHistogram:
      fits = histogram;
      break;
    case Cells::kSummary:
      fits = summary;
      break;
  }
  return fits ? absl::OkStatus()
              : errors::CellsUnfitForFamily(shape.name, "are of another type of family");
}

constexpr absl::string_view kUnescaped = "-._~";

}  // namespace

bool IsUtf8(absl::string_view text) {
  while (!text.empty()) {
    const std::size_t bytes = CodePointBytes(text);
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

absl::Status CheckNamespace(absl::string_view name) {
  const bool printable = std::none_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_iscntrl(static_cast<unsigned char>(c));
  });
  if (!name.empty() && name.size() <= kMaxNamespaceLength && printable && IsUtf8(name)) {
    return absl::OkStatus();
  }
  return errors::BadNamespace(name, kMaxNamespaceLength);
}

absl::Status CheckShape(const Shape& shape) {
  RETURN_IF_ERROR(CheckName(shape.name));
  RETURN_IF_ERROR(CheckText(shape.name, "help", shape.help, kMaxHelp));
  RETURN_IF_ERROR(CheckText(shape.name, "unit", shape.unit, kMaxUnit));
  if (!shape.unit.empty() && !IsName(shape.unit, "_:")) {
    return errors::BadText(shape.name, "unit", "is not letters, digits, _ and :");
  }
  RETURN_IF_ERROR(CheckCells(shape));
  RETURN_IF_ERROR(CheckLabels(shape));
  return CheckBounds(shape);
}

absl::Status CheckValues(const Shape& shape, absl::string_view encoded) {
  if (encoded.size() > kMaxLabelValues + shape.labels.size() * sizeof(std::uint16_t)) {
    return errors::TextOverLimit(shape.name, "values", encoded.size(), kMaxLabelValues);
  }
  std::size_t values = 0;
  for (; !encoded.empty(); ++values) {
    std::uint16_t bytes = 0;
    if (encoded.size() < sizeof(bytes)) break;
    std::memcpy(&bytes, encoded.data(), sizeof(bytes));
    encoded.remove_prefix(sizeof(bytes));
    if (bytes > encoded.size() || values == shape.labels.size()) break;
    RETURN_IF_ERROR(CheckText(shape.name, absl::StrCat("label ", shape.labels[values]),
                              encoded.substr(0, bytes), kMaxLabelValue));
    encoded.remove_prefix(bytes);
  }
  if (encoded.empty() && values == shape.labels.size()) return absl::OkStatus();
  return errors::LabelValuesMismatch(shape.name, values, shape.labels.size());
}

absl::Status CheckWriterLabel(absl::string_view label) {
  return CheckText("", "writer", label, kMaxWriterLabel);
}

std::string EscapeNamespace(absl::string_view name) {
  std::string out;
  for (const char c : name) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
        absl::StrContains(kUnescaped, absl::string_view(&c, 1))) {
      out.push_back(c);
    } else {
      absl::StrAppend(&out, "%", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
    }
  }
  return out;
}

absl::StatusOr<std::string> UnescapeNamespace(absl::string_view segment) {
  const auto digit = [](char c) -> int {
    if (absl::ascii_isdigit(static_cast<unsigned char>(c))) return c - '0';
    const char lower = absl::ascii_tolower(static_cast<unsigned char>(c));
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
  };
  std::string out;
  for (std::size_t i = 0; i < segment.size(); ++i) {
    if (segment[i] != '%') {
      out.push_back(segment[i]);
      continue;
    }
    const bool whole = segment.size() - i > 2;
    const int high = whole ? digit(segment[i + 1]) : -1;
    const int low = whole ? digit(segment[i + 2]) : -1;
    if (high < 0 || low < 0) return errors::BadNamespace(segment, kMaxNamespaceLength);
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  RETURN_IF_ERROR(CheckNamespace(out));
  return out;
}

std::string OverflowValues(const Shape& shape) {
  std::string out;
  for (std::size_t i = 0; i < shape.labels.size(); ++i) AppendValue("overflow", out);
  return out;
}

std::vector<std::string> DecodeValues(absl::string_view encoded) {
  std::vector<std::string> out;
  while (!encoded.empty()) {
    std::uint16_t bytes = 0;
    assert(encoded.size() >= sizeof(bytes));
    std::memcpy(&bytes, encoded.data(), sizeof(bytes));
    encoded.remove_prefix(sizeof(bytes));
    out.emplace_back(encoded.substr(0, bytes));
    encoded.remove_prefix(bytes);
  }
  return out;
}

void AppendValue(absl::string_view value, std::string& encoded) {
  assert(value.size() <= std::numeric_limits<std::uint16_t>::max());
  const auto bytes = static_cast<std::uint16_t>(value.size());
  encoded.append(reinterpret_cast<const char*>(&bytes), sizeof(bytes));
  encoded.append(value.data(), value.size());
}

}  // namespace percpud::metrics
