// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Families with any labels and any values, written and read back: what a parser that
// knows nothing of the writer finds is what was written.

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/exposition/labels.h"
#include "client/exposition/number.h"
#include "client/exposition/writer.h"
#include "tests/fuzz/targets.h"

namespace percpud::fuzz::exposition {
namespace {

using percpud::exposition::AppendBound;
using percpud::exposition::AppendLabel;
using percpud::exposition::FamilyType;
using percpud::exposition::Format;
using percpud::exposition::Text;
using percpud::exposition::Writer;

using Labels = std::vector<std::pair<std::string, std::string>>;
struct Sample {
  std::string name;
  Labels labels;
  double value = 0;
};

// Equal bits, but for zeros and for what is not a number.
bool AreEqual(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }
bool AreEqual(const Sample& a, const Sample& b) {
  return a.name == b.name && a.labels == b.labels && AreEqual(a.value, b.value);
}

// A line, read from its left end.
class Line {
 public:
  explicit Line(std::string_view rest) : rest_(rest) {}

  bool Take(std::string_view token) {
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }
  std::string TakeName() {
    std::size_t size = 0;
    while (size < rest_.size() &&
           (std::isalnum(static_cast<unsigned char>(rest_[size])) != 0 || rest_[size] == '_')) {
      ++size;
    }
    return std::string(TakeBytes(size));
  }
  // Up to an unescaped quote, which is taken too.
  std::optional<std::string> TakeQuoted() {
    std::string out;
    while (!rest_.empty()) {
      const char byte = TakeBytes(1)[0];
      if (byte == '"') return out;
      if (byte != '\\') {
        out += byte;
        continue;
      }
      if (rest_.empty()) break;
      const char escaped = TakeBytes(1)[0];
      if (escaped != '\\' && escaped != '"' && escaped != 'n') break;
      out += escaped == 'n' ? '\n' : escaped;
    }
    return std::nullopt;
  }
  [[nodiscard]] std::string rest() const { return std::string(rest_); }

 private:
  std::string_view TakeBytes(std::size_t size) {
    const std::string_view out = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return out;
  }
  std::string_view rest_;
};

std::optional<Sample> ParseSample(std::string_view text) {
  Line line(text);
  Sample out;
  out.name = line.TakeName();
  if (line.Take("{")) {
    do {
      std::string label = line.TakeName();
      if (!line.Take("=\"")) return std::nullopt;
      auto value = line.TakeQuoted();
      if (!value) return std::nullopt;
      out.labels.emplace_back(std::move(label), *std::move(value));
    } while (line.Take(","));
    if (!line.Take("}")) return std::nullopt;
  }
  if (out.name.empty() || !line.Take(" ")) return std::nullopt;
  const std::string number = line.rest();
  char* end = nullptr;
  out.value = std::strtod(number.c_str(), &end);
  if (number.empty() || *end != '\0') return std::nullopt;
  return out;
}

// Writes what the script says, and keeps what that should be read as.
class Player {
 public:
  explicit Player(Format format) : format_(format), writer_(text_, format) {}

  void Perform(const Op& op);
  absl::Status Judge();
  [[nodiscard]] std::uint64_t performed() const { return performed_; }

 private:
  static std::string AnyText(const Op& op);
  static double AnyValue(const Op& op);
  void WriteHistogram(std::string_view labels, const Op& op);
  void Expect(std::string_view suffix, double value, Labels more = {});
  [[nodiscard]] bool MayShow(double value) const { return format_ == Format::kText || value >= 0; }

