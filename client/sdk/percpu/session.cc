// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/session.h"

#include <atomic>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "percpu/internal/door/admission.h"
#include "percpu/internal/door/arena_map.h"
#include "percpu/internal/door/door_watch.h"
#include "percpu/internal/fork.h"
#include "percpu/internal/lease/leases.h"
#include "percpu/internal/wire/token_source.h"
#include "server/base/status_macros.h"
#include "server/rseq/self_test.h"

namespace percpu {
namespace {

std::uint32_t Abilities() {
  using percpud::abi::v1::kCanAtomic;
  using percpud::abi::v1::kCanRseq;
  return percpud::rseq::RseqWorks() ? kCanRseq | kCanAtomic : kCanAtomic;
}

// Updates that a thread cannot make itself, made by the daemon. Of them it
// knows addition only.
class RpcFallback final : public Fallback {
 public:
  void set_client(Client* client) { client_ = client; }

  bool Add(Pointer pointer, Width width, std::uint64_t delta) override {
    const std::int64_t signed_delta =
        width == Width::k64 ? static_cast<std::int64_t>(delta) : static_cast<std::int32_t>(delta);
    return client_->Add(pointer, signed_delta, std::nullopt, width).ok();
  }
  bool Store(Pointer /*pointer*/, Width /*width*/, std::uint64_t /*value*/) override {
    return false;
  }
  std::optional<std::uint64_t> Load(Pointer /*pointer*/, Width /*width*/) override {
    return std::nullopt;
  }
  std::optional<std::uint64_t> Exchange(Pointer /*pointer*/, Width /*width*/,
                                        std::uint64_t /*value*/) override {
    return std::nullopt;
  }
  std::optional<std::uint64_t> CompareExchange(Pointer /*pointer*/, Width /*width*/,
                                               std::uint64_t /*expected*/,
                                               std::uint64_t /*desired*/) override {
    return std::nullopt;
  }

 private:
  Client* client_ = nullptr;
};

absl::Status NotWritable() {
  return absl::FailedPreconditionError(
      "lease: this process does not map the arena for writing (Session::update_mode)");
}

}  // namespace

class Session::Impl final : public TokenSource {
 public:
  Impl(std::string address, const SessionOptions& options)
      : address_(std::move(address)),
        options_(options),
        connection_(MakeSessionConnection(address_, options.calls, *this)),
        client_(connection_) {
    fallback_.set_client(&client_);
  }
  ~Impl() override {
    Epoch* const epoch = epoch_.load();
    // Before what it calls goes; in a child the parent's is left alone.
    epoch->watch.reset();
    delete epoch;
  }

  // Admits the process and maps what it is given.
  absl::Status Start() {
    Epoch& epoch = Current();
    absl::MutexLock lock(&epoch.mu);
    if (absl::Status status = Admit(epoch, Deadline()); !status.ok()) return status;
    absl::StatusOr<std::unique_ptr<ArenaMap>> map = ArenaMap::Map(
        epoch.admission.arena, epoch.admission.layout, epoch.admission.granted, &fallback_);
    if (!map.ok()) return map.status();
    map_ = *std::move(map);
    chunks_ = std::make_unique<DaemonChunks>(connection_, *map_);
    Watch(epoch);
    return absl::OkStatus();
  }

  SessionState State() {
    Epoch& epoch = Current();
    absl::MutexLock lock(&epoch.mu);
    return epoch.state;
  }

  // Null if this process may not write where it would lease.
  [[nodiscard]] DaemonChunks* chunks() { return map_->writable() ? chunks_.get() : nullptr; }
  [[nodiscard]] NoMoreChunks& no_chunks() { return no_chunks_; }

  absl::StatusOr<std::string> Token(absl::Time deadline) override {
    Epoch& epoch = Current();
    absl::MutexLock lock(&epoch.mu);
    if (absl::Status status = Admit(epoch, deadline); !status.ok()) return status;
    return epoch.admission.token;
  }

