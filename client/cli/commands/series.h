// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_CLI_COMMANDS_SERIES_H_
#define PERCPUD_CLIENT_CLI_COMMANDS_SERIES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/command.h"
#include "client/cli/commands/labels.h"
#include "client/cli/report.h"
#include "percpu/metrics_connection.h"

// Families and series by name, as commands look for them.
namespace percpu::cli {

// "counter", "gauge", "histogram" or "summary".
std::string FamilyTypeName(FamilyType type);
// "integer", "double", and so on; "writer, max" for gauges that are folded.
std::string CellsName(const FamilyShape& shape);

// The namespace that the user means.
std::string NamespaceOf(const Context& context);

// NOT_FOUND if the namespace has no such family, or is not there.
absl::StatusOr<FamilyInfo> FindFamily(Context& context, const std::string& name);
// The values of all of the family's labels, in its order. INVALID_ARGUMENT if a label is
// missing, is given twice, or is not the family's.
absl::StatusOr<std::vector<std::string>> ValuesOf(const FamilyShape& shape, const Labels& labels);
// Every series that has these labels; the others may have any value. NOT_FOUND if no series
// has them, INVALID_ARGUMENT for a label that is not the family's.
absl::StatusOr<std::vector<SeriesInfo>> FindSeries(Context& context, const FamilyInfo& family,
                                                   const Labels& labels);

// What the series come to together: a number; of histograms and summaries how many
// observations. Absent if nothing of it is in the arena.
Value Total(const FamilyShape& shape, const std::vector<SeriesInfo>& series);
// What was observed, in sum.
double ObservedSum(const std::vector<SeriesInfo>& series);

// The same of the cells of one series over hosts, which a gauge of writers has too.
Value CellsTotal(const FamilyShape& shape, const std::vector<CellSum>& cells);
double CellsSum(const std::vector<CellSum>& cells);

}  // namespace percpu::cli

#endif  // PERCPUD_CLIENT_CLI_COMMANDS_SERIES_H_
