// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/exposition/number.h"

#include <array>
#include <cstddef>
#include <string_view>

#include "client/exposition/decimal.h"

namespace percpud::exposition {
namespace {

// The digits of an integer, written from the end.
class Digits {
 public:
  explicit Digits(std::uint64_t value) {
    do {
      bytes_[--begin_] = static_cast<char>('0' + value % 10);
      value /= 10;
    } while (value > 0);
  }
  [[nodiscard]] std::string_view view() const {
    return {bytes_.data() + begin_, bytes_.size() - begin_};
  }

 private:
  std::array<char, 20> bytes_;
  std::size_t begin_ = 20;
};

void AppendZeros(Text& out, int count) {
  for (; count > 0; --count) out.Append('0');
}

// d.ddde+NN, where `power` is that of the first digit.
void AppendScientific(Text& out, std::string_view digits, int power) {
  out.Append(digits.front());
  digits.remove_prefix(1);
  if (!digits.empty()) out.Append('.').Append(digits);
  out.Append(power < 0 ? "e-" : "e+");
  const auto magnitude = static_cast<unsigned>(power < 0 ? -power : power);
  if (magnitude < 10) out.Append('0');
  AppendInteger(out, magnitude);
}

// Digits with a point among, before or behind them. `power` as above.
void AppendPlain(Text& out, std::string_view digits, int power) {
  const int whole = power + 1;
  const int count = static_cast<int>(digits.size());
  if (whole <= 0) {
    out.Append("0.");
    AppendZeros(out, -whole);
    out.Append(digits);
  } else if (whole >= count) {
    out.Append(digits);
    AppendZeros(out, whole - count);
    out.Append(".0");
  } else {
    out.Append(std::string_view(digits.data(), static_cast<std::size_t>(whole))).Append('.');
    digits.remove_prefix(static_cast<std::size_t>(whole));
    out.Append(digits);
  }
}

// True if it was a value that has no digits.
bool AppendSpecial(Text& out, double value) {
  if (value != value) {
    out.Append("NaN");
  } else if (value - value != 0) {
    out.Append(value > 0 ? "+Inf" : "-Inf");
  } else {
    return false;
  }
  return true;
}

}  // namespace

void AppendInteger(Text& out, std::uint64_t value) { out.Append(Digits(value).view()); }

void AppendValue(Text& out, double value) {
  constexpr double kExact = 9007199254740992.0;
  if (value > -kExact && value < kExact) {
    const double magnitude = value < 0 ? -value : value;
    const auto whole = static_cast<std::uint64_t>(magnitude);
    if (static_cast<double>(whole) == magnitude) {
      if (value < 0) out.Append('-');
      AppendInteger(out, whole);
      return;
    }
  }
  AppendBound(out, value);
}

void AppendBound(Text& out, double bound) {
  if (AppendSpecial(out, bound)) return;
  if (bound == 0) {
    out.Append("0.0");
    return;
  }
  if (bound < 0) out.Append('-');
  const Decimal decimal = ShortestDecimal(bound < 0 ? -bound : bound);
  const Digits digits(decimal.digits);
  constexpr int kLeastPlain = -4;
  constexpr int kMostPlain = 5;
  const int power = static_cast<int>(digits.view().size()) - 1 + decimal.exponent;
  if (power < kLeastPlain || power > kMostPlain) {
    AppendScientific(out, digits.view(), power);
  } else {
    AppendPlain(out, digits.view(), power);
  }
}

void AppendSeconds(Text& out, std::uint64_t nanoseconds) {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  AppendInteger(out, nanoseconds / kSecond);
  // A digit before the fraction keeps its zeros.
  const Digits fraction(kSecond + nanoseconds % kSecond);
  std::string_view digits = fraction.view();
  digits.remove_prefix(1);
  while (digits.size() > 1 && digits.back() == '0') digits.remove_suffix(1);
  out.Append('.').Append(digits);
}

}  // namespace percpud::exposition
