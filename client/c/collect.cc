// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What percpud_collect.h has for reading a namespace.

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#include "client/c/collection.h"
#include "client/c/reader.h"
#include "client/c/render.h"
#include "client/c/waiting.h"

namespace {

using percpud::c::Locked;
using percpud::c::Reader;
using percpud::exposition::Format;

// The client's reader, made at its first use; null if memory is short. REQUIRES: the
// caller holds `reading`.
Reader* ReaderOf(percpud_client& p) {
  if (p.metrics_reader == nullptr) {
    void* const memory = std::malloc(sizeof(Reader));
    if (memory == nullptr) return nullptr;
    p.metrics_reader = new (memory) Reader(p.address, p.name_space == nullptr ? "" : p.name_space);
  }
  return p.metrics_reader;
}

// Reads the names there are. REQUIRES: the caller holds `reading`.
bool Refresh(percpud_client& p, Reader& reader, std::int64_t end_ns) {
  percpud::c::Settle(p, end_ns);
  if (reader.Refresh(end_ns)) return true;
  const Locked locked(p.mutex);
  p.SetReason(reader.reason());
  return false;
}

bool Fill(percpud_client& p, const char* family, std::int64_t end_ns, percpud_collection& out) {
  Reader* const reader = ReaderOf(p);
  if (reader == nullptr) return false;
  out.is_fresh = Refresh(p, *reader, end_ns);
  if (reader->arena() != nullptr) return out.Fill(reader->snapshot(), *reader->arena(), family);
  char pid[24];
  std::snprintf(pid, sizeof(pid), "%d", static_cast<int>(getpid()));
  const Locked locked(p.mutex);
  return out.FillLocal(p.series, family, pid);
}

}  // namespace

percpud_collection* percpud_collect_begin(percpud_client* p, const char* family, int milliseconds) {
  if (p == nullptr) return nullptr;
  void* const memory = std::malloc(sizeof(percpud_collection));
  if (memory == nullptr) return nullptr;
  auto* const out = new (memory) percpud_collection;
  const std::int64_t end_ns = percpud::c::DeadlineNs(milliseconds);
  const Locked reading(p->reading);
  if (Fill(*p, family, end_ns, *out)) return out;
  percpud_collection_end(out);
  return nullptr;
}

size_t percpud_collection_size(const percpud_collection* collection) {
  return collection == nullptr ? 0 : collection->families().size();
}

const percpud_family_view* percpud_collection_family(const percpud_collection* collection,
                                                     size_t index) {
  if (index >= percpud_collection_size(collection)) return nullptr;
  return &collection->families()[index];
}

int percpud_collection_is_fresh(const percpud_collection* collection) {
  return collection != nullptr && collection->is_fresh ? 1 : 0;
}

void percpud_collection_end(percpud_collection* collection) {
  if (collection == nullptr) return;
  collection->~percpud_collection();
  std::free(collection);
}

int percpud_collect(percpud_client* p, int milliseconds, percpud_collect_fn collect,
                    void* context) {
  if (collect == nullptr) return -1;
  percpud_collection* const all = percpud_collect_begin(p, nullptr, milliseconds);
  if (all == nullptr) return -1;
  int said = 0;
  for (std::size_t i = 0; said == 0 && i < percpud_collection_size(all); ++i) {
    const percpud_family_view* const family = percpud_collection_family(all, i);
    said = collect(context, family, nullptr);
    for (std::size_t n = 0; said == 0 && n < family->series_count; ++n) {
      said = collect(context, family, &family->series[n]);
    }
  }
  percpud_collection_end(all);
  return said;
}

char* percpud_render(percpud_client* p, percpud_format format, int milliseconds, size_t* size) {
  if (p == nullptr || (format != PERCPUD_TEXT && format != PERCPUD_OPENMETRICS)) return nullptr;
  const std::int64_t end_ns = percpud::c::DeadlineNs(milliseconds);
  const Locked locked(p->reading);
  Reader* const reader = ReaderOf(*p);
  if (reader == nullptr || !Refresh(*p, *reader, end_ns)) return nullptr;
  const percpud::c::RenderOptions options{.format = format == PERCPUD_TEXT ? Format::kText
                                                                           : Format::kOpenMetrics};
  percpud::exposition::Text text;
  percpud::c::Render(reader->snapshot(), *reader->arena(), options, text);
  percpud::exposition::Writer(text, options.format).End();
  const std::size_t bytes = text.size();
  text.Append('\0');
  if (!text.ok()) return nullptr;
  if (size != nullptr) *size = bytes;
  return text.Release();
}

void percpud_free(char* text) { std::free(text); }

size_t percpud_reason(percpud_client* p, char* to, size_t room) {
  if (p == nullptr) return 0;
  const Locked locked(p->mutex);
  const std::size_t size = std::strlen(p->reason.data());
  if (to == nullptr || room == 0) return size;
  const std::size_t copied = std::min(size, room - 1);
  std::memcpy(to, p->reason.data(), copied);
  to[copied] = '\0';
  return size;
}
