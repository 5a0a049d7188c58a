// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_HANDOFF_STRAYS_H_
#define PERCPUD_SERVER_HANDOFF_STRAYS_H_

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <vector>

#include "server/base/unique_fd.h"

namespace percpud {

// Room for every descriptor that may come with one message (the kernel's SCM_MAX_FD). The
// kernel closes those without a place on the thread that receives, and closing one may
// take as long as its maker likes.
inline constexpr std::size_t kMostStrays = 253;
using StrayRoom = std::array<std::byte, CMSG_SPACE(kMostStrays * sizeof(int))>;

// Takes the descriptors that came with a message over into `strays`, for the caller to
// close elsewhere.
void TakeStrays(msghdr& message, std::vector<UniqueFd>& strays);

}  // namespace percpud

#endif  // PERCPUD_SERVER_HANDOFF_STRAYS_H_
