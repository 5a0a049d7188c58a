// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_CLI_RENDER_H_
#define PERCPUD_CLIENT_CLI_RENDER_H_

#include <cstddef>
#include <memory>
#include <ostream>

#include "client/cli/report.h"

namespace percpu::cli {

// What the reader's end can show. All off for a pipe.
struct Style {
  bool unicode = false;
  bool colour = false;
  // Each frame takes the place of the one before.
  bool refresh = false;
  // The size of the screen; 0 if there is no limit. Tables are cut to fit the
  // columns, frames to fit the rows.
  std::size_t columns = 0;
  std::size_t rows = 0;
};

// Writes reports to a stream that outlives it. Not thread safe.
class Renderer {
 public:
  virtual ~Renderer() = default;

  virtual void Render(const Report& report) = 0;
  // Writes rows that come one by one. Every call of a stream has the same columns.
  virtual void RenderRows(const Table& table) = 0;
  // Writes a report that takes the place of the one before.
  virtual void RenderFrame(const Report& report) = 0;
};

std::unique_ptr<Renderer> MakeTableRenderer(std::ostream& out, Style style);
// Writes an indented object per report, and an object a line for what comes one
// by one. What is not ASCII is escaped.
std::unique_ptr<Renderer> MakeJsonRenderer(std::ostream& out);

}  // namespace percpu::cli

#endif  // PERCPUD_CLIENT_CLI_RENDER_H_
