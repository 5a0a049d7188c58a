// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/agent.h"

#include <spdlog/spdlog.h>

#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/fleet/atomic_file.h"
#include "server/fleet/differences.h"
#include "server/fleet/incarnation.h"
#include "server/fleet/records.h"
#include "server/fleet/view_file.h"

namespace percpud::fleet {
namespace {

constexpr unsigned kMode = 0660;
constexpr unsigned kAdminMode = 0600;
constexpr absl::Duration kReloadEvery = absl::Seconds(10);
constexpr absl::Duration kSayEvery = absl::Seconds(30);
constexpr absl::Duration kStoreEvery = absl::Seconds(1);

// The files for etcd, unless there are others.
CertificateFiles PeerFilesOf(const Flags& flags) {
  CertificateFiles out = flags.peer_files;
  if (out.ca.empty()) out.ca = flags.files.ca;
  if (!out.certificate.empty()) return out;
  out.certificate = flags.files.certificate;
  out.key = flags.files.key;
  return out;
}

std::string ViewPath(const Flags& flags) { return absl::StrCat(flags.state_dir, "/view.json"); }

}  // namespace

absl::StatusOr<v1::HostRecord> Agent::MakeRecord(const Flags& flags) {
  ASSIGN_OR_RETURN(const std::string boot_id, ReadWhole(flags.boot_id_file));
  v1::HostRecord out;
  out.set_boot_id(std::string(absl::StripAsciiWhitespace(boot_id)));
  ASSIGN_OR_RETURN(*out.mutable_incarnation(),
                   KeepIncarnation(absl::StrCat(flags.state_dir, "/incarnation"), out.boot_id()));
  for (const std::string& address : flags.addresses) out.add_addresses(address);
  out.set_server_name(flags.server_name);
  out.set_metrics_address(flags.metrics_address);
  out.set_version(PERCPUD_VERSION);
  out.set_weight(flags.weight);
  for (const auto& [name, value] : flags.labels) (*out.mutable_labels())[name] = value;
  *out.mutable_started() = ToTimestamp(absl::Now());
  return out;
}

absl::StatusOr<std::unique_ptr<Agent>> Agent::Start(const Flags& flags) {
  ASSIGN_OR_RETURN(
      PathLock lock,
      PathLock::Take(absl::StrCat(flags.state_dir, "/lock"),
                     absl::AlreadyExistsError(absl::StrCat(
                         "state-dir: another percpud-fleet keeps its view in ", flags.state_dir))));
  ASSIGN_OR_RETURN(v1::HostRecord record, MakeRecord(flags));
  ASSIGN_OR_RETURN(
      std::unique_ptr<Endpoints> endpoints,
      Endpoints::Create(
          {.urls = flags.etcd, .files = flags.files, .server_name = flags.etcd_server_name}));
  std::unique_ptr<Agent> agent(
      new Agent(flags, std::move(lock), std::move(record), std::move(endpoints)));
  agent->Restore();
  RETURN_IF_ERROR(agent->OpenDoors());
  agent->registering_ = std::thread([self = agent.get()] { self->KeepRegistered(); });
  agent->following_ = std::thread([self = agent.get()] { self->follower_.Run(); });
  agent->watching_ = std::thread([self = agent.get()] { self->WatchPercpud(); });
  return agent;
}

Agent::Agent(const Flags& flags, PathLock lock, v1::HostRecord record,
             std::unique_ptr<Endpoints> endpoints)
    : flags_(flags),
      lock_(std::move(lock)),
      endpoints_(std::move(endpoints)),
      registration_({.key = keys_.Host(flags.host), .ttl = flags.ttl}, etcd_, clock_),
      directory_({.fleet = flags.fleet, .ttl = flags.ttl, .lost_grace = flags.lost_grace}, keys_,
                 flags.host, clock_,
                 [this](const Registration::Seen& seen) { registration_.SawOwnKey(seen); }),
      follower_(keys_.prefix(), etcd_, directory_, clock_),
      percpud_(flags.percpud, clock_, deadlines_),
      channels_({.files = PeerFilesOf(flags),
                 .own_name = flags.host,
                 .own_incarnation = record.incarnation(),
                 .own_address = flags.percpud},
                clock_),
      record_(std::move(record)),
      service_({directory_, [this] { return Status(); }}, unread_),
      sums_(directory_, channels_, sum_deadlines_, clock_),
      admin_(keys_, etcd_) {
  if (!flags.file_sd.empty()) file_sd_.emplace(flags.file_sd);
}

Agent::~Agent() {
  sum_deadlines_.EndAll();
  admin_door_.reset();
  door_.reset();
  {
    const RankedLock lock(&mutex_);
    stopping_ = true;
  }
  registration_.StopWaiting();
  follower_.Stop();
  for (std::thread* const thread : {&watching_, &following_, &registering_}) {
    if (thread->joinable()) thread->join();
  }
}

void Agent::Restore() {
  const absl::StatusOr<v1::View> view = LoadView(ViewPath(flags_), flags_.fleet);
  if (view.ok()) {
    directory_.Restore(*view);
    shown_ = *view;
    spdlog::info("the stored view has {} hosts", view->hosts_size());
  } else if (!absl::IsNotFound(view.status())) {
    spdlog::warn("begins without a view: {}", std::string(view.status().message()));
  }
}

absl::Status Agent::OpenDoors() {
  ASSIGN_OR_RETURN(
      door_, Door::Open(flags_.listen_path, kMode, {&service_, &reading_},
                        [this](const std::string& connection) { return unread_.Has(connection); }));
  ASSIGN_OR_RETURN(admin_door_,
                   Door::Open(absl::StrCat(flags_.listen_path, ".admin"), kAdminMode, {&admin_},
                              [](const std::string& /*connection*/) { return false; }));
  return absl::OkStatus();
}

void Agent::KeepRegistered() {
  while (true) {
    const absl::Duration time = registration_.Step();
    registration_.Wait(time);
    const RankedLock lock(&mutex_);
    if (stopping_) break;
  }
  if (leaves_) registration_.Leave();
}

void Agent::WatchPercpud() {
  while (true) {
    Describe(percpud_.Look());
    const RankedLock lock(&mutex_);
    if (mutex_.AwaitWithTimeout(absl::Condition(&stopping_), LocalPercpud::kRound)) return;
  }
}

void Agent::Describe(const LocalPercpud::State& percpud) {
  const RankedLock lock(&mutex_);
  serving_ = percpud.serving;
  v1::HostRecord record = record_;
  record.set_serving(percpud.serving ? v1::SERVING_UP : v1::SERVING_DOWN);
  if (percpud.layout) *record.mutable_layout() = *percpud.layout;
  const bool was_never_up = record_.serving() == v1::SERVING_UNSPECIFIED;
  // A host is made known when its percpud first answers.
  if (was_never_up && !percpud.serving) return;
  if (ToJson(record) == ToJson(record_)) return;
  record_ = record;
  registration_.SetRecord(std::move(record));
}

v1::GetStatusResponse Agent::Status() const {
  v1::GetStatusResponse out;
  out.set_fleet(flags_.fleet);
  out.set_host(flags_.host);
  out.set_version(PERCPUD_VERSION);
  const absl::Duration uptime = clock_.Now() - started_at_;
  out.mutable_uptime()->set_seconds(absl::ToInt64Seconds(uptime));
  const Registration::State registration = registration_.state();
  out.set_registered(registration.registered);
  out.set_registration_problem(std::string(registration.problem.message()));
  out.set_etcd_endpoint(endpoints_->url());
  absl::Status files = endpoints_->certificate_problem();
  files.Update(channels_.certificate_problem());
  out.set_certificate_problem(std::string(files.message()));
  const RankedLock lock(&mutex_);
  out.set_percpud_serving(serving_);
  *out.mutable_record() = record_;
  return out;
}

void Agent::Tick() {
  directory_.Tick();
  const BootTime now = clock_.Now();
  if (now >= reload_at_) {
    if (endpoints_->Reload()) spdlog::info("certificate: a new one is in use");
    if (channels_.Reload()) spdlog::info("certificate for hosts: a new one is in use");
    reload_at_ = now + kReloadEvery;
  }
  SayProblem("etcd", directory_.problem(), said_etcd_);
  SayProblem("registration", registration_.state().problem, said_record_);
  SayProblem("certificate", endpoints_->certificate_problem(), said_files_);
  SayProblem("certificate for hosts", channels_.certificate_problem(), said_peer_files_);
  const std::uint64_t version = directory_.version();
  const bool is_news = version != shown_version_;
  if (is_news) is_stored_ = false;
  const bool is_to_store = !is_stored_ && now >= store_at_;
  if (!is_news && !is_to_store) return;
  const v1::View view = directory_.View();
  if (is_news) ShowChanges(view);
  shown_version_ = version;
  if (!is_to_store) return;
  is_stored_ = Store(view);
  // A host whose record changes all the time is not to keep all others' disks busy.
  store_at_ = now + kStoreEvery;
}

void Agent::ShowChanges(const v1::View& view) {
  for (const std::string& line : Differences(shown_, view)) spdlog::info("{}", line);
  shown_ = view;
}

bool Agent::Store(const v1::View& view) {
  absl::Status status = StoreView(ViewPath(flags_), view);
  if (file_sd_) status.Update(file_sd_->Show(view));
  SayProblem("files", status, said_store_);
  return status.ok();
}

void Agent::SayProblem(const std::string& what, const absl::Status& problem, Said& said) {
  const std::string text(problem.message());
  if (text == said.text) return;
  const bool is_first_or_last = text.empty() || said.text.empty();
  const BootTime now = clock_.Now();
  // While something is wrong, what exactly may change with every attempt.
  if (!is_first_or_last && now - said.at < kSayEvery) return;
  said = {.text = text, .at = now};
  if (problem.ok()) {
    spdlog::info("{}: all is well again", what);
  } else {
    spdlog::warn("{}: {}", what, text);
  }
}

}  // namespace percpud::fleet
