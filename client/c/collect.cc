// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What percpud.h has for reading a namespace.

#include <time.h>

#include <cstdlib>
#include <cstring>

#include "client/c/client.h"
#include "client/c/reader.h"
#include "client/c/render.h"

namespace {

using percpud::c::Locked;
using percpud::c::Reader;
using percpud::exposition::Format;

std::int64_t DeadlineNs(int milliseconds) {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec +
         std::int64_t{milliseconds} * 1'000'000;
}

// The client's reader, made at its first use; null if memory is short.
Reader* ReaderOf(percpud_client& p) {
  if (p.metrics_reader == nullptr) {
    void* const memory = std::malloc(sizeof(Reader));
    if (memory == nullptr) return nullptr;
    p.metrics_reader = new (memory) Reader(p.address, p.name_space == nullptr ? "" : p.name_space);
  }
  return p.metrics_reader;
}

}  // namespace

char* percpud_render(percpud_client* p, percpud_format format, int milliseconds, size_t* size) {
  if (p == nullptr || (format != PERCPUD_TEXT && format != PERCPUD_OPENMETRICS)) return nullptr;
  const Locked locked(p->reading);
  Reader* const reader = ReaderOf(*p);
  if (reader == nullptr || !reader->Refresh(DeadlineNs(milliseconds))) return nullptr;
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
