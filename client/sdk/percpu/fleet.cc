// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "percpu/fleet.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <optional>

#include "absl/strings/str_cat.h"
#include "percpu/internal/address.h"
#include "percpu/internal/fleet/stored_view.h"
#include "percpu/internal/fork.h"
#include "percpu/internal/ticker.h"
#include "percpu/reason.h"
#include "server/base/status_macros.h"

namespace percpu {
namespace {

constexpr absl::Duration kLookEvery = absl::Seconds(1);
// Addresses of a host that are tried; the agent tries as many.
constexpr std::size_t kMostWays = 8;

// The agent does not answer. A sum that misses hosts is its answer.
bool IsAway(const absl::Status& status) {
  return (absl::IsUnavailable(status) && ReasonOf(status) != kHostsMissing) ||
         absl::IsDeadlineExceeded(status);
}

// Without the agent's reckoning of when things happened, which is a little different each time.
FleetView WithoutTimes(FleetView view) {
  const auto strip = [](std::optional<absl::Time>& time) {
    if (time) time = absl::UnixEpoch();
  };
  strip(view.stale_since);
  for (FleetHost& host : view.hosts) strip(host.lost_since);
  return view;
}

bool IsObserved(const FamilyShape& shape) {
  return shape.type == FamilyType::kHistogram || shape.type == FamilyType::kSummary;
}

double NumberOf(const FamilyShape& shape, const std::vector<CellSum>& cells) {
  const bool counts = IsObserved(shape) || shape.cells == CellKind::kInteger;
  const bool is_signed = shape.type == FamilyType::kGauge;
  std::uint64_t count = 0;
  double sum = 0;
  for (const CellSum& cell : cells) {
    count += cell.count;
    sum += cell.sum;
  }
  if (!counts) return sum;
  return is_signed ? static_cast<double>(static_cast<std::int64_t>(count))
                   : static_cast<double>(count);
}

double NumberOf(VariableType type, const std::vector<std::int64_t>& sums) {
  std::uint64_t sum = 0;
  for (const std::int64_t one : sums) sum += static_cast<std::uint64_t>(one);
  return type == VariableType::kGauge ? static_cast<double>(static_cast<std::int64_t>(sum))
                                      : static_cast<double>(sum);
}

bool Differs(const SummedVariable& variable, const std::string& host) {
  const auto& hosts = variable.differing_hosts;
  return std::find(hosts.begin(), hosts.end(), host) != hosts.end();
}

FleetSum SumOf(const SummedVariable& variable, SumRound round) {
  FleetSum out{.total = NumberOf(variable.type, variable.sums),
               .by_host = {},
               .is_variable = true,
               .differing_hosts = variable.differing_hosts,
               .round = std::move(round)};
  for (const HostVariable& host : variable.by_host) {
    if (Differs(variable, host.host)) continue;
    out.by_host[host.host] = NumberOf(variable.type, host.sums);
  }
  return out;
}

FleetSum SumOf(FamilySum family) {
  FleetSum out;
  for (const SummedSeries& series : family.series) {
    out.total += NumberOf(family.shape, series.cells);
    for (const HostCells& host : series.by_host) {
      out.by_host[host.host] += NumberOf(family.shape, host.cells);
    }
  }
  out.round = std::move(family.round);
  return out;
}

// A variable may be hidden where the family of that name is not.
bool MayBeFamily(const absl::StatusOr<VariablesSum>& variables) {
  return variables.ok() ? variables->variables.empty()
                        : absl::IsPermissionDenied(variables.status());
}

// A record leads neither to a socket of this host nor to plain text. Hundreds of addresses would
// take as many deadlines.
std::vector<std::string> WaysTo(const FleetHost& host) {
  std::vector<std::string> out;
  for (const std::string& address : host.addresses) {
    const absl::StatusOr<Address> parsed = Address::Parse(address);
    if (parsed.ok() && parsed->tls && out.size() < kMostWays) out.push_back(address);
  }
  return out;
}

void FillIn(FleetOptions& options) {
  const char* const named = std::getenv("PERCPUD_AGENT");
  if (options.agent.empty() && named != nullptr) options.agent = named;
  if (options.agent.empty()) options.agent = kDefaultFleetAgent;
  if (options.view_file.empty() && options.agent == kDefaultFleetAgent) {
    options.view_file = fleet::kDefaultViewFile;
  }
}

}  // namespace

class FleetWatch::Impl {
 public:
  Impl() = default;
  ~Impl() {
    // The thread is the parent's.
    if (generation_ != ForkGeneration()) static_cast<void>(ticker_.release());
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  absl::Status Start(Fleet fleet, std::function<void(const FleetView&)> callback) {
    const Ticker::Options options{
        .name = "percpu-fleet", .first = absl::ZeroDuration(), .interval = kLookEvery};
    const auto looks = std::make_shared<Looks>(std::move(fleet), std::move(callback));
    ASSIGN_OR_RETURN(ticker_, Ticker::Start(options, [looks] { looks->Look(); }));
    return absl::OkStatus();
  }

 private:
  // What the ticker's thread has, which may outlive the watch.
  class Looks {
   public:
    Looks(Fleet fleet, std::function<void(const FleetView&)> callback)
        : fleet_(std::move(fleet)), callback_(std::move(callback)) {}

    void Look() {
      const absl::StatusOr<FleetView> view = fleet_.Hosts();
      if (!view.ok()) return;
      FleetView shown = WithoutTimes(*view);
      if (shown_ == shown) return;
      callback_(*view);
      shown_ = std::move(shown);
    }

   private:
    const Fleet fleet_;
    const std::function<void(const FleetView&)> callback_;
    // What was called back with last.
    std::optional<FleetView> shown_;
  };

  const std::uint64_t generation_ = ForkGeneration();
  std::unique_ptr<Ticker> ticker_;
};

FleetWatch::FleetWatch(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
FleetWatch::FleetWatch(FleetWatch&&) noexcept = default;
FleetWatch& FleetWatch::operator=(FleetWatch&&) noexcept = default;
FleetWatch::~FleetWatch() = default;

absl::StatusOr<Fleet> Fleet::Open(const FleetOptions& options) {
  FleetOptions filled = options;
  FillIn(filled);
  ASSIGN_OR_RETURN(const Address address, Address::Parse(filled.agent));
  if (address.path.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("agent: \"", filled.agent, "\" is not unix:PATH, where percpud-fleet serves"));
  }
  // One more attempt bridges a connection that the agent has ended (Guests in server/fleet).
  const CallOptions calls{.deadline = filled.deadline, .retry = {.max_retries = 1}, .tls = {}};
  std::shared_ptr<FleetConnection> agent = MakeGrpcFleetConnection(filled.agent, calls);
  return Fleet(std::move(agent), std::move(filled));
}

absl::StatusOr<FleetView> Fleet::Hosts() const {
  absl::StatusOr<FleetView> view = agent_->ListHosts();
  if (view.ok() || !IsAway(view.status()) || options_.view_file.empty()) return view;
  absl::StatusOr<FleetView> stored = fleet::ReadStoredView(options_.view_file);
  if (stored.ok()) return stored;
  return absl::Status(view.status().code(), absl::StrCat(view.status().message(),
                                                         "; nor is there a view that it has "
                                                         "written: ",
                                                         stored.status().message()));
}

absl::StatusOr<FleetWatch> Fleet::Watch(std::function<void(const FleetView&)> callback) const {
  auto impl = std::make_unique<FleetWatch::Impl>();
  RETURN_IF_ERROR(impl->Start(*this, std::move(callback)));
  return FleetWatch(std::move(impl));
}

absl::StatusOr<FoundVariable> Fleet::Find(std::string_view name, absl::Duration deadline) const {
  ASSIGN_OR_RETURN(VariablesSum found, agent_->SumVariable(name, {.policy = SumPolicy::kAvailable,
                                                                  .deadline = deadline,
                                                                  .name_space = {},
                                                                  .by_host = true}));
  FoundVariable out{.hosts = {}, .round = std::move(found.round)};
  if (!found.variables.empty()) out.hosts = std::move(found.variables.front().by_host);
  return out;
}

absl::StatusOr<FleetSum> Fleet::Sum(std::string_view name, const SumOptions& options) const {
  absl::StatusOr<VariablesSum> variables = agent_->SumVariable(name, options);
  if (!MayBeFamily(variables)) {
    if (!variables.ok()) return variables.status();
    return SumOf(variables->variables.front(), std::move(variables->round));
  }
  absl::StatusOr<FamilySum> family = agent_->SumFamily(name, options);
  if (family.ok()) return SumOf(*std::move(family));
  if (!absl::IsNotFound(family.status())) return family.status();
  // Where variables are hidden nobody knows.
  if (!variables.ok()) return variables.status();
  return absl::NotFoundError(absl::StrCat(
      "name: no host has a variable, or a family of that namespace, called ", std::string(name)));
}

absl::StatusOr<Client> Fleet::Connect(std::string_view host) const {
  ASSIGN_OR_RETURN(const FleetView view, Hosts());
  const auto found = std::find_if(view.hosts.begin(), view.hosts.end(),
                                  [host](const FleetHost& each) { return each.name == host; });
  if (found == view.hosts.end()) {
    return absl::NotFoundError(
        absl::StrCat("host: the fleet ", view.fleet, " has no \"", std::string(host), "\""));
  }
  CallOptions calls = options_.hosts;
  if (!found->server_name.empty()) calls.tls.server_name = found->server_name;
  absl::Status last = absl::FailedPreconditionError(
      absl::StrCat("addresses: the record of ", found->name, " has none that is tls:HOST:PORT"));
  const std::vector<std::string> ways = WaysTo(*found);
  for (const std::string& way : ways) {
    ASSIGN_OR_RETURN(Client client, Client::Connect(way, calls));
    if (ways.size() == 1) return client;
    last = client.Ping();
    if (last.ok()) return client;
  }
  return last;
}

}  // namespace percpu
