// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/internal/mapped_fallback.h"

#include <utility>

#include "percpu/ref.h"

namespace percpu {
namespace {

// True while this thread tries an update once more. If it fails again, the mapping was not
// the reason.
constinit thread_local bool trying_again = false;

// Returns op(ref) with the integer of that width at `pointer`, in the mapping that a child
// has taken up. Returns nothing if there is no such mapping, or if this was tried already.
template <typename Op>
auto TryAgain(MappedFallback::Owner& owner, Pointer pointer, Width width, Op op)
    -> std::optional<decltype(op(std::declval<Ref<std::uint64_t>>()))> {
  if (trying_again) return std::nullopt;
  const Mapping* mapping = owner.TakeUpMapping();
  if (mapping == nullptr) return std::nullopt;
  trying_again = true;
  auto result = width == Width::k64 ? op(Ref<std::uint64_t>(*mapping, pointer))
                                    : op(Ref<std::uint32_t>(*mapping, pointer));
  trying_again = false;
  return result;
}

template <typename T>
std::optional<std::uint64_t> Widen(std::optional<T> value) {
  return value ? std::optional<std::uint64_t>(*value) : std::nullopt;
}

}  // namespace

bool MappedFallback::Add(Pointer pointer, Width width, std::uint64_t delta) {
  const auto made = TryAgain(owner_, pointer, width, [&]<typename T>(const Ref<T>& ref) {
    return ref.Add(static_cast<T>(delta));
  });
  if (made) return *made;
  if (owner_.IsLost()) return false;
  const std::int64_t signed_delta =
      width == Width::k64 ? static_cast<std::int64_t>(delta) : static_cast<std::int32_t>(delta);
  return owner_.client().Add(pointer, signed_delta, std::nullopt, width).ok();
}

bool MappedFallback::Store(Pointer pointer, Width width, std::uint64_t value) {
  return TryAgain(owner_, pointer, width,
                  [&]<typename T>(const Ref<T>& ref) { return ref.Store(static_cast<T>(value)); })
      .value_or(false);
}

std::optional<std::uint64_t> MappedFallback::Load(Pointer pointer, Width width) {
  return TryAgain(owner_, pointer, width,
                  []<typename T>(const Ref<T>& ref) { return Widen(ref.Load()); })
      .value_or(std::nullopt);
}

std::optional<std::uint64_t> MappedFallback::Exchange(Pointer pointer, Width width,
                                                      std::uint64_t value) {
  return TryAgain(owner_, pointer, width,
                  [&]<typename T>(const Ref<T>& ref) {
                    return Widen(ref.Exchange(static_cast<T>(value)));
                  })
      .value_or(std::nullopt);
}

std::optional<std::uint64_t> MappedFallback::CompareExchange(Pointer pointer, Width width,
                                                             std::uint64_t expected,
                                                             std::uint64_t desired) {
  return TryAgain(
             owner_, pointer, width,
             [&]<typename T>(const Ref<T>& ref) {
               return Widen(ref.CompareExchange(static_cast<T>(expected), static_cast<T>(desired)));
             })
      .value_or(std::nullopt);
}

}  // namespace percpu
