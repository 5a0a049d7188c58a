// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/main/reload.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/text_format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "server/main/flags.h"

namespace percpud {
namespace {

using config::v1::Config;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::TextFormat;

// Top-level fields, with all that is in them.
constexpr std::array<absl::string_view, 6> kReloadable = {"access",  "export",    "quotas",
                                                          "metrics", "log_level", "resume_window"};

bool IsPart(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && !field.is_repeated();
}

// The field as it would be written; empty if it is not set.
std::string TextOf(const Message& message, const FieldDescriptor& field) {
  const auto* reflection = message.GetReflection();
  std::string out;
  if (!field.is_repeated() && !reflection->HasField(message, &field)) return out;
  const int count = field.is_repeated() ? reflection->FieldSize(message, &field) : 1;
  for (int i = 0; i < count; ++i) {
    std::string text;
    TextFormat::PrintFieldValueToString(message, &field, field.is_repeated() ? i : -1, &text);
    absl::StrAppend(&out, "[", text, "]");
  }
  return out;
}

// Appends the names of what differs, with `prefix` before each.
void CompareParts(const Message& running, const Message& wanted, const std::string& prefix,
                  std::vector<std::string>& out) {
  const auto* descriptor = running.GetDescriptor();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const FieldDescriptor& field = *descriptor->field(i);
    const std::string name = absl::StrCat(prefix, field.name());
    if (IsPart(field)) {
      CompareParts(running.GetReflection()->GetMessage(running, &field),
                   wanted.GetReflection()->GetMessage(wanted, &field), name + ".", out);
    } else if (TextOf(running, field) != TextOf(wanted, field)) {
      out.push_back(name);
    }
  }
}

std::string Refuse(const absl::Status& why) {
  for (const absl::string_view line : absl::StrSplit(why.message(), '\n')) {
    spdlog::error("reload refused: {}", std::string(line));
  }
  // The manager takes one line.
  return absl::StrCat("reload refused: ", absl::StrReplaceAll(why.message(), {{"\n", "; "}}));
}

std::string RefuseFixed(const std::vector<std::string>& fixed) {
  for (const std::string& name : fixed) {
    spdlog::error("reload refused: {}: cannot change while percpud runs, only by a restart", name);
  }
  return absl::StrCat("reload refused: only a restart changes ", absl::StrJoin(fixed, ", "));
}

}  // namespace

ConfigDifference Compare(const Config& running, const Config& wanted) {
  std::vector<std::string> all;
  CompareParts(running, wanted, "", all);
  ConfigDifference out;
  for (std::string& name : all) {
    const std::string top = name.substr(0, name.find('.'));
    const bool may = std::find(kReloadable.begin(), kReloadable.end(), top) != kReloadable.end();
    (may ? out.reloadable : out.fixed).push_back(std::move(name));
  }
  return out;
}

std::string Reload(int argc, const char* const* argv, Config& running, Daemon& daemon) {
  absl::StatusOr<CommandLine> command_line = ParseCommandLine(argc, argv);
  if (!command_line.ok()) return Refuse(command_line.status());
  const absl::StatusOr<DaemonConfig> checked = CheckConfig(command_line->config);
  if (!checked.ok()) return Refuse(checked.status());
  const ConfigDifference difference = Compare(running, command_line->config);
  if (!difference.fixed.empty()) return RefuseFixed(difference.fixed);
  daemon.Change(*checked);
  spdlog::set_level(spdlog::level::from_str(checked->log_level));
  running = std::move(command_line->config);
  std::string news =
      difference.reloadable.empty()
          ? "reloaded: nothing has changed"
          : absl::StrCat("reloaded: changed ", absl::StrJoin(difference.reloadable, ", "));
  spdlog::info(news);
  return news;
}

}  // namespace percpud
