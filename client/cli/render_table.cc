// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <memory>
#include <ostream>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "client/cli/draw.h"
#include "client/cli/render.h"
#include "client/cli/text.h"

namespace percpu::cli {
namespace {

constexpr absl::string_view kGap = "  ";
// To the upper left corner, and nothing is left of what was there.
constexpr absl::string_view kClear = "\x1b[H\x1b[2J";

// Text that fills `width` columns.
std::string Pad(absl::string_view text, std::size_t width, bool right) {
  const std::string fill(width - std::min(width, Width(text)), ' ');
  return right ? absl::StrCat(fill, text) : absl::StrCat(text, fill);
}

void PrintLine(std::ostream& out, std::string line) {
  absl::StripTrailingAsciiWhitespace(&line);
  out << line << '\n';
}

void PrintTitle(std::ostream& out, const std::string& title) {
  if (!title.empty()) out << title << ":\n";
}

// A line per field. Numbers line up when there is nothing else; notes line up.
void PrintFields(std::ostream& out, const std::vector<Fields::Field>& fields,
                 absl::string_view indent) {
  const bool right = std::all_of(fields.begin(), fields.end(),
                                 [](const Fields::Field& field) { return IsNumber(field.value); });
  std::size_t key_width = 0;
  std::size_t value_width = 0;
  for (const Fields::Field& field : fields) {
    key_width = std::max(key_width, Width(field.key));
    if (!right && field.note.empty()) continue;
    value_width = std::max(value_width, Width(ToText(field.value)));
  }
  for (const Fields::Field& field : fields) {
    PrintLine(out, absl::StrCat(indent, Pad(field.key, key_width, false), " : ",
                                Pad(ToText(field.value), value_width, right), kGap, field.note));
  }
}

// The columns that a table shows, with what they hold as text.
class Grid {
 public:
  explicit Grid(const Table& table) {
    for (std::size_t c = 0; c < table.columns.size(); ++c) {
      if (!table.columns[c].heading.empty()) AddColumn(table, c);
    }
  }

  void PrintHeadings(std::ostream& out) const {
    std::string line;
    for (const Column& column : columns_) Append(column, column.heading, line);
    PrintLine(out, std::move(line));
  }

  void PrintRow(std::ostream& out, std::size_t row) const {
    std::string line;
    for (const Column& column : columns_) Append(column, column.cells[row], line);
    PrintLine(out, std::move(line));
  }

 private:
  struct Column {
    std::string heading;
    std::vector<std::string> cells;
    std::size_t width = 0;
    bool right = true;
  };

  void AddColumn(const Table& table, std::size_t index) {
    Column column{.heading = table.columns[index].heading, .cells = {}};
    column.width = std::max(table.columns[index].width, Width(column.heading));
    for (const std::vector<Value>& row : table.rows) {
      column.cells.push_back(ToText(row[index]));
      column.width = std::max(column.width, Width(column.cells.back()));
      column.right = column.right && IsNumber(row[index]);
    }
    columns_.push_back(std::move(column));
  }

  static void Append(const Column& column, const std::string& text, std::string& line) {
    absl::StrAppend(&line, line.empty() ? "" : kGap, Pad(text, column.width, column.right));
  }

  std::vector<Column> columns_;
};

// Each row as fields of its own.
void PrintBlocks(std::ostream& out, const Table& table) {
  PrintTitle(out, table.title);
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    std::vector<Fields::Field> fields;
    for (std::size_t c = 0; c < table.columns.size(); ++c) {
      const std::string& heading = table.columns[c].heading;
      if (!heading.empty()) fields.push_back({heading, table.rows[row][c], ""});
    }
    if (row > 0) out << '\n';
    PrintFields(out, fields, kGap);
  }
}

class TableRenderer final : public Renderer {
 public:
  TableRenderer(std::ostream& out, Style style) : out_(out), style_(style) {}

  void Render(const Report& report) override {
    bool first = true;
    for (const Section& section : report.sections) {
      if (!first) out_ << '\n';
      first = false;
      std::visit([this](const auto& value) { Print(value); }, section);
    }
  }

  void RenderRows(const Table& table) override {
    const Grid grid(table);
    if (!streaming_) grid.PrintHeadings(out_);
    streaming_ = true;
    for (std::size_t row = 0; row < table.rows.size(); ++row) grid.PrintRow(out_, row);
    out_.flush();
  }

  void RenderFrame(const Report& report) override {
    if (style_.refresh) out_ << kClear;
    if (!style_.refresh && streaming_) out_ << '\n';
    streaming_ = true;
    Render(report);
    out_.flush();
  }

 private:
  void Print(const Fields& section) {
    PrintTitle(out_, section.title);
    PrintFields(out_, section.fields, section.title.empty() ? "" : kGap);
  }

  void Print(const Table& table) {
    if (table.layout == Table::Layout::kBlocks) return PrintBlocks(out_, table);
    PrintTitle(out_, table.title);
    const Grid grid(table);
    grid.PrintHeadings(out_);
    for (std::size_t row = 0; row < table.rows.size(); ++row) grid.PrintRow(out_, row);
  }

  void Print(const List& list) {
    for (const Value& value : list.values) out_ << ToText(value) << '\n';
  }

  void Print(const Map& map) { out_ << DrawMap(map, style_); }

  void Print(const Dump& dump) { out_ << DrawDump(dump); }

  std::ostream& out_;
  const Style style_;
  bool streaming_ = false;
};

}  // namespace

std::unique_ptr<Renderer> MakeTableRenderer(std::ostream& out, Style style) {
  return std::make_unique<TableRenderer>(out, style);
}

}  // namespace percpu::cli
