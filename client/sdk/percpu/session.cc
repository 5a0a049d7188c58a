// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/session.h"

#include <cassert>
#include <utility>

#include "absl/strings/str_cat.h"
#include "percpu/internal/address.h"
#include "percpu/internal/deadline.h"
#include "percpu/internal/door/arena_map.h"
#include "percpu/internal/door/membership.h"
#include "percpu/internal/fork_local.h"
#include "percpu/internal/lease/leases.h"
#include "percpu/internal/mapped_fallback.h"
#include "percpu/internal/wire/token_source.h"
#include "proto/percpud/abi/v1/wire.h"
#include "server/base/status_macros.h"
#include "server/rseq/self_test.h"

namespace percpu {
namespace {

std::uint32_t Abilities() {
  using percpud::abi::v1::kCanAtomic;
  using percpud::abi::v1::kCanRseq;
  return percpud::rseq::RseqWorks() ? kCanRseq | kCanAtomic : kCanAtomic;
}

absl::Status NotWritable() {
  return absl::FailedPreconditionError(
      "lease: this process does not map the arena for writing (Session::update_mode)");
}

// Returns the path of the side door. Errors: INVALID_ARGUMENT for what is no address,
// FAILED_PRECONDITION for one on another host.
absl::StatusOr<std::string> DoorOf(std::string_view address, const SessionOptions& options) {
  ASSIGN_OR_RETURN(const Address parsed, Address::Parse(address));
  if (!options.door.empty()) return options.door;
  if (!parsed.path.empty()) return absl::StrCat(parsed.path, percpud::abi::v1::kDoorSuffix);
  return absl::FailedPreconditionError(
      absl::StrCat("address: ", parsed.target, " is not on this host: it has no side door"));
}

}  // namespace

class Session::Impl final : public TokenSource,
                            public MembershipObserver,
                            public MappedFallback::Owner {
 public:
  Impl(std::string_view address, std::string door, const SessionOptions& options)
      : options_(options),
        membership_options_{.door = std::move(door),
                            .wanted = options.read_only ? MapMode::kReadOnly : MapMode::kReadWrite,
                            .abilities = Abilities()},
        connection_(MakeSessionConnection(address, options.calls, *this)),
        client_(connection_),
        fallback_(*this) {}

  // Admits the process and maps what it is given.
  absl::Status Start() { return Current().Join(CallDeadline()); }

  SessionState State() {
    Membership& membership = Current();
    // The state says what became of it.
    if (membership.state() != SessionState::kLost) membership.Join(CallDeadline()).IgnoreError();
    return membership.state();
  }
  absl::StatusOr<SessionId> Id() { return Current().Id(CallDeadline()); }
  absl::StatusOr<std::string> Token(const Deadline& deadline) override {
    return Current().Token(deadline);
  }
  absl::StatusOr<std::shared_ptr<LaneClient>> Lane(const Deadline& deadline) override {
    return Current().Lane(deadline);
  }

  // Opens a variable and checks that it lies where this process can reach it.
  absl::StatusOr<Pointer> Open(const VariableSpec& spec) {
    ASSIGN_OR_RETURN(const OpenedVariable opened, connection_->OpenVariable(spec));
    const Pointer pointer = opened.variable.pointer;
    if (!map_->Holds(Value(pointer), spec.size_bytes, spec.alignment)) {
      return absl::DataLossError(
          absl::StrCat("the daemon names ", Value(pointer), ", which no unit of this arena holds"));
    }
    return pointer;
  }

  // Returns the leases. Null if this process may not write the arena.
  [[nodiscard]] DaemonChunks* chunks() { return map_->writable() ? chunks_.get() : nullptr; }
  [[nodiscard]] Client& client() override { return client_; }
  [[nodiscard]] const ArenaMap& map() const { return *map_; }

 private:
  [[nodiscard]] Deadline CallDeadline() const { return Deadline::After(options_.calls.deadline); }

  Membership& Current() {
    return membership_.Get([this] {
      Membership::Options options = membership_options_;
      // The areas that the parent knew may belong to others by now.
      if (map_ != nullptr && map_->is_retired()) {
        options.lost = absl::CancelledError("it was lost before this process was forked");
      }
      return std::make_unique<Membership>(std::move(options), *this);
    });
  }

  absl::Status OnAdmission(const Admission& admission) override {
    if (map_ == nullptr) {
      assert(chunks_ == nullptr);
      ASSIGN_OR_RETURN(
          map_, ArenaMap::Map(admission.arena, admission.layout, admission.granted, &fallback_));
      chunks_ = std::make_unique<DaemonChunks>(
          connection_, *map_, [this] { return Current().state() == SessionState::kConnected; });
      return absl::OkStatus();
    }
    // A daemon that knows the session's token has its arena.
    if (admission.layout.ok()) {
      ASSIGN_OR_RETURN(const auto id, ArenaMap::ReadId(admission.layout));
      if (id != map_->arena_id()) {
        return absl::NotFoundError("the daemon began anew, with another arena");
      }
    }
    map_->Resume();
    return absl::OkStatus();
  }

  void OnState(SessionState state, const absl::Status& why) override {
    if (state == SessionState::kLost && map_ != nullptr) {
      map_->Retire();
      chunks_->Revoke(why);
    }
    if (options_.on_state) options_.on_state(state, why);
  }

  [[nodiscard]] const Mapping* TakeUpMapping() override {
    if (!map_->is_inherited()) return nullptr;
    Membership& membership = Current();
    if (map_->is_suspended() && !membership.Join(CallDeadline()).ok() &&
        membership.state() != SessionState::kLost) {
      // Only a daemon can say whether it has another arena. Until one answers, this
      // process counts on, as its parent does.
      membership.JoinLater();
      map_->Resume();
    }
    return map_->is_retired() ? nullptr : &map_->mapping();
  }
  [[nodiscard]] bool IsLost() const override { return map_->is_retired(); }

  const SessionOptions options_;
  const Membership::Options membership_options_;
  const std::shared_ptr<Connection> connection_;
  Client client_;
  MappedFallback fallback_;
  // The first admission makes these. They are constant from then on.
  std::unique_ptr<ArenaMap> map_;
  std::unique_ptr<DaemonChunks> chunks_;
  // This is last because its thread uses all of the above.
  ForkLocal<Membership> membership_;
};

absl::StatusOr<std::unique_ptr<Session>> Session::Open(std::string_view address,
                                                       const SessionOptions& options) {
  ASSIGN_OR_RETURN(std::string door, DoorOf(address, options));
  auto impl = std::make_unique<Impl>(address, std::move(door), options);
  RETURN_IF_ERROR(impl->Start());
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
  ASSIGN_OR_RETURN(const Pointer pointer, impl_->Open({.name = std::string(name),
                                                       .type = VariableType::kCounter,
                                                       .size_bytes = sizeof(std::uint64_t),
                                                       .create = true}));
  return At<std::uint64_t>(pointer);
}

absl::StatusOr<Pointer> Session::OpenBytes(std::string_view name, std::uint64_t size_bytes,
                                           std::uint32_t alignment) {
  return impl_->Open({.name = std::string(name),
                      .type = VariableType::kBytes,
                      .size_bytes = size_bytes,
                      .alignment = alignment,
                      .create = true});
}

absl::StatusOr<std::unique_ptr<LeaseHeap>> Session::NewHeap(const HeapOptions& options) {
  if (impl_->chunks() == nullptr) return NotWritable();
  return std::make_unique<LeaseHeap>(*impl_->chunks(), options);
}

absl::StatusOr<Session::KeptHeap> Session::OpenKeptHeap(std::string_view name) {
  if (impl_->chunks() == nullptr) return NotWritable();
  if (name.empty()) return absl::InvalidArgumentError("name: a kept heap needs one");
  ASSIGN_OR_RETURN(const LeasedChunk chunk, impl_->chunks()->Lease(name));
  KeptHeap out;
  out.heap = std::make_unique<LeaseHeap>(impl_->chunks()->kept_only());
  ASSIGN_OR_RETURN(out.adoption, out.heap->Adopt(chunk));
  return out;
}

}  // namespace percpu
