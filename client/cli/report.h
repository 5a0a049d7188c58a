// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_CLI_REPORT_H_
#define PERCPUD_CLIENT_CLI_REPORT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

// What a command found out, without a word on how it looks. Commands build
// reports; renderers (render.h) write them, as tables or as JSON. A key is the
// name in JSON, which is the field's name on the wire.
namespace percpu::cli {

// The type of a value decides how it is written: table | JSON.
struct Absent {};  // - | null
struct Count {     // 65536 | 65536
  std::uint64_t value = 0;
};
struct Signed {  // -3 | -3
  std::int64_t value = 0;
};
struct Real {  // 12.35 | 12.345678
  double value = 0;
};
struct Number {  // 0.1 | 0.1: with all its digits
  double value = 0;
};
struct Size {  // 64KiB | 65536
  std::uint64_t bytes = 0;
};
struct Offset {  // 0x10000 | 65536; also a percpu pointer
  std::uint64_t value = 0;
};
struct Share {  // 37.5% | 0.375
  double value = 0;
};
struct Span {  // 1h2m3s | 3723.5
  double seconds = 0;
};
struct Ids {  // 0-3,8 | [0,1,2,3,8]
  std::vector<std::uint32_t> values;
};
using Value = std::variant<Absent, bool, std::string, Count, Signed, Real, Number, Size, Offset,
                           Share, Span, Ids>;

// Names and values.
struct Fields {
  enum class Layout {
    // A line per field.
    kLines,
    // Each line holds several fields, up to its width.
    kFlow,
  };
  struct Field {
    std::string key;
    Value value;
    // A remark for the reader of a table.
    std::string note;
  };
  // Names the object that holds the fields. If it is empty, the top level does.
  std::string key;
  std::string title;
  std::vector<Field> fields;
  Layout layout = Layout::kLines;
};

// One value. A table shows nothing else, so that a shell can pick it up; JSON
// has the fields that belong to it as well.
struct Scalar {
  std::string key;
  Value value;
  std::vector<Fields::Field> about;
};

// Rows of one kind.
struct Table {
  struct Column {
    // A column without a key is left out of JSON.
    std::string key;
    // A column without a heading is left out of tables, where width is dear.
    std::string heading;
    // The least width: rows that come one by one line up by it.
    std::size_t width = 0;
  };
  enum class Layout {
    kRows,
    // A line per value, a block per row: for rows too wide to compare.
    kBlocks,
  };
  std::string key;
  std::string title;
  std::vector<Column> columns;
  // Each row has as many values as there are columns.
  std::vector<std::vector<Value>> rows;
  Layout layout = Layout::kRows;
};

// Bare values, a line each, for a shell to pick up.
struct List {
  std::string key;
  std::vector<Value> values;
};

// How full a stretch of a unit is, to be drawn.
struct Map {
  std::uint64_t begin_offset = 0;
  std::uint64_t end_offset = 0;
  std::uint64_t cell_bytes = 0;
  // A byte per cell: 0 is free, 255 is taken.
  std::string occupancy;
};

// Raw memory.
struct Dump {
  std::string key;
  std::string data;
};

// Text that another program reads: it is written as it is.
struct Text {
  std::string key;
  std::string text;
};

using Section = std::variant<Fields, Scalar, Table, List, Map, Dump, Text>;
struct Report {
  std::vector<Section> sections;
  // What the command found wrong with the daemon; empty if nothing is.
  std::string problem = {};
};

}  // namespace percpu::cli

#endif  // PERCPUD_CLIENT_CLI_REPORT_H_