  absl::StatusOr<SessionId> Id() {
    Epoch& epoch = Current();
    absl::MutexLock lock(&epoch.mu);
    if (absl::Status status = Admit(epoch, Deadline()); !status.ok()) return status;
    return SessionId{epoch.admission.session};
  }

  absl::StatusOr<Pointer> OpenCounter(std::string_view name) {
    ASSIGN_OR_RETURN(const OpenedVariable opened,
                     connection_->OpenVariable({.name = std::string(name),
                                                .type = VariableType::kCounter,
                                                .size_bytes = sizeof(std::uint64_t),
                                                .create = true}));
    const Pointer pointer = opened.variable.pointer;
    if (!map_->Holds(Value(pointer), sizeof(std::uint64_t))) {
      return absl::DataLossError(
          absl::StrCat("the daemon names ", Value(pointer), ", which no unit of this arena holds"));
    }
    return pointer;
  }

  [[nodiscard]] Client& client() { return client_; }
  [[nodiscard]] const ArenaMap& map() const { return *map_; }

 private:
  // What belongs to one process of the family: a child makes its own.
  struct Epoch {
    explicit Epoch(std::uint64_t made_in) : generation(made_in) {}
    const std::uint64_t generation;
    absl::Mutex mu;
    bool admitted ABSL_GUARDED_BY(mu) = false;
    Admission admission ABSL_GUARDED_BY(mu);
    SessionState state ABSL_GUARDED_BY(mu) = SessionState::kConnected;
    // Made under the lock, and ends without it.
    std::unique_ptr<DoorWatch> watch;
  };

  [[nodiscard]] absl::Time Deadline() const { return absl::Now() + options_.calls.deadline; }

  Epoch& Current() {
    const std::uint64_t generation = ForkGeneration();
    Epoch* epoch = epoch_.load(std::memory_order_acquire);
    while (epoch == nullptr || epoch->generation != generation) {
      auto fresh = std::make_unique<Epoch>(generation);
      if (epoch_.compare_exchange_strong(epoch, fresh.get(), std::memory_order_acq_rel)) {
        // The parent's is left as it was: a thread of the parent may have held
        // its lock. Only its descriptors are closed, which are copies.
        if (epoch != nullptr) CloseInherited(*epoch);
        epoch = fresh.release();
      }
    }
    return *epoch;
  }

  static void CloseInherited(Epoch& epoch) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    epoch.admission.door.reset();
    epoch.admission.arena.reset();
    epoch.admission.layout.reset();
  }

  absl::Status Admit(Epoch& epoch, absl::Time deadline) ABSL_EXCLUSIVE_LOCKS_REQUIRED(epoch.mu) {
    if (epoch.admitted) return absl::OkStatus();
    const MapMode wanted = options_.read_only ? MapMode::kReadOnly : MapMode::kReadWrite;
    absl::StatusOr<Admission> admission = Knock(address_, wanted, Abilities(), deadline);
    if (!admission.ok()) return admission.status();
    epoch.admission = *std::move(admission);
    epoch.admitted = true;
    // A child's; the first one is watched once its arena is mapped.
    if (map_ != nullptr) Watch(epoch);
    return absl::OkStatus();
  }

