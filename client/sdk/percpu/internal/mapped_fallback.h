// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_MAPPED_FALLBACK_H_
#define PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_MAPPED_FALLBACK_H_

#include <cstdint>
#include <optional>

#include "percpu/client.h"
#include "percpu/fallback.h"
#include "percpu/mapping.h"
#include "percpu/types.h"

namespace percpu {

// Makes the updates of a session's mapping that a thread cannot make itself. The first
// update of a forked child comes here, because its mapping is out of use until it is known
// whether the daemon still has the arena. The update is then made in the mapping. Other
// updates are made by the daemon, which knows addition only.
// Thread safe. Not async-signal-safe.
class MappedFallback final : public Fallback {
 public:
  // The session.
  class Owner {
   public:
    // Takes a child's mapping into use. Returns null in a process that is no child, and
    // if the session is lost.
    virtual const Mapping* TakeUpMapping() = 0;
    [[nodiscard]] virtual bool IsLost() const = 0;
    virtual Client& client() = 0;

   protected:
    ~Owner() = default;
  };

  // `owner` outlives this.
  explicit MappedFallback(Owner& owner) : owner_(owner) {}

  bool Add(Pointer pointer, Width width, std::uint64_t delta) override;
  bool Store(Pointer pointer, Width width, std::uint64_t value) override;
  std::optional<std::uint64_t> Load(Pointer pointer, Width width) override;
  std::optional<std::uint64_t> Exchange(Pointer pointer, Width width, std::uint64_t value) override;
  std::optional<std::uint64_t> CompareExchange(Pointer pointer, Width width, std::uint64_t expected,
                                               std::uint64_t desired) override;

 private:
  Owner& owner_;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_INTERNAL_MAPPED_FALLBACK_H_
