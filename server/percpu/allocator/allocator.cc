// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/percpu/allocator/allocator.h"

#include <memory>
#include <utility>

#include "server/base/status_macros.h"
#include "server/percpu/allocator/balancer.h"
#include "server/percpu/allocator/core.h"
#include "server/percpu/allocator/grow.h"
#include "server/percpu/allocator/restore.h"

namespace percpud {

Allocator::Allocator(std::unique_ptr<AllocatorCore> core) : core_(std::move(core)) {}
Allocator::~Allocator() = default;

absl::StatusOr<std::unique_ptr<Allocator>> Allocator::Create(std::unique_ptr<const AllocInfo> info,
                                                             StaticLayout statics,
                                                             std::unique_ptr<Backend> backend,
                                                             PageSource& pages, Options options) {
  RETURN_IF_ERROR(backend->VerifyAllocInfo());
  auto core = std::make_unique<AllocatorCore>(std::move(info), std::move(statics),
                                              std::move(backend), pages, std::move(options));
  {
    RankedLock grow(&core->grow_mu);
    RETURN_IF_ERROR(Grower(*core).CreateFirstChunk());
  }
  return std::unique_ptr<Allocator>(new Allocator(std::move(core)));
}

absl::StatusOr<std::unique_ptr<Allocator>> Allocator::Restore(std::unique_ptr<const AllocInfo> info,
                                                              StaticLayout statics,
                                                              std::unique_ptr<Backend> backend,
                                                              PageSource& pages, Options options,
                                                              const RestoredState& state) {
  RETURN_IF_ERROR(backend->VerifyAllocInfo());
  auto core = std::make_unique<AllocatorCore>(std::move(info), std::move(statics),
                                              std::move(backend), pages, std::move(options));
  RETURN_IF_ERROR(Restorer(*core).Restore(state));
  return std::unique_ptr<Allocator>(new Allocator(std::move(core)));
}

const AllocInfo& Allocator::info() const { return core_->info(); }
const StaticLayout& Allocator::statics() const { return core_->statics(); }
PageSource& Allocator::pages() const { return core_->pages(); }
Bytes Allocator::lease_map_size() const { return core_->lease_map_size(); }

absl::StatusOr<Pin> Allocator::Touch(PercpuPtr pointer, Bytes length) const {
  return Pin::Find(*core_, pointer, length);
}

void Allocator::set_balance_wanted(std::function<void()> wanted) {
  core_->set_balance_wanted(std::move(wanted));
}

BootTime Allocator::Balance() { return Balancer(*core_).Pass(); }

}  // namespace percpud
