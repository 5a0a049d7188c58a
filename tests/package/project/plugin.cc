// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// A plugin that counts what its host does. Includes every public header.

#include "percpu/area.h"
#include "percpu/chunk_source.h"
#include "percpu/client.h"
#include "percpu/connection.h"
#include "percpu/count_sum_ref.h"
#include "percpu/fleet.h"
#include "percpu/fleet_connection.h"
#include "percpu/heap_options.h"
#include "percpu/introspection.h"
#include "percpu/lease_heap.h"
#include "percpu/metrics.h"
#include "percpu/options.h"
#include "percpu/reason.h"
#include "percpu/ref.h"
#include "percpu/registry.h"
#include "percpu/remote_session.h"
#include "percpu/session.h"
#include "percpu/session_state.h"
#include "percpu/struct_ref.h"
#include "percpu/types.h"

namespace {

struct Load {
  std::uint64_t requests;
  std::uint64_t bytes;
};

}  // namespace

extern "C" bool plugin_count(const char* address) {
  const auto session = percpu::Session::Open(address);
  if (!session.ok()) return false;
  const auto load = (*session)->Struct<Load>("plugin/load");
  const auto hits = (*session)->Counter("plugin/hits");
  if (!load.ok() || !hits.ok()) return false;
  load->On(percpu::Unit{0}).bytes += 64;
  const auto heap = (*session)->NewHeap();
  if (!heap.ok()) return false;
  const auto area = (*heap)->Allocate(64);
  return area.ok() && hits->Increment();
}
