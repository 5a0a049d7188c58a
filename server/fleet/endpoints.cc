// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/endpoints.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/base/status_macros.h"
#include "server/fleet/channels.h"

namespace percpud::fleet {
namespace {

// etcd takes pings that come more often than every 5 seconds for abuse.
constexpr ChannelTimes kTimes{.ping = absl::Seconds(6),
                              .ping_patience = absl::Seconds(2),
                              .first_retry = absl::Milliseconds(200),
                              .last_retry = absl::Seconds(1)};
// A list of a thousand hosts with all their labels.
constexpr int kMostBytes = 64 << 20;

}  // namespace

absl::StatusOr<Endpoints::Target> Endpoints::ParseUrl(const std::string& url) {
  absl::string_view address = url;
  Target out;
  out.is_tls = absl::ConsumePrefix(&address, "https://");
  if (!out.is_tls) absl::ConsumePrefix(&address, "http://");
  absl::ConsumeSuffix(&address, "/");
  const std::size_t colon = address.rfind(':');
  if (colon == 0 || colon == absl::string_view::npos || colon + 1 == address.size() ||
      address.find('/') != absl::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("etcd: \"", url, "\" is not https://HOST:PORT or http://HOST:PORT"));
  }
  out.address = std::string(address);
  return out;
}

absl::StatusOr<std::unique_ptr<Endpoints>> Endpoints::Create(Options options) {
  if (options.urls.empty()) return absl::InvalidArgumentError("etcd: there is no URL");
  std::vector<Target> targets;
  for (const std::string& url : options.urls) {
    ASSIGN_OR_RETURN(Target target, ParseUrl(url));
    targets.push_back(std::move(target));
  }
  std::unique_ptr<Endpoints> out(new Endpoints(std::move(options), std::move(targets)));
  out->Reload();
  return out;
}

Endpoints::Endpoints(Options options, std::vector<Target> targets)
    : options_(std::move(options)), targets_(std::move(targets)) {
  // Hosts spread over the members.
  absl::BitGen random;
  const RankedLock lock(&mutex_);
  current_ = absl::Uniform<std::size_t>(random, 0, targets_.size());
}

absl::StatusOr<Endpoints::Member> Endpoints::Current() const {
  const RankedLock lock(&mutex_);
  if (channels_.empty()) return problem_;
  return Member{.index = current_, .channel = channels_[current_]};
}

void Endpoints::Failed(std::size_t index) {
  const RankedLock lock(&mutex_);
  if (index == current_) current_ = (current_ + 1) % targets_.size();
  // A channel pauses by gRPC's timers, which stand still once the hour was set back. The pauses
  // between attempts are the callers' own.
  if (index < channels_.size()) channels_[index] = ConnectTo(targets_[index], certificate_);
}

std::string Endpoints::url() const {
  const RankedLock lock(&mutex_);
  return options_.urls[current_];
}

absl::Status Endpoints::certificate_problem() const {
  const RankedLock lock(&mutex_);
  return problem_;
}

bool Endpoints::Reload() {
  absl::StatusOr<Certificate> certificate = LoadCertificate(options_.files);
  const RankedLock lock(&mutex_);
  problem_ = certificate.status();
  if (!certificate.ok()) return false;
  if (!channels_.empty() && *certificate == certificate_) return false;
  certificate_ = *std::move(certificate);
  Connect(certificate_);
  return true;
}

void Endpoints::Connect(const Certificate& certificate) {
  channels_.clear();
  for (const Target& target : targets_) channels_.push_back(ConnectTo(target, certificate));
}

std::shared_ptr<grpc::Channel> Endpoints::ConnectTo(const Target& target,
                                                    const Certificate& certificate) const {
  grpc::ChannelArguments arguments = MakeChannelArguments(kTimes, options_.server_name);
  arguments.SetMaxReceiveMessageSize(kMostBytes);
  return grpc::CreateCustomChannel(
      target.address,
      target.is_tls ? MakeCredentials(certificate) : grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace percpud::fleet
