// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/gateway/handshakes.h"

#include <sys/epoll.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/gateway/limits.h"

namespace percpud::gateway {
namespace {

// OpenSSL has some hundreds of reasons.
constexpr std::size_t kMaxReasons = 1000;
// For how long, and of how many addresses, it is known that their turns came to nothing.
constexpr absl::Duration kWaste = absl::Minutes(1);
constexpr std::size_t kMaxWasted = 4096;

}  // namespace

class Handshakes::Handshake final : public Waiter {
 public:
  Handshake(Handshakes& all, std::unique_ptr<TlsTransport> connection, std::shared_ptr<Host> of,
            Place taken, std::string name)
      : transport(std::move(connection)),
        host(std::move(of)),
        place(std::move(taken)),
        address(std::move(name)),
        all_(all) {}
  // The connection is registered no more.
  ~Handshake() {
    if (transport != nullptr) all_.loop_.Remove(transport->fd(), *this);
  }
  Handshake(const Handshake&) = delete;
  Handshake& operator=(const Handshake&) = delete;

  absl::Status Start() { return all_.loop_.Add(transport->fd(), EPOLLIN, *this); }
  void OnReady(std::uint32_t events) override {
    if (!is_waiting) return all_.Continue(*this);
    // It is not read before its turn, and its peer may hang up all the same, or say no more.
    if ((events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) != 0) all_.Drop(*this);
  }
  void WaitFor(std::uint32_t events) { all_.loop_.Change(transport->fd(), events, *this); }
  // Nothing is expected of the gateway, and the peer has had its time.
  [[nodiscard]] bool MayGiveWay(BootTime now) const {
    return !is_waiting && (!admitted_at || now - *admitted_at > kAnswer);
  }

  std::unique_ptr<TlsTransport> transport;
  const std::shared_ptr<Host> host;
  const Place place;
  const std::string address;
  const BootTime begun_at = NowSinceBoot();
  std::optional<BootTime> admitted_at;
  bool is_waiting = false;

