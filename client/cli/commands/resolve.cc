// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <memory>
#include <string>
#include <utility>

#include "client/cli/commands/common.h"

namespace percpu::cli {
namespace {

std::string OwnerName(v1::Owner owner) {
  switch (owner) {
    case v1::OWNER_NONE:
      return "none";
    case v1::OWNER_FREE:
      return "free";
    case v1::OWNER_AREA:
      return "area";
    case v1::OWNER_STATIC:
      return "static";
    case v1::OWNER_LEASE:
      return "lease";
    default:
      return "unknown";
  }
}

absl::StatusOr<Report> Resolve(Session& session, Pointer pointer) {
  const absl::StatusOr<v1::ResolveResponse> found = session.client.Resolve(pointer);
  if (!found.ok()) return found.status();
  Fields place{.key = "", .title = "", .fields = {{"owner", OwnerName(found->owner()), ""}}};
  if (found->owner() == v1::OWNER_NONE) return Report{{std::move(place)}};
  place.fields.push_back({"chunk_id", Count{found->chunk_id()}, ""});
  place.fields.push_back({"unit", Count{found->unit()}, ""});
  place.fields.push_back({"cpu", found->has_cpu() ? Value(Count{found->cpu()}) : Absent{},
                          found->has_cpu() ? "" : "a ghost unit"});
  place.fields.push_back({"unit_offset", Offset{found->unit_offset()}, ""});
  if (found->owner() == v1::OWNER_FREE) return Report{{std::move(place)}};
  if (found->owner() == v1::OWNER_LEASE) {
    place.fields.push_back(
        {"session", found->has_session_id() ? Value(Count{found->session_id()}) : Absent{}, ""});
    return Report{{std::move(place)}};
  }
  place.fields.push_back({"offset_in_area", Offset{found->offset_in_area()}, ""});
  if (found->owner() == v1::OWNER_STATIC) {
    place.fields.push_back(
        {"variable", found->variable().empty() ? Value(Absent{}) : found->variable(), ""});
    return Report{{std::move(place)}};
  }
  if (found->has_session_id()) place.fields.push_back({"session", Count{found->session_id()}, ""});
  if (!found->variable().empty()) place.fields.push_back({"variable", found->variable(), ""});
  const v1::Area& area = found->area();
  Fields of_area{.key = "area",
                 .title = "area",
                 .fields = {{"pointer", Offset{area.pointer()}, ""},
                            {"chunk_id", Count{area.chunk_id()}, ""},
                            {"offset", Offset{area.offset()}, ""},
                            {"size_bytes", Size{area.size_bytes()}, ""},
                            {"tag", area.tag(), ""}}};
  return Report{{std::move(place), std::move(of_area)}};
}

}  // namespace

Command AddResolve(CLI::App& root) {
  CLI::App* parser = AddCommand(root, "resolve", "Who owns a byte of the arena");
  parser->footer("PTR may be any byte of any unit, such as one a crash dump shows.");
  const auto pointer = std::make_shared<std::uint64_t>(0);
  AddPointerArgument(*parser, *pointer, "Arena offset of any byte");
  return {.parser = parser,
          .run = [pointer](Session& session) { return Resolve(session, Pointer{*pointer}); }};
}

}  // namespace percpu::cli
