// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/exporter/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <climits>
#include <cstddef>

namespace percpud::exporter {
namespace {

// With gzip's header, and the largest window.
constexpr int kWindowBits = 15 + 16;
// Expositions repeat themselves: more effort gains little.
constexpr int kLevel = 1;
constexpr int kMemoryLevel = 8;

struct Stream {
  z_stream z{};
  bool ok = false;

  Stream() {
    ok =
        deflateInit2(&z, kLevel, Z_DEFLATED, kWindowBits, kMemoryLevel, Z_DEFAULT_STRATEGY) == Z_OK;
  }
  ~Stream() {
    if (ok) deflateEnd(&z);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
};

}  // namespace

bool Gzip(std::string_view text, exposition::Text& out) {
  Stream stream;
  if (!stream.ok || text.size() > UINT_MAX) return false;
  const uLong bound = deflateBound(&stream.z, text.size());
  char* const room = out.Room(bound);
  if (room == nullptr || bound > UINT_MAX) return false;
  // zlib does not write to its input.
  stream.z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.z.avail_in = static_cast<uInt>(text.size());
  stream.z.next_out = reinterpret_cast<Bytef*>(room);
  stream.z.avail_out = static_cast<uInt>(bound);
  if (deflate(&stream.z, Z_FINISH) != Z_STREAM_END) return false;
  out.Commit(stream.z.total_out);
  return true;
}

}  // namespace percpud::exporter
