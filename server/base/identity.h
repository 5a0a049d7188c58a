// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Who somebody is: identities that the catalog keeps and the sessions use.

#ifndef PERCPUD_SERVER_BASE_IDENTITY_H_
#define PERCPUD_SERVER_BASE_IDENTITY_H_

#include <array>
#include <cstdint>

#include "server/base/units.h"

namespace percpud {

using SessionId = Id<struct SessionIdTag, std::uint64_t>;
// Callers without a session, and what belongs to none.
inline constexpr SessionId kNoSession{0};

using ProcessId = Id<struct ProcessIdTag, std::uint32_t>;
using UserId = Id<struct UserIdTag, std::uint32_t>;
using UserGroupId = Id<struct UserGroupIdTag, std::uint32_t>;

// The kernel's own "no such user".
inline constexpr UserId kNobody{0xffffffff};

// Metrics have numbers that are given once.
using NamespaceId = Id<struct NamespaceIdTag, std::uint64_t>;
using FamilyId = Id<struct FamilyIdTag, std::uint64_t>;
using SeriesId = Id<struct SeriesIdTag, std::uint64_t>;
using WriterId = Id<struct WriterIdTag, std::uint64_t>;

// 128 random bits. A caller that shows them speaks for the session.
using Token = std::array<std::uint8_t, 16>;

// The number by which a client makes one of its requests again, within one session. 0:
// the request is not made again.
using RequestId = Id<struct RequestIdTag, std::uint64_t>;
inline constexpr RequestId kNoRequest{0};

}  // namespace percpud

#endif  // PERCPUD_SERVER_BASE_IDENTITY_H_
