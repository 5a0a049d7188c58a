// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/main/config.h"

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include <fstream>
#include <optional>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "server/base/errors.h"
#include "server/base/parse.h"
#include "server/main/config_parts.h"

namespace percpud {
namespace {

using config::v1::Config;

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

}  // namespace

// --- Errors --------------------------------------------------------------------

bool ConfigErrors::Check(const absl::Status& status) {
  if (!status.ok()) messages_.emplace_back(status.message());
  return status.ok();
}

void ConfigErrors::Add(absl::string_view field, absl::string_view why) {
  Check(errors::BadConfig(field, why));
}

absl::Status ConfigErrors::status() const {
  if (messages_.empty()) return absl::OkStatus();
  return errors::WithReason(absl::InvalidArgumentError(absl::StrJoin(messages_, "\n")),
                            errors::Reason::kBadConfig);
}

// --- Fields of any part ----------------------------------------------------------

void TakeSize(absl::string_view field, const std::string& text, Bytes& out, ConfigErrors& errors) {
  if (text.empty()) return;
  const std::optional<Bytes> size = ParseSize(text);
  if (size) {
    out = *size;
  } else {
    errors.Add(field, absl::StrCat("\"", text, "\" is no size such as 4096, 64KiB or 256MiB"));
  }
}

void TakeTime(absl::string_view field, const std::string& text, absl::string_view example,
              absl::Duration& out, ConfigErrors& errors) {
  if (text.empty()) return;
  absl::Duration time;
  if (absl::ParseDuration(text, &time) && time >= absl::ZeroDuration()) {
    out = time;
  } else {
    errors.Add(field, absl::StrCat("\"", text, "\" is no time such as ", example));
  }
}

void CheckRange(absl::string_view field, std::uint64_t value, std::uint64_t low, std::uint64_t high,
                ConfigErrors& errors) {
  if (value >= low && value <= high) return;
  errors.Add(field, absl::StrCat(value, " is not in ", low, "..", high));
}

// --- Reading and checking --------------------------------------------------------

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
  ConfigErrors errors;
  TakeAddresses(config, out, errors);
  TakeTls(config, out, errors);
  TakeAccess(config, out, errors);
  TakeLayout(config, out, errors);
  TakeRestart(config, out, errors);
  TakeLimits(config, out, errors);
  if (!errors.empty()) return errors.status();
  return out;
}

}  // namespace percpud
