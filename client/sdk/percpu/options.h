// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_CLIENT_SDK_PERCPU_OPTIONS_H_
#define PERCPUD_CLIENT_SDK_PERCPU_OPTIONS_H_

#include <string>

#include "absl/time/time.h"

namespace percpu {

// When a call that got no answer (UNAVAILABLE) is made again. A lost answer does not tell
// whether the call was made.
//   Ping, Read, Sum, introspection: they may run twice without harm, so they are made
//     again, at most max_retries times.
//   Calls that grant, free and name, in a Session: they bear numbers, and the daemon
//     answers a number that it has served as it did before. So they are made again until
//     their deadline.
//   Add, Write, and everything else: never.
// Waiting is not a retry: in a session, a call that was not sent because the daemon is
// away waits for the daemon until its deadline.
struct RetryPolicy {
  // Attempts after the first. 0: no call is made again.
  int max_retries = 3;
  // The pause before the first retry. It doubles before each further one, up to
  // max_backoff. gRPC waits at least 100 ms before it reconnects, so a shorter pause
  // gains nothing.
  absl::Duration initial_backoff = absl::Milliseconds(100);
  absl::Duration max_backoff = absl::Seconds(1);
};

// What "tls:HOST:PORT" is called with: paths of PEM files. They are read when the client is
// made. What is left empty is taken from the environment: PERCPUD_CA_FILE,
// PERCPUD_CERT_FILE, PERCPUD_KEY_FILE and PERCPUD_SERVER_NAME.
struct TlsOptions {
  // Who may vouch for the gateway.
  std::string ca_file;
  // The client's own certificate, which says who it is, and its key. Without them the client
  // is nobody. A key that every user of the host may read is refused.
  std::string cert_file;
  std::string key_file;
  // The name that the gateway's certificate has to have, if it is not the address's host.
  std::string server_name;
};

// How calls are made.
struct CallOptions {
  // The time for one call, with its waiting and its retries.
  absl::Duration deadline = absl::Seconds(5);
  RetryPolicy retry;
  TlsOptions tls;
};

}  // namespace percpu

#endif  // PERCPUD_CLIENT_SDK_PERCPU_OPTIONS_H_
