// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/base/limits.h"
#include "server/main/config_parts.h"

namespace percpud {
namespace {

using config::v1::Config;

constexpr Bytes kDefaultUnitSize{64 << 10};

void TakeUpdateMode(const std::string& mode, DaemonConfig& out, ConfigErrors& errors) {
  if (mode.empty() || mode == "auto") return;
  if (mode == "rseq") {
    out.update_mode = abi::v1::UpdateMode::kRseq;
  } else if (mode == "atomic") {
    out.update_mode = abi::v1::UpdateMode::kAtomic;
  } else {
    errors.Add("update_mode", absl::StrCat("\"", mode, "\" is none of auto, rseq, atomic"));
  }
}

void TakeBackend(const Config& config, DaemonConfig& out, ConfigErrors& errors) {
  if (!config.backend().empty()) out.backend = config.backend();
  out.backend_options.return_tail = config.km().return_tail();
  if (config.km().return_tail() && out.backend != "km") {
    errors.Add("km.return_tail", absl::StrCat("says nothing to the backend ", out.backend));
  }
  const std::string& first_chunk = config.first_chunk();
  out.backend_options.page_first_chunk = first_chunk == "page";
  if (!first_chunk.empty() && first_chunk != "embed" && first_chunk != "page") {
    errors.Add("first_chunk", absl::StrCat("\"", first_chunk, "\" is neither embed nor page"));
  }
}

absl::StatusOr<Topology> ReadTopology(const config::v1::Cpus& cpus) {
  absl::StatusOr<Topology> topology = [&] {
    switch (cpus.source_case()) {
      case config::v1::Cpus::kCount:
        return Topology::Uniform(cpus.count());
      case config::v1::Cpus::kSynthetic:
        return Topology::FromSynthetic(cpus.synthetic());
      case config::v1::Cpus::kXmlFile:
        return Topology::FromXml(cpus.xml_file());
      default:
        return Topology::FromHost();
    }
  }();
  if (!topology.ok()) return topology;
  return topology->Select(cpus.select().empty() ? "possible" : cpus.select());
}

void TakeTopology(const config::v1::Cpus& cpus, DaemonConfig& out, ConfigErrors& errors) {
  absl::StatusOr<Topology> topology = ReadTopology(cpus);
  if (errors.Check(topology.status())) out.topology = *std::move(topology);
  const auto source = cpus.source_case();
  out.has_host_topology =
      source == config::v1::Cpus::SOURCE_NOT_SET || source == config::v1::Cpus::kHost;
}

void TakeStaticVariable(const config::v1::StaticVariable& wire, std::vector<StaticVariable>& out,
                        ConfigErrors& errors) {
  const std::string field = absl::StrCat("static_variables[", wire.name(), "]");
  StaticVariable variable{
      .name = wire.name(), .type = {}, .size = {}, .alignment = {}, .offset = {}};
  const absl::StatusOr<VariableType> type = ParseVariableType(wire.type());
  if (!type.ok()) return errors.Add(field, type.status().message());
  variable.type = *type;
  const bool is_integer = *type == VariableType::kCounter || *type == VariableType::kGauge;
  variable.size = is_integer ? Bytes(8) : Bytes(0);
  TakeSize(absl::StrCat(field, ".size"), wire.size(), variable.size, errors);
  variable.alignment =
      wire.alignment() == 0 ? StaticVariable::kDefaultAlignment : Bytes(wire.alignment());
  if (absl::Status status = CheckShape(*type, variable.size, variable.alignment); !status.ok()) {
    const std::pair<std::string, std::string> what =
        absl::StrSplit(status.message(), absl::MaxSplits(": ", 1));
    errors.Add(absl::StrCat(field, ".", what.first), what.second);
  }
  out.push_back(std::move(variable));
}

void CheckStaticAlignments(const StaticLayout& statics, Bytes skew, ConfigErrors& errors) {
  if (skew == Bytes(0)) return;
  for (const StaticVariable& variable : statics.variables()) {
    if (variable.alignment <= skew) continue;
    errors.Add(absl::StrCat("static_variables[", variable.name, "].alignment"),
               absl::StrCat(variable.alignment.value(), " is over unit_skew, ", skew.value()));
  }
}

// Lays the static variables out. False if they are wrong, so that nothing can be said
// of the unit they would be in.
bool TakeStatics(const Config& config, Bytes static_size, DaemonConfig& out, ConfigErrors& errors) {
  std::vector<StaticVariable> variables;
  ConfigErrors wrong;
  for (const config::v1::StaticVariable& wire : config.static_variables()) {
    TakeStaticVariable(wire, variables, wrong);
  }
  if (!wrong.empty()) return errors.Check(wrong.status());
  absl::StatusOr<StaticLayout> statics = StaticLayout::Build(std::move(variables), static_size);
  if (!errors.Check(statics.status())) return false;
  out.statics = *std::move(statics);
  CheckStaticAlignments(out.statics, out.sizes.unit_skew, errors);
  return true;
}

// Huge pages pay where memory comes and goes in whole ones.
void CheckTransparentHugePagesFit(const DaemonConfig& out, ConfigErrors& errors) {
  constexpr char kField[] = "transparent_huge_pages";
  if (!out.transparent_huge_pages) return;
  if (out.page_size != kBasePageSize) {
    errors.Add(kField, absl::StrCat("says nothing to a page_size of ", Format(out.page_size)));
  } else if (out.backend != "km") {
    errors.Add(kField, absl::StrCat("needs km: ", out.backend, " backs and gives back pages of ",
                                    Format(kBasePageSize), ", which breaks huge ones up"));
  } else if (out.backend_options.return_tail) {
    errors.Add(kField, "not with km.return_tail, which cuts huge pages up");
  }
  if (out.sizes.atom_size % kHugePageSize != Bytes(0) || out.sizes.atom_size == Bytes(0)) {
    errors.Add("atom_size", absl::StrCat(Format(out.sizes.atom_size), " is no multiple of ",
                                         Format(kHugePageSize), ", which ", kField, " needs"));
  }
  if (out.arena_size % kHugePageSize != Bytes(0)) {
    errors.Add("arena_size", absl::StrCat(Format(out.arena_size), " is no multiple of ",
                                          Format(kHugePageSize), ", which ", kField, " needs"));
  }
}

// Divides the unit into its static, reserved and dynamic part.
void DivideUnit(const Config& config, Bytes unit_size, Bytes static_size, DaemonConfig& out,
                ConfigErrors& errors) {
  ConfigErrors wrong;
  AllocSizes& sizes = out.sizes;
  CheckRange("unit_size", unit_size.value(), kMinUnitSize.value(), kMaxUnitSize.value(), wrong);
  CheckRange("static_size", static_size.value(), 0, kMaxUnitSize.value(), wrong);
  CheckRange("reserved_size", sizes.reserved_size.value(), 0, kMaxUnitSize.value(), wrong);
  errors.Check(wrong.status());
  if (!TakeStatics(config, static_size, out, errors) || !wrong.empty()) return;
  sizes.static_size = out.statics.size();
  const Bytes fixed = sizes.static_size + sizes.reserved_size;
  if (fixed + kMinDynamicSize + sizes.unit_skew > unit_size) {
    errors.Add("unit_size",
               absl::StrCat(Format(unit_size), " leaves less than ", Format(kMinDynamicSize),
                            " beside static_size ", Format(sizes.static_size),
                            " and reserved_size ", Format(sizes.reserved_size)));
    return;
  }
  sizes.dyn_size = unit_size - fixed;
}

void TakeSizes(const Config& config, DaemonConfig& out, ConfigErrors& errors) {
  Bytes unit_size = kDefaultUnitSize;
  Bytes static_size;
  AllocSizes& sizes = out.sizes;
  ConfigErrors wrong;
  TakeSize("arena_size", config.arena_size(), out.arena_size, wrong);
  TakeSize("page_size", config.page_size(), out.page_size, wrong);
  out.transparent_huge_pages = config.transparent_huge_pages();
  sizes.atom_size =
      out.transparent_huge_pages ? kHugePageSize : std::max(out.page_size, kBasePageSize);
  TakeSize("atom_size", config.atom_size(), sizes.atom_size, wrong);
  TakeSize("unit_size", config.unit_size(), unit_size, wrong);
  TakeSize("unit_skew", config.unit_skew(), sizes.unit_skew, wrong);
  TakeSize("static_size", config.static_size(), static_size, wrong);
  TakeSize("reserved_size", config.reserved_size(), sizes.reserved_size, wrong);
  if (!errors.Check(wrong.status())) return;
  CheckTransparentHugePagesFit(out, errors);
  DivideUnit(config, unit_size, static_size, out, errors);
}

}  // namespace

void TakeLayout(const Config& config, DaemonConfig& out, ConfigErrors& errors) {
  TakeBackend(config, out, errors);
  TakeUpdateMode(config.update_mode(), out, errors);
  TakeSizes(config, out, errors);
  TakeTopology(config.cpus(), out, errors);
}

}  // namespace percpud
