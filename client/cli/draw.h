// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_CLI_DRAW_H_
#define PERCPUD_CLIENT_CLI_DRAW_H_

#include <string>

#include "client/cli/render.h"
#include "client/cli/report.h"

namespace percpu::cli {

// The map as rows of cells, each led by its offset in the unit, with scale and
// legend. Holes show as such: a cell is drawn as taken or as free only if it is
// wholly so.
std::string DrawMap(const Map& map, Style style);

// Sixteen bytes a line: offset, hexadecimal, text.
std::string DrawDump(const Dump& dump);

}  // namespace percpu::cli

#endif  // PERCPUD_CLIENT_CLI_DRAW_H_