 private:
  Handshakes& all_;
};

Handshakes::Handshakes(EventLoop& loop, double per_second, std::function<void(Done)> on_done)
    : loop_(loop), rate_(per_second, kHandshakeBurst), on_done_(std::move(on_done)) {}

Handshakes::~Handshakes() = default;

Place Handshakes::FindPlace(Host& host, const std::string& address, BootTime now) {
  if (Place place = host.TakeHandshake(); place.taken()) return place;
  Handshake* one =
      OldestThatGivesWay([&](const Handshake& each) { return each.host.get() == &host; }, now);
  if (one == nullptr && host.handshakes() == 0) one = OneOfOthers(address, now);
  if (one == nullptr) return {};
  Drop(*one);
  return host.TakeHandshake();
}

Handshakes::Handshake* Handshakes::OneOfOthers(const std::string& address, BootTime now) {
  if (HasWasted(address, now)) {
    return OldestThatGivesWay([&](const Handshake& each) { return HasWasted(each.address, now); },
                              now);
  }
  Handshake* const one = OneThatWastes(now);
  return one != nullptr ? one : OldestThatGivesWay([](const Handshake&) { return true; }, now);
}

Handshakes::Handshake* Handshakes::OneThatWastes(BootTime now) {
  const auto found = std::find_if(waiting_.rbegin(), waiting_.rend(), [&](const Handshake* each) {
    return HasWasted(each->address, now);
  });
  if (found != waiting_.rend()) return *found;
  Handshake* oldest = nullptr;
  for (const auto& [each, owned] : all_) {
    if (!HasWasted(each->address, now)) continue;
    if (oldest == nullptr || each->begun_at < oldest->begun_at) oldest = each;
  }
  return oldest;
}

bool Handshakes::HasWasted(const std::string& address, BootTime now) const {
  const auto found = wasted_.find(address);
  return found != wasted_.end() && now - found->second < kWaste;
}

Handshakes::Handshake* Handshakes::OldestThatGivesWay(
    absl::FunctionRef<bool(const Handshake&)> is_asked, BootTime now) {
  Handshake* oldest = nullptr;
  for (const auto& [each, owned] : all_) {
    if (!each->MayGiveWay(now) || !is_asked(*each)) continue;
    if (oldest == nullptr || each->begun_at < oldest->begun_at) oldest = each;
  }
  return oldest;
}

void Handshakes::Begin(std::unique_ptr<TlsTransport> transport, std::shared_ptr<Host> host,
                       std::string address) {
  Place place = FindPlace(*host, address, NowSinceBoot());
  if (!place.taken()) {
    return LogRefusal(errors::GatewayFull("handshakes", kMaxHandshakesPerHost, kMaxHandshakes));
  }
  auto handshake = std::make_unique<Handshake>(*this, std::move(transport), std::move(host),
                                               std::move(place), std::move(address));
  Handshake* const made = handshake.get();
  if (!made->Start().ok()) return;
  all_.emplace(made, std::move(handshake));
}

void Handshakes::Continue(Handshake& handshake) {
  switch (handshake.transport->Continue()) {
    case TlsTransport::Step::kWantsRead:
      return handshake.WaitFor(EPOLLIN);
    case TlsTransport::Step::kWantsWrite:
      return handshake.WaitFor(EPOLLOUT);
    case TlsTransport::Step::kHasGreeted:
      return TakeTurn(handshake);
    case TlsTransport::Step::kFailed:
      LogFailure(handshake, handshake.transport->failure());
      return Drop(handshake);
    case TlsTransport::Step::kDone:
      break;
  }
  Finish(handshake);
}

void Handshakes::Finish(Handshake& handshake) {
  const absl::StatusOr<std::string> identity = handshake.transport->Identity();
  if (!identity.ok()) {
    LogFailure(handshake, std::string(identity.status().message()));
    return Drop(handshake);
  }
  loop_.Remove(handshake.transport->fd(), handshake);
  Done done{.transport = std::move(handshake.transport),
            .identity = *identity,
            .host = handshake.address};
  all_.erase(&handshake);
  on_done_(std::move(done));
}

void Handshakes::TakeTurn(Handshake& handshake) {
  const BootTime now = NowSinceBoot();
  if (waiting_.empty() && rate_.Take(now)) return Admit(handshake, now);
  handshake.WaitFor(EPOLLRDHUP);
  if (!std::exchange(handshake.is_waiting, true)) waiting_.push_back(&handshake);
}

void Handshakes::Admit(Handshake& handshake, BootTime now) {
  handshake.admitted_at = now;
  handshake.host->Charge(kWorkPerHandshake, now);
  handshake.transport->Admit();
  Continue(handshake);
}

void Handshakes::LogFailure(const Handshake& handshake, const std::string& why) {
  if (failures_.size() > kMaxReasons) failures_.clear();
  std::unique_ptr<OnceAMinute>& gate = failures_[why];
  if (gate == nullptr) gate = std::make_unique<OnceAMinute>();
  const std::optional<std::uint64_t> before = gate->Pass(NowSinceBoot());
  if (!before) return;
  WriteWarning(absl::StrCat("tls: a peer at ", handshake.address, " is refused: ", why,
                            *before == 0 ? "" : absl::StrCat(" (and ", *before, " before)")));
}

void Handshakes::Drop(Handshake& handshake) {
  std::erase(waiting_, &handshake);
  if (handshake.admitted_at) {
    if (wasted_.size() > kMaxWasted) wasted_.clear();
    wasted_[handshake.address] = NowSinceBoot();
  }
  all_.erase(&handshake);
}

void Handshakes::LookAround(BootTime now) {
  while (!waiting_.empty() && rate_.Take(now)) {
    Handshake* const next = waiting_.front();
    waiting_.pop_front();
    next->is_waiting = false;
    Admit(*next, now);
  }
  std::vector<Handshake*> late;
  for (const auto& [each, owned] : all_) {
    if (now - each->begun_at > kHandshake) late.push_back(each);
  }
  for (Handshake* const each : late) {
    LogFailure(*each, "its handshake takes longer than 5 s");
    Drop(*each);
  }
}

}  // namespace percpud::gateway
