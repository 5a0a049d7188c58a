// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_FLEET_DOOR_H_
#define PERCPUD_SERVER_FLEET_DOOR_H_

#include <grpcpp/server.h>

#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/fd_numbers.h"
#include "server/base/unique_fd.h"
#include "server/base/unix_socket.h"
#include "server/fleet/guests.h"

namespace percpud::fleet {

// gRPC services on a Unix socket that is ours to guard and to give a mode to. No user has all of
// it (guests.h).
class Door {
 public:
  // The services outlive it, and are of callbacks if strangers may come: a thread that waits until
  // an answer was read is everybody's. `is_busy` may be asked from another thread. Errors:
  // AddressInUse if another agent serves the path, otherwise what the system said.
  static absl::StatusOr<std::unique_ptr<Door>> Open(const std::string& path, unsigned mode,
                                                    const std::vector<grpc::Service*>& services,
                                                    Guests::IsBusy is_busy);
  // Calls under way are ended.
  ~Door();
  Door(const Door&) = delete;
  Door& operator=(const Door&) = delete;

 private:
  Door(std::unique_ptr<UnixSocket> socket, std::unique_ptr<grpc::Server> server, UniqueFd wake,
       Guests::IsBusy is_busy);
  void Run();
  void Accept();

  const std::unique_ptr<UnixSocket> socket_;
  const std::unique_ptr<grpc::Server> server_;
  // Readable once the door closes.
  const UniqueFd wake_;
  // For connections that gRPC has: calls are counted by them.
  FdNumbers numbers_;
  // For the thread.
  Guests guests_;
  std::thread thread_;
};

}  // namespace percpud::fleet

#endif  // PERCPUD_SERVER_FLEET_DOOR_H_
