// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_SUPPORT_SEND_FDS_H_
#define PERCPUD_TESTS_SUPPORT_SEND_FDS_H_

#include <sys/socket.h>

#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <vector>

namespace percpud::testing {

// Sends `data` with copies of `fds`; false if the peer has hung up.
inline bool SendWithFds(int socket, const std::string& data, std::span<const int> fds) {
  // A vector's memory is aligned for a header.
  std::vector<std::byte> control(CMSG_SPACE(fds.size_bytes()));
  std::string copy = data;
  iovec part{.iov_base = copy.data(), .iov_len = copy.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* const rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(fds.size_bytes());
  std::memcpy(CMSG_DATA(rights), fds.data(), fds.size_bytes());
  return sendmsg(socket, &message, MSG_NOSIGNAL) >= 0;
}

}  // namespace percpud::testing

#endif  // PERCPUD_TESTS_SUPPORT_SEND_FDS_H_
