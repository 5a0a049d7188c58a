// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_CLI_RENDER_H_
#define PERCPUD_CLIENT_CLI_RENDER_H_

#include <memory>
#include <ostream>

#include "client/cli/report.h"

namespace percpu::cli {

// What the reader's end can show. All off for a pipe.
struct Style {
  bool unicode = false;
  bool colour = false;
  // Frames take each other's place.
  bool refresh = false;
};

// Writes reports to a stream that outlives it. Not thread safe.
class Renderer {
 public:
  virtual ~Renderer() = default;

  virtual void Render(const Report& report) = 0;
  // Rows that come one by one. Every call of a stream has the same columns.
  virtual void RenderRows(const Table& table) = 0;
  // Reports that come one by one, each instead of the one before.
  virtual void RenderFrame(const Report& report) = 0;
};

std::unique_ptr<Renderer> MakeTableRenderer(std::ostream& out, Style style);
// One object per report, indented; one object a line for what comes one by one.
std::unique_ptr<Renderer> MakeJsonRenderer(std::ostream& out);

}  // namespace percpu::cli

#endif  // PERCPUD_CLIENT_CLI_RENDER_H_
