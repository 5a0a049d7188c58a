// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <cassert>
#include <memory>
#include <ostream>
#include <sstream>
#include <string>
#include <utility>
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
// A narrow terminal still tells rows apart by so much of each text.
constexpr std::size_t kLeastText = 8;
constexpr std::size_t kFlowColumns = 80;
// Moves to the upper left corner and clears the screen.
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

// Prints a line per field. Values line up if all are numbers; notes line up.
void PrintLines(std::ostream& out, const std::vector<Fields::Field>& fields,
                absl::string_view indent) {
  const bool right = std::all_of(fields.begin(), fields.end(),
                                 [](const Fields::Field& field) { return IsNumber(field.value); });
  std::size_t key_width = 0;
  std::size_t value_width = 0;
  for (const Fields::Field& field : fields) {
    key_width = std::max(key_width, Width(Printable(field.key)));
    if (!right && field.note.empty()) continue;
    value_width = std::max(value_width, Width(ToText(field.value)));
  }
  for (const Fields::Field& field : fields) {
    PrintLine(out, absl::StrCat(indent, Pad(Printable(field.key), key_width, false), " : ",
                                Pad(ToText(field.value), value_width, right), kGap,
                                Printable(field.note)));
  }
}

// Prints "key value" pairs, as many on a line as it holds.
void PrintFlow(std::ostream& out, const std::vector<Fields::Field>& fields) {
  std::string line;
  for (const Fields::Field& field : fields) {
    const std::string pair = absl::StrCat(Printable(field.key), " ", ToText(field.value));
    if (!line.empty() && Width(line) + kGap.size() + Width(pair) > kFlowColumns) {
      PrintLine(out, std::exchange(line, ""));
    }
    absl::StrAppend(&line, line.empty() ? "" : kGap, pair);
  }
  PrintLine(out, std::move(line));
}

// The columns that a table shows, with what they hold as text.
class Grid {
 public:
  Grid(const Table& table, Style style) : mark_(style.unicode ? "…" : "~") {
    for (std::size_t c = 0; c < table.columns.size(); ++c) {
      if (!table.columns[c].heading.empty()) AddColumn(table, c);
    }
    if (style.columns > 0) FitInto(style.columns);
  }

  void PrintHeadings(std::ostream& out) const {
    PrintCells(out, [](const Column& column) -> const std::string& { return column.heading; });
  }

  void PrintRow(std::ostream& out, std::size_t row) const {
    PrintCells(out,
               [row](const Column& column) -> const std::string& { return column.cells[row]; });
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
      assert(row.size() == table.columns.size());
      column.cells.push_back(ToText(row[index]));
      column.width = std::max(column.width, Width(column.cells.back()));
      column.right = column.right && IsNumber(row[index]);
    }
    columns_.push_back(std::move(column));
  }

  // Takes columns from the widest text until a line fits, or no text is wide.
  void FitInto(std::size_t limit) {
    std::size_t total = columns_.empty() ? 0 : (columns_.size() - 1) * kGap.size();
    for (const Column& column : columns_) total += column.width;
    while (total > limit) {
      Column* widest = nullptr;
      for (Column& column : columns_) {
        const bool is_wide = !column.right && column.width > kLeastText;
        if (is_wide && (widest == nullptr || column.width > widest->width)) widest = &column;
      }
      if (widest == nullptr) return;
      --widest->width;
      --total;
    }
  }

  template <typename Text>
  void PrintCells(std::ostream& out, Text text) const {
    std::string line;
    for (const Column& column : columns_) {
      const std::string cell = Elide(text(column), std::max<std::size_t>(column.width, 1), mark_);
      absl::StrAppend(&line, &column == columns_.data() ? "" : kGap,
                      Pad(cell, column.width, column.right));
    }
    PrintLine(out, std::move(line));
  }

  // Stands for what was cut from a cell.
  const absl::string_view mark_;
  std::vector<Column> columns_;
};

// Prints each row as fields of its own.
void PrintBlocks(std::ostream& out, const Table& table) {
  PrintTitle(out, table.title);
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    std::vector<Fields::Field> fields;
    for (std::size_t c = 0; c < table.columns.size(); ++c) {
      const std::string& heading = table.columns[c].heading;
      if (!heading.empty()) fields.push_back({heading, table.rows[row][c], ""});
    }
    if (row > 0) out << '\n';
    PrintLines(out, fields, kGap);
  }
}

// The first lines of a text, as many as fit on a screen above the cursor.
absl::string_view FirstLines(absl::string_view text, std::size_t screen_rows) {
  std::size_t end = 0;
  for (std::size_t line = 1; line < screen_rows && end < text.size(); ++line) {
    const std::size_t newline = text.find('\n', end);
    end = newline == absl::string_view::npos ? text.size() : newline + 1;
  }
  return text.substr(0, end);
}

class TableRenderer final : public Renderer {
 public:
  TableRenderer(std::ostream& out, Style style) : sink_(out), style_(style) {}

  void Render(const Report& report) override { sink_ << ToString(report); }

  void RenderRows(const Table& table) override {
    const Grid grid(table, style_);
    if (!streaming_) grid.PrintHeadings(sink_);
    streaming_ = true;
    for (std::size_t row = 0; row < table.rows.size(); ++row) grid.PrintRow(sink_, row);
    sink_.flush();
  }

  void RenderFrame(const Report& report) override {
    if (style_.refresh) sink_ << kClear;
    if (!style_.refresh && streaming_) sink_ << '\n';
    streaming_ = true;
    const std::string frame = ToString(report);
    const bool clip = style_.refresh && style_.rows > 0;
    sink_ << (clip ? FirstLines(frame, style_.rows) : absl::string_view(frame));
    sink_.flush();
  }

 private:
  std::string ToString(const Report& report) {
    out_.str("");
    bool first = true;
    for (const Section& section : report.sections) {
      if (!first) out_ << '\n';
      first = false;
      std::visit([this](const auto& value) { Print(value); }, section);
    }
    return out_.str();
  }

  void Print(const Fields& section) {
    PrintTitle(out_, section.title);
    if (section.layout == Fields::Layout::kFlow) return PrintFlow(out_, section.fields);
    PrintLines(out_, section.fields, section.title.empty() ? "" : kGap);
  }

  void Print(const Scalar& scalar) { out_ << ToText(scalar.value) << '\n'; }

  void Print(const Table& table) {
    if (table.layout == Table::Layout::kBlocks) return PrintBlocks(out_, table);
    PrintTitle(out_, table.title);
    const Grid grid(table, style_);
    grid.PrintHeadings(out_);
    for (std::size_t row = 0; row < table.rows.size(); ++row) grid.PrintRow(out_, row);
  }

  void Print(const List& list) {
    for (const Value& value : list.values) out_ << ToText(value) << '\n';
  }

  void Print(const Map& map) { out_ << DrawMap(map, style_); }

  void Print(const Dump& dump) { out_ << DrawDump(dump); }

  void Print(const Text& text) { out_ << text.text; }

  std::ostream& sink_;
  // The report that is being printed.
  std::ostringstream out_;
  const Style style_;
  bool streaming_ = false;
};

}  // namespace

std::unique_ptr<Renderer> MakeTableRenderer(std::ostream& out, Style style) {
  return std::make_unique<TableRenderer>(out, style);
}

}  // namespace percpu::cli
