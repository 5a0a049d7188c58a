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

// The types of a value decide how it is written: table | JSON.
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
struct Size {  // 64KiB | 65536
  std::uint64_t bytes = 0;
};
struct Offset {  // 0x10000 | 65536; of percpu pointers too
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
using Value =
    std::variant<Absent, bool, std::string, Count, Signed, Real, Size, Offset, Share, Span, Ids>;

// Names and values, a line each.
struct Fields {
  struct Field {
    std::string key;
    Value value;
    // A remark for the reader of a table.
    std::string note;
  };
  // Of the object that holds the fields; empty: the top level.
  std::string key;
  std::string title;
  std::vector<Field> fields;
};

// Rows of one kind.
struct Table {
  struct Column {
    std::string key;
    // Empty: only in JSON, where width costs nothing.
    std::string heading;
    // At least; so that rows which come one by one line up.
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
  // As many values each as there are columns.
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
  // Per cell, 0 (free) to 255 (taken).
  std::string occupancy;
};

// Raw memory.
struct Dump {
  std::string key;
  std::string data;
};

using Section = std::variant<Fields, Table, List, Map, Dump>;
struct Report {
  std::vector<Section> sections;
};

}  // namespace percpu::cli

#endif  // PERCPUD_CLIENT_CLI_REPORT_H_