  const Format format_;
  Text text_;
  Writer writer_;
  std::string family_;
  Labels labels_;
  std::vector<Sample> expected_;
  std::uint64_t performed_ = 0;
};

// From few pieces, which are those that have to be escaped or might be taken for syntax.
std::string Player::AnyText(const Op& op) {
  static constexpr std::string_view kPieces[] = {"\\", "\n", "\"", "n",  "}", "{", ",", "=",
                                                 " ",  "#",  "\t", "\r", "é", "0", "_", "\\n"};
  std::string out;
  for (std::uint32_t rest = op.a; rest != 0; rest /= 16) out += kPieces[rest % 16];
  return out;
}

double Player::AnyValue(const Op& op) {
  // Exponents of all sizes, and digits that are many or few.
  const std::uint64_t high = (std::uint64_t{op.b} << 8 | op.c) << 48;
  const std::uint64_t low = op.a % 2 == 0 ? op.a * 0x9e3779b97f4aULL : op.a;
  return std::bit_cast<double>(high | (low & 0xffff'ffff'ffff));
}

void Player::Expect(std::string_view suffix, double value, Labels more) {
  Labels labels = labels_;
  labels.insert(labels.end(), more.begin(), more.end());
  expected_.push_back({family_ + std::string(suffix), std::move(labels), value});
}

void Player::WriteHistogram(std::string_view labels, const Op& op) {
  const double bound = std::isfinite(AnyValue(op)) ? AnyValue(op) : 0;
  Text bound_text;
  AppendBound(bound_text, bound);
  const std::string_view bounds[] = {bound_text.view()};
  const std::uint64_t cumulative[] = {op.b, op.b + std::uint64_t{op.c}};
  const double sum = op.a / 8.0 - 100;
  writer_.Histogram(
      labels,
      {.bounds = bounds, .cumulative = cumulative, .sum = sum, .has_negative_bound = bound < 0});
  Expect("_bucket", static_cast<double>(cumulative[0]), {{"le", std::string(bound_text.view())}});
  Expect("_bucket", static_cast<double>(cumulative[1]), {{"le", "+Inf"}});
  if (format_ == Format::kOpenMetrics && (bound < 0 || sum < 0)) return;
  Expect("_count", static_cast<double>(cumulative[1]));
  Expect("_sum", sum);
}

void Player::Perform(const Op& op) {
  ++performed_;
  if (op.kind == kFamily || family_.empty()) {
    family_ = absl::StrCat("f", performed_);
    const std::string help = AnyText(op);
    writer_.Family(
        {.name = family_, .help = help, .unit = "", .type = static_cast<FamilyType>(op.b % 4)});
    return;
  }
  labels_ = {{"a", AnyText(op)}, {"b", std::to_string(op.c)}};
  Text labels;
  for (const auto& [name, value] : labels_) AppendLabel(labels, 0, name, value);
  const double value = AnyValue(op);
  switch (op.kind) {
    case kCounter:
      writer_.Counter(labels.view(), value);
      if (MayShow(value)) Expect("_total", value);
      break;
    case kGauge:
      writer_.Gauge(labels.view(), value);
      Expect("", value);
      break;
    case kHistogram:
      WriteHistogram(labels.view(), op);
      break;
    default:
      writer_.Summary(labels.view(), op.a, value);
      Expect("_count", op.a);
      if (MayShow(value)) Expect("_sum", value);
      break;
  }
}

absl::Status Player::Judge() {
  writer_.End();
  std::string_view rest = text_.view();
  std::size_t at = 0;
  bool has_end = format_ == Format::kText;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) return absl::InternalError("a line without an end");
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    if (line == "# EOF") has_end = rest.empty();
    if (line.starts_with("# ")) continue;
    const auto sample = ParseSample(line);
    if (!sample || at == expected_.size() || !AreEqual(*sample, expected_[at])) {
      return absl::InternalError(absl::StrCat("sample ", at, ": ", std::string(line)));
    }
    ++at;
  }
  if (at != expected_.size() || !has_end) return absl::InternalError("it ends too early");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::uint64_t> Perform(const Script& script) {
  Player player(script.setup[0] % 2 == 0 ? Format::kText : Format::kOpenMetrics);
  for (const Op& op : script.ops) player.Perform(op);
  if (absl::Status status = player.Judge(); !status.ok()) return status;
  return player.performed();
}

const Target kTarget{.name = "exposition",
                     .setup_size = 1,
                     .kinds = {"kFamily", "kCounter", "kGauge", "kHistogram", "kSummary"},
                     .run = Perform};

}  // namespace percpud::fuzz::exposition
