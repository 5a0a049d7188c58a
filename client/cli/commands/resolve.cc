// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <memory>
#include <string>
#include <utility>

#include "client/cli/commands/common.h"
#include "client/cli/commands/target.h"

namespace percpu::cli {
namespace {

std::string OwnerName(OwnerKind owner) {
  switch (owner) {
    case OwnerKind::kNone:
      return "none";
    case OwnerKind::kFree:
      return "free";
    case OwnerKind::kArea:
      return "area";
    case OwnerKind::kStatic:
      return "static";
    case OwnerKind::kLease:
      return "lease";
    default:
      return "unknown";
  }
}

absl::StatusOr<Report> Resolve(Context& context, const std::string& text) {
  const absl::StatusOr<Target> target = FindTarget(context.client, text);
  if (!target.ok()) return target.status();
  const absl::StatusOr<percpu::Owner> found = context.client.Resolve(target->pointer);
  if (!found.ok()) return found.status();
  Fields place{.key = "", .title = "", .fields = {{"owner", OwnerName(found->kind), ""}}};
  if (found->kind == OwnerKind::kNone) return Report{{std::move(place)}};
  place.fields.push_back({"chunk_id", Count{percpu::Value(found->chunk)}, ""});
  place.fields.push_back({"unit", Count{percpu::Value(found->unit)}, ""});
  place.fields.push_back(
      {"cpu", OrAbsent(found->cpu), found->cpu.has_value() ? "" : "a ghost unit"});
  place.fields.push_back({"unit_offset", Offset{found->unit_offset}, ""});
  if (found->kind == OwnerKind::kFree) return Report{{std::move(place)}};
  if (found->kind == OwnerKind::kLease) {
    place.fields.push_back({"session", OrAbsent(found->session), ""});
    return Report{{std::move(place)}};
  }
  place.fields.push_back({"offset_in_area", Offset{found->offset_in_area}, ""});
  if (found->kind == OwnerKind::kStatic) {
    place.fields.push_back(
        {"variable", found->variable.empty() ? Value(Absent{}) : found->variable, ""});
    return Report{{std::move(place)}};
  }
  if (found->session.has_value()) place.fields.push_back({"session", OrAbsent(found->session), ""});
  if (!found->variable.empty()) place.fields.push_back({"variable", found->variable, ""});
  if (found->quarantined) {
    place.fields.push_back({"quarantined", true, "a removed variable, still open in sessions"});
  }
  const AreaInfo& area = found->area;
  Fields of_area{.key = "area",
                 .title = "area",
                 .fields = {{"pointer", Offset{percpu::Value(area.pointer)}, ""},
                            {"chunk_id", Count{percpu::Value(area.chunk)}, ""},
                            {"offset", Offset{area.offset}, ""},
                            {"size_bytes", Size{area.size_bytes}, ""},
                            {"tag", area.tag, ""}}};
  return Report{{std::move(place), std::move(of_area)}};
}

}  // namespace

Commands AddResolve(CLI::App& root) {
  CLI::App* parser = AddCommand(root, "resolve", "Who owns a byte of the arena");
  parser->footer("PTR may be any byte of any unit, such as one that a crash dump shows.");
  const auto text = std::make_shared<std::string>();
  AddTargetArgument(*parser, *text, "Arena offset of any byte, or a variable");
  return {{.parser = parser, .run = [text](Context& context) { return Resolve(context, *text); }}};
}

}  // namespace percpu::cli
