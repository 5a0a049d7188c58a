// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/main/daemon.h"

#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/arena/arena.h"
#include "server/base/clock.h"
#include "server/base/errors.h"
#include "server/base/status_macros.h"
#include "server/base/tcp_socket.h"
#include "server/handoff/closer.h"
#include "server/handoff/door.h"
#include "server/handoff/lane.h"
#include "server/handoff/layout_writer.h"
#include "server/main/arena_store.h"
#include "server/main/balancer_thread.h"
#include "server/main/daemon_layout.h"
#include "server/main/fd_store.h"
#include "server/main/gateway_keeper.h"
#include "server/main/hang_guard.h"
#include "server/main/listener.h"
#include "server/main/reaper_thread.h"
#include "server/main/startup_log.h"
#include "server/percpu/allocator/updater.h"
#include "server/percpu/introspect/inspector.h"
#include "server/percpu/layout/cpu_units.h"
#include "server/rseq/pair.h"
#include "server/service/callers.h"
#include "server/service/rpc_server.h"
#include "server/session/calls.h"
#include "server/session/recovery.h"

namespace percpud {
namespace {

constexpr absl::Duration kGrace = absl::Seconds(5);
// gRPC starts within milliseconds, unless it waits for a thread that the system refused.
constexpr absl::Duration kPatienceWithGrpc = absl::Seconds(10);

// What becomes of chunks is logged, and recorded where there is a catalog.
std::function<void(const ChunkEvent&)> OnChunk(catalog::Catalog* catalog) {
  std::function<void(const ChunkEvent&)> record;
  if (catalog != nullptr) record = ChunkRecorder(*catalog);
  return [record](const ChunkEvent& event) {
    spdlog::debug("chunk {} is {}", event.id.value(), event.destroyed ? "destroyed" : "made");
    if (record) record(event);
  };
}

// A client of such a socket would wait for ever.
void WarnOfUnserved(const DaemonConfig& config) {
  for (const std::string& path : PassedSocketPaths()) {
    const bool served =
        path == config.door || path == config.gateway ||
        std::count(config.listen.begin(), config.listen.end(), absl::StrCat("unix:", path)) > 0;
    if (served) continue;
    spdlog::warn("systemd listens at {}, which neither listen nor door names: nobody answers",
                 path);
  }
}

// What clients connect to, and then the gateway's own socket.
std::vector<Listener::Address> UnixAddresses(const DaemonConfig& config) {
  constexpr unsigned kGatewayMode = 0600;
  std::vector<Listener::Address> out;
  for (const std::string& address : config.listen) {
    if (IsUnixAddress(address)) out.push_back({.name = address, .mode = config.socket_mode});
  }
  if (!config.gateway.empty()) {
    out.push_back({.name = absl::StrCat("unix:", config.gateway),
                   .mode = kGatewayMode,
                   .origin = Origin::kGateway});
  }
  return out;
}

// What percpud-gateway is told, in its own flags.
std::vector<std::string> TlsFlags(const TlsConfig& tls) {
  std::vector<std::string> out{"--cert-file",
                               tls.cert_file,
                               "--key-file",
                               tls.key_file,
                               "--trusted-ca-file",
                               tls.trusted_ca_file,
                               "--client-cert-auth",
                               tls.client_cert_auth ? "true" : "false",
                               "--check-interval",
                               absl::FormatDuration(tls.check_interval),
                               "--handshakes-per-second",
                               absl::StrCat(tls.handshakes_per_second)};
  if (!tls.crl_dir.empty()) out.insert(out.end(), {"--crl-dir", tls.crl_dir});
  return out;
}

}  // namespace

// In the order of construction, which is the order of the layers; but the
// addresses come first, so that a second daemon leaves without a trace.
struct Daemon::Parts {
  Parts() = default;
  // Door and lane call each other until both have stopped.
  ~Parts() {
    if (door) door->Stop();
    if (lane) lane->Stop(BootTime::InfinitePast());
  }
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;

