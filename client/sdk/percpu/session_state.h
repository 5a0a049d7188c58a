// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_SESSION_STATE_H_
#define PERCPUD_CLIENT_SDK_PERCPU_SESSION_STATE_H_

namespace percpu {

// What has become of a session while its daemon was away.
enum class SessionState {
  kConnected,
  // No daemon answers. The session is taken up again when one does. Meanwhile the process
  // goes on counting in what it has mapped, and calls wait until their deadline.
  kWaiting,
  // The daemon has ended the session, or has another arena. Its areas and leases
  // are gone; calls, counts and heaps are refused. Open another session.
  kLost,
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_SESSION_STATE_H_
