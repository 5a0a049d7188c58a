// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_EXPORTER_PROCESS_METRICS_H_
#define PERCPUD_CLIENT_EXPORTER_PROCESS_METRICS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "client/exposition/writer.h"

namespace percpud::exporter {

// Processes by the namespace that they may write to.
using Workers = std::map<std::string, std::set<std::uint32_t>>;

// More processes are not looked at.
inline constexpr std::size_t kMostProcesses = 1000;

// Writes process_* of each worker, as Prometheus's client libraries have them for one process,
// with its pid and, unless `namespace_label` is empty, its namespace. What /proc does not show
// to this process's user, or of a process that has ended, is left out. `proc` is where
// that is.
void WriteProcesses(const Workers& workers, std::string_view namespace_label,
                    exposition::Writer& writer, const std::string& proc = "/proc");

}  // namespace percpud::exporter

#endif  // PERCPUD_CLIENT_EXPORTER_PROCESS_METRICS_H_