  absl::Status Bind(const DaemonConfig& config);
  absl::Status Allocate(const DaemonConfig& config);
  absl::Status MakeBooks(const DaemonConfig& config, const AllocInfo& layout);
  absl::Status OpenLane(const DaemonConfig& config);
  absl::Status OpenDoor(const DaemonConfig& config);
  absl::Status Serve(const DaemonConfig& config);
  [[nodiscard]] std::vector<std::string> MissingFiles() const;
  // From here on nothing can fail, and clients are answered.
  void GoLive(const DaemonConfig& config);
  void StartGateway(const DaemonConfig& config);
  [[nodiscard]] bool NeedsGateway() const { return !ports.empty() || !tls_ports.empty(); }

  SystemClock clock;
  std::unique_ptr<Listener> listener;
  std::vector<TcpSocket> ports;
  std::vector<TcpSocket> tls_ports;
  rseq::UpdateMode mode = rseq::UpdateMode::kAtomic;
  std::uint32_t host_cpus = 1;
  std::string config_file;
  std::unique_ptr<ArenaStore> memory;
  std::unique_ptr<Allocator> allocator;
  std::unique_ptr<BalancerThread> balancer;
  PublishedLayout layout_page;
  std::unique_ptr<Updater> updater;
  std::unique_ptr<Sessions> sessions;
  std::unique_ptr<ReaperThread> reaper;
  Closer closer;
  std::unique_ptr<const Calls> calls;
  std::unique_ptr<Lane> lane;
  std::unique_ptr<Door> door;
  std::unique_ptr<Callers> callers;
  std::unique_ptr<RpcServer> rpc;
  // None without a port.
  std::unique_ptr<GatewayKeeper> gateway;
};

absl::Status Daemon::Parts::Bind(const DaemonConfig& config) {
  ASSIGN_OR_RETURN(listener, Listener::Bind(UnixAddresses(config)));
  for (const std::string& address : config.listen) {
    if (IsUnixAddress(address)) continue;
    const std::optional<std::string> tls = TlsAddress(address);
    ASSIGN_OR_RETURN(TcpSocket port, BindTcp(tls.value_or(address)));
    (tls ? tls_ports : ports).push_back(std::move(port));
  }
  return NeedsGateway() ? GatewayKeeper::CheckProgram() : absl::OkStatus();
}

absl::Status Daemon::Parts::Allocate(const DaemonConfig& config) {
  ASSIGN_OR_RETURN(const DaemonLayout layout, LayOut(config));
  mode = layout.mode;
  host_cpus = layout.cpus.count;
  if (!layout.cpus.agree) {
    spdlog::warn("{}: the largest is believed, and updates are atomic", layout.cpus.sightings);
  }
  ASSIGN_OR_RETURN(memory, ArenaStore::Open(config, layout.text));
  if (memory->remembered()) {
    absl::Status status = MakeBooks(config, *layout.info);
    if (!status.ok() && !absl::IsDataLoss(status)) return status;
    if (!status.ok()) {
      // The records are sound by themselves, and contradict each other.
      sessions.reset();
      allocator.reset();
      RETURN_IF_ERROR(memory->TurnCold(std::string(status.message())));
    }
  }
  if (!memory->remembered()) RETURN_IF_ERROR(MakeBooks(config, *layout.info));
  RETURN_IF_ERROR(memory->Begin());
  LogLayout(*allocator);
  return absl::OkStatus();
}

// Allocator and sessions over the memory: as they were, or empty.
absl::Status Daemon::Parts::MakeBooks(const DaemonConfig& config, const AllocInfo& layout) {
  sessions.reset();
  allocator.reset();
  auto info = std::make_unique<const AllocInfo>(layout);
  ASSIGN_OR_RETURN(std::unique_ptr<Backend> backend,
                   MakeCheckedBackend(config, *info, memory->arena()));
  RETURN_IF_ERROR(memory->Prepare(FirstChunkSize(config, *backend)));
  Allocator::Options options;
  options.balance = config.balance;
  options.clock = &clock;
  options.on_chunk = OnChunk(memory->catalog());
  const auto& remembered = memory->remembered();
  auto made = remembered
                  ? Allocator::Restore(std::move(info), config.statics, std::move(backend),
                                       memory->arena(), std::move(options), remembered->state)
                  : Allocator::Create(std::move(info), config.statics, std::move(backend),
                                      memory->arena(), std::move(options));
  if (!made.ok()) return made.status();
  allocator = *std::move(made);
  Sessions::Options session_options = config.sessions;
  session_options.clock = &clock;
  session_options.catalog = memory->catalog();
  sessions = std::make_unique<Sessions>(*allocator, std::move(session_options));
  if (!remembered) return absl::OkStatus();
  const absl::Status sound = Inspector(*allocator).CheckInvariants();
  if (!sound.ok()) return errors::NotRestorable("the allocator", sound.message());
  return sessions->Restore(*remembered);
}

// Door and lane know each other: the lane says whose connection is over, and the door,
// which ends the session, whose is to be closed.
absl::Status Daemon::Parts::OpenLane(const DaemonConfig& config) {
  calls = std::make_unique<const Calls>(*allocator, *sessions, *updater,
                                        Calls::Limits{.batch = config.limits.batch});
  auto created =
      Lane::Create(*calls, {.gone = [this](SessionId session) { door->HangUp(session); },
                            .close = [this](UniqueFd fd) { closer.Close(std::move(fd)); }});
  if (!created.ok()) return created.status();
  lane = *std::move(created);
  return absl::OkStatus();
}

absl::Status Daemon::Parts::OpenDoor(const DaemonConfig& config) {
  const CpuUnits cpus = PlaceCpus(allocator->info(), host_cpus);
  const abi::v1::PairCommit pairs = rseq::ChoosePairCommit(mode);
  LayoutFacts facts{.arena_id = memory->id(),
                    .arena_size = config.arena_size,
                    .page_size = config.page_size,
                    .update_mode = mode,
                    .pair_commit = pairs,
                    .epoch = memory->epoch()};
  ASSIGN_OR_RETURN(layout_page,
                   PublishedLayout::Publish(EncodeLayout(allocator->info(), cpus, facts)));
  sessions->metrics().ShowRevisionAt(layout_page.revision());
  updater = std::make_unique<Updater>(allocator->info(), cpus, mode, host_cpus);
  callers =
      std::make_unique<Callers>(*sessions, config.access, config.certificates, config.exports);
  if (config.door.empty()) return absl::OkStatus();
  if (absl::Status status = OpenLane(config); !status.ok()) return status;
  const bool unlocked = mode == rseq::UpdateMode::kRseq;
  auto opened =
      Door::Bind(*sessions, {.path = config.door,
                             .mode = config.socket_mode,
                             .passed = TakePassedSocket(config.door, SOCK_SEQPACKET),
                             .rules = config.access,
                             .needed_abilities = unlocked ? abi::v1::kCanRseq : abi::v1::kCanAtomic,
                             .arena_fd = memory->arena().fd(),
                             .layout_fd = layout_page.fd(),
                             .clock = &clock,
                             .closer = &closer,
                             .lane = lane.get()});
  if (!opened.ok()) return opened.status();
  door = *std::move(opened);
  sessions->set_ended([to = door.get()](SessionId session) {
    spdlog::debug("session {} has ended", session.value());
    to->HangUp(session);
  });
  spdlog::info("side door at {}, updates by {}, count and sum of an observation by {}",
               door->path(), unlocked ? "rseq" : "atomics",
               pairs == abi::v1::PairCommit::kOneStore ? "one store" : "two updates");
  return absl::OkStatus();
}

absl::Status Daemon::Parts::Serve(const DaemonConfig& config) {
  const HangGuard guard(
      "percpud cannot start: gRPC hangs, for want of a thread; raise TasksMax= of the unit, "
      "pids.max or `ulimit -u`\n",
      kPatienceWithGrpc);
  config_file = config.config_file;
  RpcServer::Options options{.limits = config.limits, .message_limit = config.message_limit};
  options.missing_files = [this] { return MissingFiles(); };
  ASSIGN_OR_RETURN(rpc, RpcServer::Start(*allocator, *sessions, *updater, *callers, options));
  return absl::OkStatus();
}

// Another configuration at the same path is what a reload is for.
std::vector<std::string> Daemon::Parts::MissingFiles() const {
  std::vector<std::string> out = memory->MissingFiles();
  struct stat info {};
  if (!config_file.empty() && stat(config_file.c_str(), &info) != 0 && errno == ENOENT) {
    out.push_back(absl::StrCat("configuration ", config_file));
  }
  return out;
}

void Daemon::Parts::GoLive(const DaemonConfig& config) {
  balancer = std::make_unique<BalancerThread>(*allocator);
  reaper = std::make_unique<ReaperThread>(*sessions);
  if (lane) lane->Start();
  if (door) door->Start();
  // Connections made since the sockets were bound have waited until now.
  listener->Start([this](int fd, Origin origin) { rpc->Serve(fd, origin); });
  for (const std::string& address : listener->addresses()) spdlog::info("serving on {}", address);
  if (NeedsGateway()) StartGateway(config);
}

void Daemon::Parts::StartGateway(const DaemonConfig& config) {
  GatewayKeeper::Options options{
      .listeners = {},
      .tls_listeners = {},
      .tls_flags = {},
      .message_limit = config.message_limit,
      .connected = [this](UniqueFd fd) { rpc->Serve(fd.release(), Origin::kGateway); }};
  for (const TcpSocket& port : ports) {
    options.listeners.push_back(port.fd.get());
    spdlog::info("serving on {}", port.address);
  }
  for (const TcpSocket& port : tls_ports) {
    options.tls_listeners.push_back(port.fd.get());
    spdlog::info("serving on tls:{}", port.address);
  }
  if (!tls_ports.empty()) options.tls_flags = TlsFlags(config.tls);
  gateway = std::make_unique<GatewayKeeper>(std::move(options));
}

absl::Status Daemon::Check(const DaemonConfig& config) {
  const absl::StatusOr<DaemonLayout> layout = LayOut(config);
  if (!layout.ok()) return layout.status();
  if (absl::Status status = ArenaStore::CheckSystem(config); !status.ok()) return status;
  const auto arena = Arena::Create({.size = config.arena_size, .page_size = config.page_size});
  if (!arena.ok()) return arena.status();
  return MakeCheckedBackend(config, *layout->info, **arena).status();
}

absl::StatusOr<std::unique_ptr<Daemon>> Daemon::Start(const DaemonConfig& config) {
  auto parts = std::make_unique<Parts>();
  WarnOfUnserved(config);
  RETURN_IF_ERROR(parts->Bind(config));
  RETURN_IF_ERROR(parts->Allocate(config));
  RETURN_IF_ERROR(parts->OpenDoor(config));
  RETURN_IF_ERROR(parts->Serve(config));
  // Takes down what there is by now if the last step fails.
  std::unique_ptr<Daemon> daemon(new Daemon(std::move(parts)));
  RETURN_IF_ERROR(daemon->parts_->memory->Settle());
  spdlog::info("start is {}", daemon->parts_->memory->verdict());
  daemon->parts_->GoLive(config);
  return daemon;
}

Daemon::Daemon(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

void Daemon::Change(const DaemonConfig& config) {
  parts_->sessions->SetLimits(config.sessions.limits);
  parts_->sessions->metrics().SetLimits(config.sessions.metric_limits);
  parts_->callers->SetRules(config.access, config.certificates, config.exports);
  if (parts_->door) parts_->door->SetRules(config.access);
}

void Daemon::ReadCertificates() {
  if (parts_->gateway) parts_->gateway->ReadCertificates();
}

std::vector<std::string> Daemon::MissingFiles() const { return parts_->MissingFiles(); }

std::vector<Watchdog::Thread> Daemon::threads() const {
  std::vector<Watchdog::Thread> out;
  const auto add = [&out](const char* name, auto& watched) {
    out.push_back(
        {.name = name, .pulse = &watched.pulse(), .nudge = [&watched] { watched.Nudge(); }});
  };
  add("listener", *parts_->listener);
  if (parts_->door) add("door", *parts_->door);
  if (parts_->lane) add("lane", *parts_->lane);
  if (parts_->lane) add("lane-slow", parts_->lane->slow_lane());
  if (parts_->door) add("door-ends", parts_->door->slow_lane());
  add("hot-lane", parts_->rpc->lane());
  add("slow-lane", parts_->rpc->lane().slow_lane());
  add("balancer", *parts_->balancer);
  add("reaper", *parts_->reaper);
  return out;
}

Daemon::~Daemon() {
  const BootTime deadline = NowSinceBoot() + kGrace;
  parts_->listener->Stop();
  if (parts_->gateway) parts_->gateway->Drain();
  if (parts_->door) parts_->door->Stop();
  if (parts_->lane) parts_->lane->Stop(deadline);
  parts_->rpc->Drain(deadline);
}

}  // namespace percpud
