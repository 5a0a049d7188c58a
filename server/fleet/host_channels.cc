// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/host_channels.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/base/host_port.h"
#include "server/base/status_macros.h"
#include "server/fleet/channels.h"

namespace percpud::fleet {
namespace {

constexpr absl::string_view kTls = "tls:";
// The gateway answers pings that are 5 s or more apart.
constexpr ChannelTimes kTimes{.ping = absl::Seconds(10),
                              .ping_patience = absl::Seconds(3),
                              .first_retry = absl::Milliseconds(200),
                              .last_retry = absl::Seconds(2)};

// What a host has packed is not unpacked: a few bytes of it may be gigabytes.
grpc::ChannelArguments AsItComes(grpc::ChannelArguments out) {
  out.SetInt(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  return out;
}

}  // namespace

HostChannels::HostChannels(Options options, const Clock& clock)
    : options_(std::move(options)), clock_(clock) {
  Reload();
}

bool HostChannels::IsOwn(const v1::Host& host) const {
  return host.name() == options_.own_name &&
         host.record().incarnation() == options_.own_incarnation;
}

std::size_t HostChannels::CountWays(const v1::Host& host) const {
  if (IsOwn(host)) return 1;
  return std::min(static_cast<std::size_t>(host.record().addresses_size()), kMostWays);
}

HostChannels::Place HostChannels::PlaceOf(const v1::Host& host, std::size_t way) const {
  if (IsOwn(host)) return {.address = options_.own_address, .server_name = {}, .is_own = true};
  return {.address = host.record().addresses(static_cast<int>(way)),
          .server_name = host.record().server_name(),
          .is_own = false};
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> HostChannels::To(const v1::Host& host,
                                                                std::size_t way) {
  const Place place = PlaceOf(host, way);
  const RankedLock lock(&mutex_);
  auto found = open_.find(place);
  if (found == open_.end()) {
    ASSIGN_OR_RETURN(std::shared_ptr<grpc::Channel> channel, Connect(place));
    found = open_.emplace(place, Open{.channel = std::move(channel), .used_at = {}}).first;
  }
  found->second.used_at = clock_.Now();
  return found->second.channel;
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> HostChannels::Connect(const Place& place) const {
  if (place.is_own) {
    return grpc::CreateCustomChannel(place.address, grpc::InsecureChannelCredentials(),
                                     AsItComes(MakeChannelArguments(kTimes, "")));
  }
  absl::string_view target = place.address;
  if (!absl::ConsumePrefix(&target, kTls) || !IsHostAndPort(target)) {
    return absl::FailedPreconditionError(
        absl::StrCat("address: \"", place.address, "\" is not tls:HOST:PORT"));
  }
  if (!has_certificate_) return problem_;
  return grpc::CreateCustomChannel(std::string(target), MakeCredentials(certificate_),
                                   AsItComes(MakeChannelArguments(kTimes, place.server_name)));
}

void HostChannels::Failed(const v1::Host& host, std::size_t way) {
  const Place place = PlaceOf(host, way);
  const RankedLock lock(&mutex_);
  open_.erase(place);
}

bool HostChannels::Reload() {
  absl::StatusOr<Certificate> certificate = LoadCertificate(options_.files);
  const RankedLock lock(&mutex_);
  problem_ = certificate.status();
  const bool has_changed = certificate.ok() && (!has_certificate_ || *certificate != certificate_);
  if (has_changed) {
    certificate_ = *std::move(certificate);
    has_certificate_ = true;
  }
  const BootTime now = clock_.Now();
  std::erase_if(open_, [&](const auto& each) {
    return (has_changed && !each.first.is_own) || now - each.second.used_at >= kIdle;
  });
  return has_changed;
}

absl::Status HostChannels::certificate_problem() const {
  const RankedLock lock(&mutex_);
  return problem_;
}

}  // namespace percpud::fleet
