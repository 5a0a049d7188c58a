// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What may be made: Prometheus's rules, applied when something is made and not when it
// is scraped. What a client sends is checked here before anything else is done with it.

#ifndef PERCPUD_SERVER_METRICS_RULES_H_
#define PERCPUD_SERVER_METRICS_RULES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/metrics/shape.h"

namespace percpud::metrics {

// The namespace of clients that name none.
inline constexpr absl::string_view kDefaultNamespace = "default";

// Whether the bytes are UTF-8 as RFC 3629 has it: shortest forms, no surrogates.
bool IsUtf8(absl::string_view text);

// A path or a name: UTF-8 without control characters. Errors: BadNamespace.
absl::Status CheckNamespace(absl::string_view name);
// Errors: BadFamilyName, FamilyNameReserved, BadText, TextOverLimit, TooManyLabels, BadLabelName,
// BadBounds, CellsUnfitForFamily, UnknownEnum.
absl::Status CheckShape(const Shape& shape);
// Label values as LaneTexts::encoded has them: each behind its length.
// Errors: LabelValuesMismatch, BadText, TextOverLimit.
absl::Status CheckValues(const Shape& shape, absl::string_view encoded);
// What a writer is called: UTF-8. Errors: BadText, TextOverLimit.
absl::Status CheckWriterLabel(absl::string_view label);

// A namespace as one segment of a URL's path, and back: all but letters, digits and
// "-._~" is percent-escaped. Errors: BadNamespace.
std::string EscapeNamespace(absl::string_view name);
absl::StatusOr<std::string> UnescapeNamespace(absl::string_view segment);

// The values of an overflow series: "overflow" for each label.
std::string OverflowValues(const Shape& shape);
// Label values one by one. REQUIRES: CheckValues let them pass.
std::vector<std::string> DecodeValues(absl::string_view encoded);
// Appends a value behind its length. REQUIRES: 65535 bytes at most.
void AppendValue(absl::string_view value, std::string& encoded);

}  // namespace percpud::metrics

#endif  // PERCPUD_SERVER_METRICS_RULES_H_