  void Watch(Epoch& epoch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(epoch.mu) {
    epoch.watch = std::make_unique<DoorWatch>(
        epoch.admission.door.get(), [this, &epoch](int& door) { return ComeBack(epoch, door); });
  }

  // On the watch's thread, while the daemon is away.
  bool ComeBack(Epoch& epoch, int& door) {
    std::string token;
    {
      absl::MutexLock lock(&epoch.mu);
      token = epoch.admission.token;
    }
    Become(epoch, SessionState::kWaiting, absl::UnavailableError("the daemon hung up"));
    const MapMode wanted = options_.read_only ? MapMode::kReadOnly : MapMode::kReadWrite;
    absl::StatusOr<Admission> admission = Knock(address_, wanted, Abilities(), Deadline(), token);
    absl::Status status = admission.status();
    if (status.ok()) status = CheckSameArena(*admission);
    if (absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status)) return false;
    if (!status.ok()) {
      // It ended, here or with the daemon.
      door = -1;
      Become(epoch, SessionState::kLost, status);
      return true;
    }
    {
      absl::MutexLock lock(&epoch.mu);
      epoch.admission = *std::move(admission);
      door = epoch.admission.door.get();
    }
    Become(epoch, SessionState::kConnected, absl::OkStatus());
    return true;
  }

  [[nodiscard]] absl::Status CheckSameArena(const Admission& admission) const {
    absl::StatusOr<std::array<std::uint8_t, 16>> id = ArenaMap::ReadId(admission.layout);
    if (!id.ok()) return id.status();
    if (*id == map_->arena_id()) return absl::OkStatus();
    return absl::NotFoundError("the daemon began anew, with another arena");
  }

  void Become(Epoch& epoch, SessionState state, const absl::Status& why) {
    {
      absl::MutexLock lock(&epoch.mu);
      if (std::exchange(epoch.state, state) == state) return;
    }
    if (options_.on_state) options_.on_state(state, why);
  }

  const std::string address_;
  const SessionOptions options_;
  RpcFallback fallback_;
  const std::shared_ptr<Connection> connection_;
  Client client_;
  std::unique_ptr<ArenaMap> map_;
  std::unique_ptr<DaemonChunks> chunks_;
  NoMoreChunks no_chunks_;
  std::atomic<Epoch*> epoch_ = nullptr;
};

absl::StatusOr<std::unique_ptr<Session>> Session::Open(std::string_view address,
                                                       const SessionOptions& options) {
  ForkGeneration();
  auto impl = std::make_unique<Impl>(std::string(address), options);
  if (absl::Status status = impl->Start(); !status.ok()) return status;
  return std::unique_ptr<Session>(new Session(std::move(impl)));
}

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Session::~Session() = default;

SessionState Session::state() { return impl_->State(); }

Client& Session::client() { return impl_->client(); }

absl::StatusOr<SessionId> Session::id() { return impl_->Id(); }

const Mapping& Session::mapping() const { return impl_->map().mapping(); }

Updates Session::update_mode() const {
  if (!impl_->map().writable() || !mapping().cpus.HasUnits()) return Updates::kRpc;
  return mapping().mode == UpdateMode::kRseq ? Updates::kRseq : Updates::kAtomic;
}

absl::StatusOr<Ref<std::uint64_t>> Session::Counter(std::string_view name) {
  const absl::StatusOr<Pointer> pointer = impl_->OpenCounter(name);
  if (!pointer.ok()) return pointer.status();
  return At<std::uint64_t>(*pointer);
}

absl::StatusOr<std::unique_ptr<LeaseHeap>> Session::NewHeap(const LeaseHeap::Options& options) {
  if (impl_->chunks() == nullptr) return NotWritable();
  return std::make_unique<LeaseHeap>(*impl_->chunks(), options);
}

absl::StatusOr<Session::KeptHeap> Session::OpenKeptHeap(std::string_view name) {
  if (impl_->chunks() == nullptr) return NotWritable();
  if (name.empty()) return absl::InvalidArgumentError("name: a kept heap needs one");
  const absl::StatusOr<LeasedChunk> chunk = impl_->chunks()->Lease(name);
  if (!chunk.ok()) return chunk.status();
  KeptHeap out;
  out.heap = std::make_unique<LeaseHeap>(impl_->no_chunks());
  absl::StatusOr<Adoption> adoption = out.heap->Adopt(*chunk);
  if (!adoption.ok()) return adoption.status();
  out.adoption = *std::move(adoption);
  return out;
}

}  // namespace percpu
