// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What percpud_variable.h has.

#include "client/c/variable.h"

#include <cstdint>
#include <cstdlib>
#include <new>
#include <string_view>

#include "client/c/waiting.h"

namespace {

using percpud::c::Arena;
using percpud::c::Command;
using percpud::c::Locked;

// One more than the highest CPU id with a copy.
std::uint32_t CpusOf(const Arena& arena) {
  std::uint32_t cpus = 0;
  for (std::uint32_t cpu = 0; cpu < percpud::rseq::kMostCpus; ++cpu) {
    if (arena.cpus.cpu0()[cpu] >= 0) cpus = cpu + 1;
  }
  return cpus;
}

// The client's handle of what the daemon has found; null if it cannot be there or memory
// is short. REQUIRES: the client's lock.
percpud_variable* HandleOf(percpud_client& p, const Command& command) {
  const Arena* const arena = command.arena();
  if (arena == nullptr || arena->base == nullptr ||
      !Holds(*arena, command.pointer(), {.bytes = command.size(), .alignment = 1})) {
    return nullptr;
  }
  for (percpud_variable* one = p.variables; one != nullptr; one = one->next) {
    if (one->arena == arena && one->pointer == command.pointer()) return one;
  }
  void* const memory = std::malloc(sizeof(percpud_variable));
  if (memory == nullptr) return nullptr;
  p.variables = new (memory) percpud_variable{.arena = arena,
                                              .pointer = command.pointer(),
                                              .size = command.size(),
                                              .cpus = CpusOf(*arena),
                                              .next = p.variables};
  return p.variables;
}

}  // namespace

percpud_variable* percpud_variable_open(percpud_client* p, const char* name, size_t size,
                                        size_t alignment, int milliseconds) {
  if (p == nullptr || name == nullptr || alignment > UINT32_MAX) return nullptr;
  // percpud.v1.VARIABLE_TYPE_BYTES.
  constexpr std::uint8_t kBytesType = 4;
  const std::size_t aligned = alignment == 0 ? sizeof(std::uint64_t) : alignment;
  Command command({.name = name,
                   .type = kBytesType,
                   .size = size,
                   .alignment = static_cast<std::uint32_t>(aligned),
                   .create = size != 0});
  const std::int64_t end_ns = percpud::c::DeadlineNs(milliseconds);
  const Locked one_at_a_time(p->reading);
  percpud::c::Run(*p, command, end_ns);
  if (command.series() < 0) return nullptr;
  const Locked locked(p->mutex);
  percpud_variable* const out = HandleOf(*p, command);
  if (out == nullptr) p->SetReason("the variable is not in the arena, or memory is short");
  return out;
}

size_t percpud_variable_size(const percpud_variable* variable) {
  return variable == nullptr ? 0 : variable->size;
}

uint32_t percpud_variable_cpus(const percpud_variable* variable) {
  return variable == nullptr ? 0 : variable->cpus;
}

void* percpud_variable_data(const percpud_variable* variable, uint32_t cpu) {
  if (variable == nullptr || cpu >= variable->cpus) return nullptr;
  const std::int64_t unit = variable->arena->cpus.cpu0()[cpu];
  return unit < 0 ? nullptr : variable->arena->base + variable->pointer + unit;
}

int percpud_variable_is_writable(const percpud_variable* variable) {
  return variable != nullptr && variable->arena->writable ? 1 : 0;
}
