// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Every limit a client, a configuration or a flag can run into. The kernel's
// own constants are named where they are followed.

#ifndef PERCPUD_SERVER_BASE_LIMITS_H_
#define PERCPUD_SERVER_BASE_LIMITS_H_

#include <cstddef>
#include <cstdint>

#include "server/base/units.h"

namespace percpud {

// --- Areas -----------------------------------------------------------------
inline constexpr Bytes kMinAlign{4};
inline constexpr Bytes kDefaultAlign{8};
inline constexpr Bytes kMaxAlign{4096};
inline constexpr std::size_t kMaxTagLength = 128;
// Each variable takes one. This is twice the most variables: the rest is for others.
inline constexpr std::size_t kMaxTags = 1 << 21;

// --- Geometry (kernel: PCPU_MIN_UNIT_SIZE, PERCPU_DYNAMIC_EARLY_SIZE) --------
// A line of the cache, and half of what areas are aligned to at most.
inline constexpr Bytes kMinSkew{64};
inline constexpr Bytes kMaxSkew{2048};
inline constexpr Bytes kMinUnitSize{32 << 10};
inline constexpr Bytes kMaxUnitSize{1 << 30};
inline constexpr Bytes kMinDynamicSize{12 << 10};
inline constexpr std::uint32_t kMaxCpus = 4096;
inline constexpr Bytes kMaxArenaSize{std::uint64_t{1} << 46};
inline constexpr Bytes kHugePageSize{2 << 20};

// --- Balancer (kernel: PCPU_EMPTY_POP_PAGES_LOW and _HIGH) -------------------
inline constexpr std::uint32_t kEmptyPagesLow = 2;
inline constexpr std::uint32_t kEmptyPagesHigh = 4;

// --- Wire --------------------------------------------------------------------
inline constexpr std::uint32_t kDefaultBatch = 4096;
inline constexpr std::uint32_t kMaxBatch = 65536;
inline constexpr Bytes kDefaultTransfer{1 << 20};
inline constexpr Bytes kDefaultMessage{4 << 20};
inline constexpr std::uint32_t kDefaultWatchers = 64;
// What one peer may have under way: one user of this host over all connections, or one
// other host.
inline constexpr std::uint32_t kMaxCallsPerPeer = 1024;
// Bytes of answers that are built and not read yet, of one peer and of all. A call beyond
// either waits, unless its peer holds nothing.
inline constexpr Bytes kMaxUnreadPerPeer{16 << 20};
inline constexpr Bytes kMaxUnread{48 << 20};
// Calls and streams of one connection at a time.
inline constexpr std::uint32_t kMaxCallsPerConnection = 256;
// The part of all streams that one peer may have open.
inline constexpr std::uint32_t kStreamsPerPeerShare = 4;
// Names and values of all headers of one call.
inline constexpr Bytes kMaxHeaders{8 << 10};
inline constexpr std::uint32_t kDefaultListPage = 100;
inline constexpr std::uint32_t kMaxListPage = 1000;
inline constexpr std::uint32_t kMaxMapCells = 256;
inline constexpr std::size_t kMaxNameLength = 128;

// --- Metrics -----------------------------------------------------------------
inline constexpr std::size_t kMaxNamespaceLength = 255;
inline constexpr std::size_t kMaxFamilyName = 200;
inline constexpr std::size_t kMaxHelp = 1024;
inline constexpr std::size_t kMaxUnit = 64;
inline constexpr std::size_t kMaxLabels = 32;
inline constexpr std::size_t kMaxLabelName = 128;
inline constexpr std::size_t kMaxLabelValue = 2048;
// The values of one series together.
inline constexpr std::size_t kMaxLabelValues = 4096;
inline constexpr std::size_t kMaxWriterLabel = 128;
// Over all namespaces.
inline constexpr std::size_t kMaxWritersPerSession = 1024;
// Dead writers that a series shows one by one; the oldest give way.
inline constexpr std::size_t kMaxDeadOfSeries = 1024;
inline constexpr std::uint32_t kMaxNamespaces = 4096;
inline constexpr std::uint32_t kDefaultNamespacesPerUser = 256;
inline constexpr std::uint32_t kDefaultFamiliesPerNamespace = 4096;
inline constexpr std::uint32_t kDefaultSeriesPerNamespace = 262144;
inline constexpr std::uint32_t kDefaultSeriesPerFamily = 10000;
inline constexpr std::uint32_t kMaxSeriesPerFamily = 1 << 20;
// Series of one opening.
inline constexpr std::size_t kMaxOpening = 1024;

// --- Sessions ----------------------------------------------------------------
inline constexpr std::size_t kMaxVariables = 1 << 20;
inline constexpr std::size_t kMaxCommandLength = 64;

}  // namespace percpud

#endif  // PERCPUD_SERVER_BASE_LIMITS_H_
