// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_UNIT_SESSION_RESTART_RIG_H_
#define PERCPUD_TESTS_UNIT_SESSION_RESTART_RIG_H_

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/percpu/introspect/inspector.h"
#include "server/percpu/layout/topology.h"
#include "server/session/recovery.h"
#include "server/session/sessions.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_page_source.h"
#include "tests/support/process.h"

namespace percpud::testing {

// Sessions over an allocator and a catalog; Restart is a daemon that was killed and
// started again.
class RestartTest : public ::testing::Test {
 protected:
  static constexpr UserId kAlice{1000};
  inline static const Caller kOperator{.role = Role::kOperator};

  void SetUp() override {
    OpenCatalog(Bytes(8 << 20));
    catalog::Changes first;
    first.PutFormat();
    first.Put(catalog::Arena{.boot_id = "b", .layout = "l"});
    ASSERT_TRUE(catalog_->Commit(std::move(first)).ok());
    Make(nullptr);
  }

  void OpenCatalog(Bytes limit) {
    auto opened = catalog::Catalog::Open({.path = dir_.path() + "/catalog",
                                          .initial = Bytes(2 << 20),
                                          .limit = limit,
                                          .is_full = [this] { return is_full_ && is_full_(); }});
    ASSERT_TRUE(opened.ok()) << opened.status();
    catalog_ = *std::move(opened);
  }

  void Make(const RestoredState* state) {
    auto statics = *StaticLayout::Build({}, Bytes(4096));
    auto info =
        std::make_unique<const AllocInfo>(*BuildAllocInfo({.static_size = statics.size(),
                                                           .reserved_size = Bytes(0),
                                                           .dyn_size = Bytes((32 << 10) - 4096)},
                                                          *Topology::Uniform(2)));
    auto backend = *MakeBackend("km", *info, pages_, {});
    Allocator::Options options;
    options.clock = &clock_;
    options.on_chunk = ChunkRecorder(*catalog_);
    auto made = state == nullptr
                    ? Allocator::Create(std::move(info), std::move(statics), std::move(backend),
                                        pages_, std::move(options))
                    : Allocator::Restore(std::move(info), std::move(statics), std::move(backend),
                                         pages_, std::move(options), *state);
    ASSERT_TRUE(made.ok()) << made.status();
    allocator_ = *std::move(made);
    Sessions::Options session_options;
    session_options.clock = &clock_;
    session_options.catalog = catalog_.get();
    session_options.look_at_process = [this](ProcessId pid) -> ProcessSighting {
      // Another PID namespace's, or one that /proc hides.
      if (pid == ProcessId(0) || hidden_.contains(pid.value())) return {};
      const auto process = processes_.find(pid.value());
      if (process == processes_.end()) return {.is_gone = true};
      return {.started = process->second};
    };
    sessions_ = std::make_unique<Sessions>(*allocator_, std::move(session_options));
  }

  // Does what a kill of the daemon here, and a new start, would do.
  void Restart() {
    sessions_.reset();
    allocator_.reset();
    catalog_.reset();
    ASSERT_TRUE(catalog::Inspect(dir_.path() + "/catalog").ok());
    OpenCatalog(Bytes(8 << 20));
    const auto remembered = Remember(*catalog_);
    ASSERT_TRUE(remembered.ok()) << remembered.status();
    Make(&remembered->state);
    const absl::Status status = sessions_->Restore(*remembered);
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_TRUE(Inspector(*allocator_).CheckInvariants().ok())
        << Inspector(*allocator_).CheckInvariants();
  }

  static Peer PeerOf(std::uint32_t pid) { return {.pid = ProcessId(pid), .uid = kAlice}; }
  OpenedSession Open(std::uint32_t pid) {
    processes_[pid] = std::uint64_t{pid} * 10;
    const auto opened = sessions_->Open({.kind = SessionKind::kLocalReadWrite,
                                         .peer = PeerOf(pid),
                                         .command = "shard",
                                         .role = Role::kClient,
                                         .started = std::uint64_t{pid} * 10});
    EXPECT_TRUE(opened.ok()) << opened.status();
    return opened.value_or(OpenedSession{});
  }
  Caller CallerOf(const OpenedSession& session, std::uint64_t request = 0) {
    Caller out = sessions_->Find(session.token).value_or(Caller{});
    out.request = RequestId(request);
    return out;
  }
  absl::StatusOr<PercpuPtr> Alloc(const Caller& caller, Bytes size, absl::string_view tag = "") {
    const AreaSpec spec{.size = size};
    PercpuPtr pointer;
    absl::Status status = sessions_->areas().AllocBatch(caller, std::span(&spec, 1), {.tag = tag},
                                                        std::span(&pointer, 1));
    if (!status.ok()) return status;
    return pointer;
  }
  // kNoSession if no session owns it.
  SessionId OwnerOf(PercpuPtr area) {
    const auto owner = sessions_->areas().OwnerOf(area);
    return owner ? owner->session : kNoSession;
  }
  std::vector<LeaseRecord> Leases() { return sessions_->leases().List(ChunkId(0), 100); }
  absl::StatusOr<Bytes> Free(const Caller& caller, PercpuPtr pointer) {
    return sessions_->areas().FreeBatch(caller, std::span(&pointer, 1));
  }

  TempDir dir_;
  // Whether the next commit finds the disk full.
  std::function<bool()> is_full_;
  HeapPageSource pages_{Bytes(8 << 20)};
  FakeClock clock_;
  std::map<std::uint32_t, std::uint64_t> processes_;
  std::set<std::uint32_t> hidden_;
  std::unique_ptr<catalog::Catalog> catalog_;
  std::unique_ptr<Allocator> allocator_;
  std::unique_ptr<Sessions> sessions_;
};

}  // namespace percpud::testing

#endif  // PERCPUD_TESTS_UNIT_SESSION_RESTART_RIG_H_
