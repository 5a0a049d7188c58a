// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/main/config.h"

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "proto/percpud/abi/v1/wire.h"
#include "server/base/errors.h"
#include "server/base/parse.h"

namespace percpud {
namespace {

using config::v1::Config;

constexpr Bytes kDefaultUnitSize{64 << 10};
// sun_path less its terminating zero, less the suffixes of the side door and of
// the lock file.
constexpr std::size_t kMaxSocketPath = 107 - 5 - 5;

// Keeps the first thing the parser has to say.
class FirstError final : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, int column, const std::string& message) override {
    if (text_.empty()) text_ = absl::StrCat(line + 1, ":", column + 1, ": ", message);
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

absl::Status CheckRange(absl::string_view field, std::uint64_t value, std::uint64_t low,
                        std::uint64_t high) {
  if (value >= low && value <= high) return absl::OkStatus();
  return errors::BadConfig(field, absl::StrCat(value, " is not in ", low, "..", high));
}

absl::Status CheckListen(const std::string& address) {
  absl::string_view rest = address;
  if (absl::ConsumePrefix(&rest, "unix:")) {
    if (rest.empty() || rest[0] != '/') {
      return errors::BadConfig("listen", absl::StrCat(address, ": the path is not absolute"));
    }
    if (rest.size() > kMaxSocketPath) {
      return errors::BadConfig(
          "listen", absl::StrCat(address, ": the path is longer than ", kMaxSocketPath, " bytes"));
    }
    return absl::OkStatus();
  }
  const std::size_t colon = address.rfind(':');
  std::uint32_t port = 0;
  if (colon == std::string::npos || colon == 0 ||
      address.find_first_not_of("0123456789", colon + 1) != std::string::npos ||
      !absl::SimpleAtoi(absl::string_view(address).substr(colon + 1), &port) || port > 65535) {
    return errors::BadConfig("listen",
                             absl::StrCat("\"", address, "\" is neither unix:PATH nor HOST:PORT"));
  }
  return absl::OkStatus();
}

absl::Status TakeListen(const Config& config, DaemonConfig& out) {
  out.listen.assign(config.listen().begin(), config.listen().end());
  if (out.listen.empty()) out.listen.emplace_back(abi::v1::kDefaultAddress);
  for (const std::string& address : out.listen) {
    if (absl::Status status = CheckListen(address); !status.ok()) return status;
    if (std::count(out.listen.begin(), out.listen.end(), address) > 1) {
      return errors::BadConfig("listen", absl::StrCat(address, " is named twice"));
    }
  }
  if (config.socket_mode().empty()) return absl::OkStatus();
  const std::optional<unsigned> mode = ParseMode(config.socket_mode());
  if (!mode) {
    return errors::BadConfig("socket_mode",
                             absl::StrCat("\"", config.socket_mode(), "\" is no octal mode"));
  }
  out.socket_mode = *mode;
  return absl::OkStatus();
}

absl::Status TakeDoor(const Config& config, DaemonConfig& out) {
  absl::string_view door = config.door();
  if (door == "none") return absl::OkStatus();
  if (door.empty()) {
    const auto is_unix = [](const std::string& address) {
      return absl::StartsWith(address, "unix:");
    };
    const auto first = std::find_if(out.listen.begin(), out.listen.end(), is_unix);
    if (first != out.listen.end()) out.door = absl::StrCat(first->substr(5), abi::v1::kDoorSuffix);
    return absl::OkStatus();
  }
  if (!absl::ConsumePrefix(&door, "unix:") || door.empty() || door[0] != '/' ||
      door.size() > kMaxSocketPath) {
    return errors::BadConfig(
        "door", absl::StrCat("\"", config.door(), "\" is neither unix:PATH, absolute and of ",
                             kMaxSocketPath, " bytes at most, nor none"));
  }
  out.door = std::string(door);
  return absl::OkStatus();
}

absl::Status TakeUpdateMode(const std::string& mode, DaemonConfig& out) {
  if (mode.empty() || mode == "auto") return absl::OkStatus();
  if (mode == "rseq") {
    out.update_mode = abi::v1::UpdateMode::kRseq;
  } else if (mode == "atomic") {
    out.update_mode = abi::v1::UpdateMode::kAtomic;
  } else {
    return errors::BadConfig("update_mode",
                             absl::StrCat("\"", mode, "\" is none of auto, rseq, atomic"));
  }
  return absl::OkStatus();
}

absl::Status TakeBackend(const Config& config, DaemonConfig& out) {
  if (!config.backend().empty()) out.backend = config.backend();
  out.backend_options.return_tail = config.km().return_tail();
  if (config.km().return_tail() && out.backend != "km") {
    return errors::BadConfig("km.return_tail",
                             absl::StrCat("says nothing to the backend ", out.backend));
  }
  const std::string& first_chunk = config.first_chunk();
  if (first_chunk.empty() || first_chunk == "embed") return absl::OkStatus();
  out.backend_options.page_first_chunk = first_chunk == "page";
  if (first_chunk == "page") return absl::OkStatus();
  return errors::BadConfig("first_chunk",
                           absl::StrCat("\"", first_chunk, "\" is neither embed nor page"));
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

absl::StatusOr<StaticLayout> ReadStatics(const Config& config, Bytes static_size) {
  std::vector<StaticVariable> variables;
  for (const config::v1::StaticVariable& wire : config.static_variables()) {
    const std::string field = absl::StrCat("static_variables[", wire.name(), "]");
    StaticVariable variable{
        .name = wire.name(), .type = {}, .size = {}, .alignment = {}, .offset = {}};
    const absl::StatusOr<VariableType> type = ParseVariableType(wire.type());
    if (!type.ok()) {
      return errors::BadConfig(field, type.status().message());
    }
    variable.type = *type;
    const bool is_integer = *type == VariableType::kCounter || *type == VariableType::kGauge;
    variable.size = is_integer ? Bytes(8) : Bytes(0);
    if (absl::Status status = TakeSize(absl::StrCat(field, ".size"), wire.size(), variable.size);
        !status.ok()) {
      return status;
    }
    if (is_integer && variable.size != Bytes(8)) {
      return errors::BadConfig(absl::StrCat(field, ".size"), "a counter or gauge has 8 bytes");
    }
    variable.alignment =
        wire.alignment() == 0 ? StaticVariable::kDefaultAlignment : Bytes(wire.alignment());
    if (is_integer && variable.alignment < variable.size) {
      return errors::BadConfig(absl::StrCat(field, ".alignment"),
                               "a counter or gauge is added to whole: 8 at least");
    }
    variables.push_back(std::move(variable));
  }
  return StaticLayout::Build(std::move(variables), static_size);
}

absl::Status CheckStaticAlignments(const StaticLayout& statics, Bytes skew) {
  if (skew == Bytes(0)) return absl::OkStatus();
  for (const StaticVariable& variable : statics.variables()) {
    if (variable.alignment <= skew) continue;
    return errors::BadConfig(
        absl::StrCat("static_variables[", variable.name, "].alignment"),
        absl::StrCat(variable.alignment.value(), " is over unit_skew, ", skew.value()));
  }
  return absl::OkStatus();
}

// They pay where memory comes and goes in whole ones.
absl::Status CheckTransparentHugePagesFit(const DaemonConfig& out) {
  constexpr char kField[] = "transparent_huge_pages";
  if (!out.transparent_huge_pages) return absl::OkStatus();
  if (out.page_size != kBasePageSize) {
    return errors::BadConfig(
        kField, absl::StrCat("says nothing to a page_size of ", Format(out.page_size)));
  }
  if (out.backend != "km") {
    return errors::BadConfig(
        kField, absl::StrCat("needs km: ", out.backend, " backs and gives back pages of ",
                             Format(kBasePageSize), ", which breaks huge ones up"));
  }
  if (out.backend_options.return_tail) {
    return errors::BadConfig(kField, "not with km.return_tail, which cuts huge pages up");
  }
  if (out.sizes.atom_size % kHugePageSize != Bytes(0) || out.sizes.atom_size == Bytes(0)) {
    return errors::BadConfig("atom_size",
                             absl::StrCat(Format(out.sizes.atom_size), " is no multiple of ",
                                          Format(kHugePageSize), ", which ", kField, " needs"));
  }
  if (out.arena_size % kHugePageSize != Bytes(0)) {
    return errors::BadConfig("arena_size",
                             absl::StrCat(Format(out.arena_size), " is no multiple of ",
                                          Format(kHugePageSize), ", which ", kField, " needs"));
  }
  return absl::OkStatus();
}

absl::Status TakeSizes(const Config& config, DaemonConfig& out) {
  Bytes unit_size = kDefaultUnitSize;
  Bytes static_size;
  AllocSizes& sizes = out.sizes;
  absl::Status status = TakeSize("arena_size", config.arena_size(), out.arena_size);
  status.Update(TakeSize("page_size", config.page_size(), out.page_size));
  out.transparent_huge_pages = config.transparent_huge_pages();
  sizes.atom_size =
      out.transparent_huge_pages ? kHugePageSize : std::max(out.page_size, kBasePageSize);
  status.Update(TakeSize("atom_size", config.atom_size(), sizes.atom_size));
  status.Update(TakeSize("unit_size", config.unit_size(), unit_size));
  status.Update(TakeSize("unit_skew", config.unit_skew(), sizes.unit_skew));
  status.Update(TakeSize("static_size", config.static_size(), static_size));
  status.Update(TakeSize("reserved_size", config.reserved_size(), sizes.reserved_size));
  if (!status.ok()) return status;
  if (status = CheckTransparentHugePagesFit(out); !status.ok()) return status;
  status = CheckRange("unit_size", unit_size.value(), kMinUnitSize.value(), kMaxUnitSize.value());
  status.Update(CheckRange("static_size", static_size.value(), 0, kMaxUnitSize.value()));
  status.Update(CheckRange("reserved_size", sizes.reserved_size.value(), 0, kMaxUnitSize.value()));
  if (!status.ok()) return status;

  absl::StatusOr<StaticLayout> statics = ReadStatics(config, static_size);
  if (!statics.ok()) return statics.status();
  out.statics = *std::move(statics);
  status = CheckStaticAlignments(out.statics, sizes.unit_skew);
  if (!status.ok()) return status;
  sizes.static_size = out.statics.size();
  const Bytes fixed = sizes.static_size + sizes.reserved_size;
  if (fixed + kMinDynamicSize + sizes.unit_skew > unit_size) {
    return errors::BadConfig(
        "unit_size", absl::StrCat(Format(unit_size), " leaves less than ", Format(kMinDynamicSize),
                                  " beside static_size ", Format(sizes.static_size),
                                  " and reserved_size ", Format(sizes.reserved_size)));
  }
  sizes.dyn_size = unit_size - fixed;
  return absl::OkStatus();
}

absl::Status TakeBalancer(const config::v1::Balancer& wire, BalancePolicy& out) {
  if (wire.has_empty_pages_low()) out.empty_pages_low = wire.empty_pages_low();
  if (wire.has_empty_pages_high()) out.empty_pages_high = wire.empty_pages_high();
  if (out.empty_pages_high < out.empty_pages_low) {
    return errors::BadConfig(
        "balancer.empty_pages_high",
        absl::StrCat(out.empty_pages_high, " is below empty_pages_low, ", out.empty_pages_low));
  }
  if (wire.has_free_chunks_min()) out.free_chunks_min = wire.free_chunks_min();
  if (wire.has_free_chunks_max_percent()) {
    out.free_chunks_max_percent = wire.free_chunks_max_percent();
  }
  absl::Status status = CheckRange("balancer.empty_pages_high", out.empty_pages_high, 0, 1 << 20);
  status.Update(
      CheckRange("balancer.free_chunks_max_percent", out.free_chunks_max_percent, 0, 100));
  if (!status.ok() || wire.free_chunk_age().empty()) return status;
  if (!absl::ParseDuration(wire.free_chunk_age(), &out.free_chunk_age) ||
      out.free_chunk_age < absl::ZeroDuration()) {
    return errors::BadConfig("balancer.free_chunk_age", absl::StrCat("\"", wire.free_chunk_age(),
                                                                     "\" is no time such as 10s"));
  }
  return absl::OkStatus();
}

absl::Status TakeLimits(const config::v1::Limits& wire, DaemonConfig& out) {
  if (wire.batch() != 0) out.limits.batch = wire.batch();
  if (wire.watchers() != 0) out.limits.watchers = wire.watchers();
  absl::Status status = TakeSize("limits.transfer", wire.transfer(), out.limits.transfer);
  status.Update(TakeSize("limits.message", wire.message(), out.message_limit));
  status.Update(CheckRange("limits.batch", out.limits.batch, 1, kMaxBatch));
  status.Update(CheckRange("limits.watchers", out.limits.watchers, 1, 10000));
  status.Update(CheckRange("limits.message", out.message_limit.value(), 64 << 10, 1 << 30));
  if (!status.ok()) return status;
  if (out.limits.transfer == Bytes(0)) {
    return errors::BadConfig("limits.transfer", "0 leaves nothing to read or write");
  }
  // What is allowed must also fit a message, headers included.
  const std::uint64_t room = out.message_limit.value() - (16 << 10);
  if (out.limits.transfer.value() > room) {
    return errors::BadConfig("limits.transfer", "does not fit a message of limits.message");
  }
  if (std::uint64_t{out.limits.batch} * 12 > room) {
    return errors::BadConfig("limits.batch", "does not fit a message of limits.message");
  }
  return absl::OkStatus();
}

absl::Status TakeLogLevel(const std::string& level, std::string& out) {
  static constexpr std::array<absl::string_view, 5> kLevels = {"trace", "debug", "info", "warning",
                                                               "error"};
  if (level.empty()) return absl::OkStatus();
  if (std::find(kLevels.begin(), kLevels.end(), level) == kLevels.end()) {
    return errors::BadConfig(
        "log_level", absl::StrCat("\"", level, "\" is none of ", absl::StrJoin(kLevels, ", ")));
  }
  out = level;
  return absl::OkStatus();
}

}  // namespace

absl::Status TakeSize(absl::string_view field, const std::string& text, Bytes& out) {
  if (text.empty()) return absl::OkStatus();
  const std::optional<Bytes> size = ParseSize(text);
  if (!size) {
    return errors::BadConfig(
        field, absl::StrCat("\"", text, "\" is no size such as 4096, 64KiB or 256MiB"));
  }
  out = *size;
  return absl::OkStatus();
}

absl::StatusOr<Config> ReadConfig(const std::string& path) {
  std::ifstream file(path);
  if (!file) return errors::BadConfig("config", absl::StrCat(path, " cannot be read"));
  std::ostringstream text;
  // Opening a directory works; only reading it fails.
  if (file.peek() != std::ifstream::traits_type::eof()) text << file.rdbuf();
  if (file.bad()) return errors::BadConfig("config", absl::StrCat(path, " cannot be read"));
  FirstError error;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  Config config;
  if (!parser.ParseFromString(text.str(), &config)) {
    return errors::BadConfig("config", absl::StrCat(path, ":", error.text()));
  }
  return config;
}

absl::StatusOr<DaemonConfig> CheckConfig(const Config& config) {
  DaemonConfig out;
  absl::Status status = TakeBackend(config, out);
  if (status.ok()) status = TakeListen(config, out);
  if (status.ok()) status = TakeDoor(config, out);
  if (status.ok()) status = TakeUpdateMode(config.update_mode(), out);
  if (status.ok()) status = TakeAccess(config, out);
  if (status.ok()) status = TakeSizes(config, out);
  if (status.ok()) status = TakeRestart(config, out);
  if (status.ok()) status = TakeBalancer(config.balancer(), out.balance);
  if (status.ok()) status = TakeLimits(config.limits(), out);
  if (status.ok()) status = TakeLogLevel(config.log_level(), out.log_level);
  if (!status.ok()) return status;
  absl::StatusOr<Topology> topology = ReadTopology(config.cpus());
  if (!topology.ok()) return topology.status();
  out.topology = *std::move(topology);
  return out;
}

}  // namespace percpud
