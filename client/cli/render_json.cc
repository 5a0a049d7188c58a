// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/escaping.h"
#include "client/cli/render.h"

namespace percpu::cli {
namespace {

using Json = nlohmann::ordered_json;

struct JsonOf {
  Json operator()(Absent /*value*/) const { return nullptr; }
  Json operator()(bool value) const { return value; }
  Json operator()(const std::string& value) const { return value; }
  Json operator()(Count count) const { return count.value; }
  Json operator()(Signed number) const { return number.value; }
  Json operator()(Real real) const { return real.value; }
  Json operator()(Number number) const { return number.value; }
  Json operator()(Size size) const { return size.bytes; }
  Json operator()(Offset offset) const { return offset.value; }
  Json operator()(Share share) const { return share.value; }
  Json operator()(Span span) const { return span.seconds; }
  Json operator()(const Ids& ids) const { return ids.values; }
};

Json ToJson(const Value& value) { return std::visit(JsonOf{}, value); }

Json ToJson(const Table& table, const std::vector<Value>& row) {
  Json object = Json::object();
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    if (!table.columns[c].key.empty()) object[table.columns[c].key] = ToJson(row[c]);
  }
  return object;
}

// Adds a section to the report's object.
struct AddTo {
  void operator()(const Fields& fields) const {
    Json& object = fields.key.empty() ? report : report[fields.key];
    for (const Fields::Field& field : fields.fields) object[field.key] = ToJson(field.value);
  }
  void operator()(const Scalar& scalar) const {
    for (const Fields::Field& field : scalar.about) report[field.key] = ToJson(field.value);
    report[scalar.key] = ToJson(scalar.value);
  }
  void operator()(const Table& table) const {
    Json& rows = report[table.key] = Json::array();
    for (const std::vector<Value>& row : table.rows) rows.push_back(ToJson(table, row));
  }
  void operator()(const List& list) const {
    Json& values = report[list.key] = Json::array();
    for (const Value& value : list.values) values.push_back(ToJson(value));
  }
  void operator()(const Map& map) const {
    report["begin_offset"] = map.begin_offset;
    report["end_offset"] = map.end_offset;
    report["cell_bytes"] = map.cell_bytes;
    report["occupancy"] = std::vector<unsigned char>(map.occupancy.begin(), map.occupancy.end());
  }
  void operator()(const Text& text) const { report[text.key] = text.text; }
  void operator()(const Dump& dump) const { report[dump.key] = absl::BytesToHexString(dump.data); }

  Json& report;
};

// Escapes all that is not ASCII: names and tags are a peer's, and must not steer
// the reader's terminal. Bytes that are not UTF-8 are replaced, so that they do
// not cost the reader the rest.
std::string Compact(const Json& json) {
  return json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

class JsonRenderer final : public Renderer {
 public:
  explicit JsonRenderer(std::ostream& out) : out_(out) {}

  void Render(const Report& report) override {
    Print(ToObject(report), "\n");
    out_ << '\n';
  }

  void RenderFrame(const Report& report) override {
    out_ << Compact(ToObject(report)) << '\n';
    out_.flush();
  }

  void RenderRows(const Table& table) override {
    for (const std::vector<Value>& row : table.rows) out_ << Compact(ToJson(table, row)) << '\n';
    out_.flush();
  }

 private:
  static Json ToObject(const Report& report) {
    Json object = Json::object();
    for (const Section& section : report.sections) std::visit(AddTo{object}, section);
    return object;
  }

  // Writes a line per member of an object and per row of a table; `newline` ends a
  // line and indents the next. An array of plain values takes one line.
  void Print(const Json& json, const std::string& newline) {
    const bool is_nested =
        json.is_object() || std::any_of(json.begin(), json.end(),
                                        [](const Json& entry) { return entry.is_structured(); });
    if (!json.is_structured() || json.empty() || !is_nested) {
      out_ << Compact(json);
      return;
    }
    const std::string inner = newline + "  ";
    out_ << (json.is_object() ? "{" : "[");
    const char* separator = "";
    for (const auto& [key, value] : json.items()) {
      out_ << separator << inner;
      if (json.is_object()) out_ << Compact(key) << ": ";
      Print(value, inner);
      separator = ",";
    }
    out_ << newline << (json.is_object() ? "}" : "]");
  }

  std::ostream& out_;
};

}  // namespace

std::unique_ptr<Renderer> MakeJsonRenderer(std::ostream& out) {
  return std::make_unique<JsonRenderer>(out);
}

}  // namespace percpu::cli
