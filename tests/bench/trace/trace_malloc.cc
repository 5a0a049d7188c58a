// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>

#include "tests/bench/report/malloc_peers.h"
#include "tests/bench/trace/trace_compare.h"
#include "tests/bench/trace/two_threads.h"

namespace percpud::bench {
namespace {

// What malloc aligns to by itself.
constexpr std::uint64_t kMallocAlign = 16;

void Run(const percpu::TraceOp& op, std::vector<void*>& pointers) {
  if (!op.alloc) {
    std::free(pointers[op.id]);
    pointers[op.id] = nullptr;
    return;
  }
  void* memory = nullptr;
  if (op.alignment <= kMallocAlign) {
    memory = std::malloc(op.size);
  } else if (posix_memalign(&memory, op.alignment, op.size) != 0) {
    memory = nullptr;
  }
  if (memory == nullptr) std::abort();
  pointers[op.id] = memory;
}

// Frees what the trace leaves behind.
void Drain(std::vector<void*>& pointers) {
  for (void*& memory : pointers) {
    std::free(memory);
    memory = nullptr;
  }
}

double TimePass(const Trace& trace, std::vector<void*>& pointers) {
  const double start = Nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
  ForEachOp(trace, pointers, [&](const percpu::TraceOp& op) { Run(op, pointers); });
  const double spent = Nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - start;
  Drain(pointers);
  return spent / static_cast<double>(trace.size());
}

ThreadTiming TimeTogether(const std::vector<const Trace*>& traces) {
  std::vector<std::vector<void*>> pointers;
  pointers.reserve(traces.size());
  for (const Trace* trace : traces) pointers.emplace_back(trace->size());
  const ThreadTiming timing = TimeThreads(
      traces, pointers,
      [&](const percpu::TraceOp& op, std::size_t thread) { Run(op, pointers[thread]); });
  for (auto& mine : pointers) Drain(mine);
  return timing;
}

}  // namespace

absl::Status MeasureMalloc(const std::string& peer_name, const std::string& trace_file,
                           const std::string& second_file, std::size_t operations) {
  const auto* const peer = std::find_if(kMallocPeers.begin(), kMallocPeers.end(),
                                        [&](const Peer& p) { return peer_name == p.name; });
  if (peer == kMallocPeers.end()) return absl::InvalidArgumentError("no such peer");
  if (!IsLoaded(*peer)) {
    std::cout << "null\n";
    return absl::OkStatus();
  }
  auto trace = percpu::ReadTrace(trace_file);
  if (!trace.ok()) return trace.status();
  trace->resize(std::min(trace->size(), operations));
  nlohmann::ordered_json json;
  std::vector<void*> pointers(trace->size());
  json["cold"] = TimePass(*trace, pointers);
  for (int pass = 0; pass < kWarmPasses; ++pass) json["warm"].push_back(TimePass(*trace, pointers));
  if (!second_file.empty()) {
    auto second = percpu::ReadTrace(second_file);
    if (!second.ok()) return second.status();
    second->resize(std::min(second->size(), operations));
    TimeTogether({&*trace, &*second});
    const ThreadTiming alone = TimeTogether({&*trace});
    const ThreadTiming together = TimeTogether({&*trace, &*second});
    json["threads"] = {alone.wall_ns_per_op, together.wall_ns_per_op, alone.cpu_ns_per_op,
                       together.cpu_ns_per_op};
  }
  std::cout << json << '\n';
  return absl::OkStatus();
}

}  // namespace percpud::bench
