// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_SERVER_FLEET_AGENT_H_
#define PERCPUD_SERVER_FLEET_AGENT_H_

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/clock.h"
#include "server/base/path_lock.h"
#include "server/base/ranked_mutex.h"
#include "server/fleet/deadlines.h"
#include "server/fleet/directory.h"
#include "server/fleet/door.h"
#include "server/fleet/endpoints.h"
#include "server/fleet/file_sd.h"
#include "server/fleet/flags.h"
#include "server/fleet/follower.h"
#include "server/fleet/grpc_etcd.h"
#include "server/fleet/host_channels.h"
#include "server/fleet/local_percpud.h"
#include "server/fleet/reading_service.h"
#include "server/fleet/registration.h"
#include "server/fleet/service.h"
#include "server/fleet/unread_answers.h"

namespace percpud::fleet {

// percpud-fleet: its parts, and the three threads that keep them going. Calls are served by
// gRPC's.
class Agent {
 public:
  // Serves from its return on, whether etcd and percpud answer or not. Errors: what the system
  // said, and which flag is wrong.
  static absl::StatusOr<std::unique_ptr<Agent>> Start(const Flags& flags);
  ~Agent();
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  // What is to be done again and again, ten times a second: graces, files, certificates, log.
  void Tick();
  // Says that this host leaves, before the end.
  void Leave() { leaves_ = true; }

 private:
  // What the log was told last of a problem.
  struct Said {
    std::string text;
    BootTime at;
  };

  Agent(const Flags& flags, PathLock lock, v1::HostRecord record,
        std::unique_ptr<Endpoints> endpoints);
  static absl::StatusOr<v1::HostRecord> MakeRecord(const Flags& flags);
  void Restore();
  absl::Status OpenDoors();

  void KeepRegistered();
  void WatchPercpud();
  // Puts what percpud says of itself into the record.
  void Describe(const LocalPercpud::State& percpud);
  [[nodiscard]] v1::GetStatusResponse Status() const;
  // Writes the view, and the targets. False if something could not be written.
  bool Store(const v1::View& view);
  // What the log is told of a change.
  void ShowChanges(const v1::View& view);
  void SayProblem(const std::string& what, const absl::Status& problem, Said& said);

  const Flags flags_;
  const PathLock lock_;
  const SystemClock clock_;
  const BootTime started_at_ = clock_.Now();
  const std::unique_ptr<Endpoints> endpoints_;
  Deadlines deadlines_{clock_};
  GrpcEtcd etcd_{*endpoints_, deadlines_};
  const Keys keys_{flags_.fleet};
  Registration registration_;
  Directory directory_;
  Follower follower_;
  LocalPercpud percpud_;
  HostChannels channels_;
  std::optional<FileSd> file_sd_;

  mutable RankedMutex mutex_{LockRank::kLifecycle};
  v1::HostRecord record_ ABSL_GUARDED_BY(mutex_);
  bool serving_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::atomic<bool> leaves_{false};

  // For the thread that ticks.
  v1::View shown_;
  std::uint64_t shown_version_ = 0;
  // The files have that version, or are to be written again.
  bool is_stored_ = false;
  BootTime store_at_ = BootTime::InfinitePast();
  BootTime reload_at_ = BootTime::InfinitePast();
  Said said_etcd_;
  Said said_record_;
  Said said_files_;
  Said said_peer_files_;
  Said said_store_;

  UnreadAnswers unread_;
  FleetServiceImpl service_;
  // Nobody waits for calls to other hosts once the agent ends.
  Deadlines sum_deadlines_{clock_};
  FleetSums sums_;
  FleetReadingServiceImpl reading_{sums_, unread_};
  FleetAdminServiceImpl admin_;
  std::unique_ptr<Door> door_;
  std::unique_ptr<Door> admin_door_;
  std::thread registering_;
  std::thread following_;
  std::thread watching_;
};

}  // namespace percpud::fleet

#endif  // PERCPUD_SERVER_FLEET_AGENT_H_
