// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

// group list, unit list and static list: which CPU has which copy, and what lies at
// its start.

#include <vector>

#include "client/cli/commands/common.h"
#include "client/cli/commands/target.h"

namespace percpu::cli {
namespace {

absl::StatusOr<Report> Groups(Context& context) {
  const absl::StatusOr<std::vector<Group>> groups = context.client.ListGroups();
  if (!groups.ok()) return groups.status();
  Table table{.key = "groups",
              .title = "",
              .columns = {{"id", "GROUP"},
                          {"numa_node", "NODE"},
                          {"base_offset", "BASE OFFSET"},
                          {"size_bytes", "SIZE"},
                          {"first_unit", "FIRST UNIT"},
                          {"units", "UNITS"},
                          {"ghost_units", "GHOSTS"},
                          {"cpus", "CPUS"}},
              .rows = {}};
  for (const Group& group : *groups) {
    table.rows.push_back({Count{group.id}, Count{group.numa_node}, Offset{group.base_offset},
                          Size{group.size_bytes}, Count{percpu::Value(group.first_unit)},
                          Count{group.units}, Count{group.ghost_units},
                          Ids{{group.cpus.begin(), group.cpus.end()}}});
  }
  return Report{{std::move(table)}};
}

absl::StatusOr<Report> Units(Context& context) {
  const absl::StatusOr<std::vector<UnitInfo>> units = context.client.ListUnits();
  if (!units.ok()) return units.status();
  Table table{
      .key = "units",
      .title = "",
      .columns = {{"unit", "UNIT"}, {"offset", "OFFSET"}, {"group", "GROUP"}, {"cpu", "CPU"}},
      .rows = {}};
  for (const UnitInfo& unit : *units) {
    table.rows.push_back({Count{percpu::Value(unit.unit)}, Offset{unit.offset}, Count{unit.group},
                          OrAbsent(unit.cpu)});
  }
  return Report{{std::move(table)}};
}

absl::StatusOr<Report> Statics(Context& context) {
  const absl::StatusOr<std::vector<StaticVariable>> variables =
      context.client.ListStaticVariables();
  if (!variables.ok()) return variables.status();
  Table table{.key = "static_variables",
              .title = "",
              .columns = {{"name", "NAME"},
                          {"type", "TYPE"},
                          {"pointer", "POINTER"},
                          {"size_bytes", "SIZE"},
                          {"alignment", "ALIGN"}},
              .rows = {}};
  for (const StaticVariable& variable : *variables) {
    table.rows.push_back({variable.name, VariableTypeName(variable.type),
                          Offset{percpu::Value(variable.pointer)}, Size{variable.size_bytes},
                          Size{variable.alignment}});
  }
  return Report{{std::move(table)}};
}

}  // namespace

Commands AddGroup(CLI::App& root) {
  CLI::App& noun = AddNoun(root, "group", "Groups of units: sizes, offsets, CPUs");
  return {
      AddPlain(noun, "list", "Groups of units: sizes, offsets, CPUs",
               "A group is the units laid out together, one per NUMA node. Ghosts are units that\n"
               "serve no CPU and only fill the group's memory up to its grain.",
               Groups)};
}

Commands AddUnit(CLI::App& root) {
  CLI::App& noun = AddNoun(root, "unit", "Units, with the offset of each and its CPU");
  return {AddPlain(noun, "list", "Units, with the offset of each and its CPU",
                   "A unit's copy of an area lies at the area's pointer plus the unit's offset. A\n"
                   "ghost unit has no CPU.",
                   Units)};
}

Commands AddStatic(CLI::App& root) {
  CLI::App& noun = AddNoun(root, "static", "Variables named in the daemon's configuration");
  return {AddPlain(noun, "list", "Variables named in the daemon's configuration",
                   "Their names and pointers work with get, read, write, add and sum; they cannot\n"
                   "be freed.",
                   Statics)};
}

}  // namespace percpu::cli
