// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/handoff/door.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <new>
#include <utility>

#include "server/base/errors.h"
#include "server/base/memory_reserve.h"
#include "server/base/refusal_log.h"
#include "server/base/status_macros.h"
#include "server/handoff/messages.h"
#include "server/session/access/peer.h"

namespace percpud {
namespace {

using abi::v1::Hello;

// What an event of the epoll set is about: a connection's key, doubled; one more for its
// process.
constexpr std::uint64_t kListening = 0;
constexpr std::uint64_t kWake = 1;
constexpr std::uint64_t kFirstKey = 1;
// Out of descriptors: leave the connections in the backlog this long.
constexpr absl::Duration kAcceptPause = absl::Milliseconds(50);

// The daemon is short of something just now, which says nothing of the peer.
bool IsShortage(int error_number) {
  return error_number == EMFILE || error_number == ENFILE || error_number == ENOMEM ||
         error_number == ENOBUFS || error_number == ENOSPC;
}

absl::StatusOr<std::unique_ptr<UnixSocket>> Listen(Door::Options& options) {
  if (options.passed.ok()) return UnixSocket::Adopt(options.path, std::move(options.passed));
  return UnixSocket::Bind(options.path, SOCK_SEQPACKET, options.mode);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Door>> Door::Bind(Sessions& sessions, Options options) {
  ASSIGN_OR_RETURN(auto socket, Listen(options));
  const bool has_lane = options.lane != nullptr;
  ASSIGN_OR_RETURN(auto admission,
                   Admission::Create(sessions, {.rules = options.rules,
                                                .needed_abilities = options.needed_abilities,
                                                .version = has_lane ? abi::v1::kHandoffLaneVersion
                                                                    : abi::v1::kHandoffVersion,
                                                .arena_fd = options.arena_fd,
                                                .layout_fd = options.layout_fd}));
  UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  UniqueFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!epoll.ok() || !wake.ok()) return errors::OsRefused("epoll_create1", options.path, errno);
  std::unique_ptr<Door> door(new Door(sessions, std::move(options), std::move(socket),
                                      std::move(admission), std::move(epoll), std::move(wake)));
  if (!door->Watch(door->socket_->fd(), kListening, EPOLLIN) ||
      !door->Watch(door->wake_.get(), kWake, EPOLLIN)) {
    return errors::OsRefused("epoll_ctl", door->path(), errno);
  }
  return door;
}

Door::Door(Sessions& sessions, Options options, std::unique_ptr<UnixSocket> socket,
           std::unique_ptr<Admission> admission, UniqueFd epoll, UniqueFd wake)
    : sessions_(sessions),
      options_(std::move(options)),
      socket_(std::move(socket)),
      admission_(std::move(admission)),
      epoll_(std::move(epoll)),
      wake_(std::move(wake)),
      pending_(options_.pending) {
  assert(options_.clock != nullptr && options_.closer != nullptr);
}

Door::~Door() { Stop(); }

void Door::Start() {
  thread_ = std::thread([this] { Loop(); });
}

void Door::Stop() {
  if (!thread_.joinable()) return;
  {
    RankedLock lock(&mu_);
    stopping_ = true;
  }
  Nudge();
  thread_.join();
  slow_lane_.Close();
}

void Door::HangUp(SessionId session) {
  {
    RankedLock lock(&mu_);
    hung_up_.push_back(session);
  }
  Nudge();
}

void Door::SetRules(AccessRules rules) { admission_->SetRules(std::move(rules)); }

void Door::Nudge() const { eventfd_write(wake_.get(), 1); }

bool Door::Watch(int fd, Key key, std::uint32_t events) const {
  epoll_event event{};
  event.events = events;
  event.data.u64 = key;
  return epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

// --- The thread --------------------------------------------------------------

void Door::Loop() {
  pthread_setname_np(pthread_self(), "door");
  std::array<epoll_event, 64> events{};
  while (true) {
    AcceptAgain(options_.clock->Now());
    const int wait = WaitMs(options_.clock->Now());
    const int count = epoll_wait(epoll_.get(), events.data(), events.size(), wait);
    for (int i = 0; i < count; ++i) Handle(events[i].data.u64);
    // Somebody may have spoken in time and not be heard yet, if this thread did not run.
    if (count < static_cast<int>(events.size())) DropSilent(options_.clock->Now());
    pulse_.Beat();
    RankedLock lock(&mu_);
    if (stopping_) return;
  }
}

// Nobody is admitted while memory is short. A connection that wants some all the same is
// heard again, or dropped as one that says nothing.
void Door::Handle(std::uint64_t about) {
  try {
    OnEvent(about);
  } catch (const std::bad_alloc&) {
    PauseAccepting();
  }
}

void Door::OnEvent(std::uint64_t about) {
  if (about == kListening) {
    Accept();
  } else if (about == kWake) {
    eventfd_t news = 0;
    eventfd_read(wake_.get(), &news);
    DropHungUp();
  } else if (about % 2 == 1) {
    OnProcessEnd(about / 2);
  } else {
    OnReadable(about / 2);
  }
}

int Door::WaitMs(BootTime now) const {
  BootTime next = accept_again_;
  if (!pending_.empty()) next = std::min(next, pending_.next_deadline());
  if (next == BootTime::InfiniteFuture()) return -1;
  // Rounded up: woken before the deadline, it would only wait again.
  return static_cast<int>(std::clamp<std::int64_t>(
      absl::ToInt64Milliseconds(next - now + absl::Milliseconds(1)), 0, 60'000));
}

void Door::Accept() {
  UniqueFd fd(accept4(socket_->fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd.ok()) {
    if (IsShortage(errno)) PauseAccepting();
    return;
  }
  const std::optional<Peer> peer = AskPeer(fd.get());
  if (!peer) return;
  MakeRoomFor(peer->uid);
  const Key key = ++last_key_ + kFirstKey;
  Connection connection{.fd = std::move(fd), .process = {}, .peer = *peer};
  if (!Watch(connection.fd.get(), key * 2, EPOLLIN | EPOLLRDHUP)) {
    Refuse(connection, errors::DoorShort(errno));
    options_.closer->Close(std::move(connection.fd));
    return;
  }
  connections_.emplace(key, std::move(connection));
  pending_.Add(key, peer->uid, options_.clock->Now() + options_.handshake);
}

// The one that leaves may have spoken, and only not been heard yet.
void Door::MakeRoomFor(UserId user) {
  while (const std::optional<Key> key = pending_.WhoMakesRoomFor(user)) {
    OnReadable(*key);
    const auto entry = connections_.find(*key);
    if (entry == connections_.end() || entry->second.session != kNoSession) continue;
    Refuse(entry->second, errors::TooManyHandshakes(pending_.size()));
    Drop(*key);
  }
}

// What cannot be accepted stays readable, and would wake the thread for ever.
void Door::PauseAccepting() {
  epoll_event event{};
  event.data.u64 = kListening;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, socket_->fd(), &event) != 0) return;
  accept_again_ = options_.clock->Now() + kAcceptPause;
}

void Door::AcceptAgain(BootTime now) {
  if (now < accept_again_) return;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kListening;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, socket_->fd(), &event) != 0) return;
  accept_again_ = BootTime::InfiniteFuture();
}

// Hello if it is the first thing said; anything else ends the connection, its
// end included.
void Door::OnReadable(Key key) {
  const auto entry = connections_.find(key);
  // What the lane has, it reads itself.
  if (entry == connections_.end() || entry->second.in_lane) return;
  Connection& connection = entry->second;
  Hello hello{};
  std::vector<UniqueFd> strays;
  const Heard heard = ReceiveHello(connection.fd.get(), hello, strays);
  CloseLater(strays);
  if (heard == Heard::kNothing) return;
  // A peer that has hung up is not resumed for: its session waits for the next one.
  if (heard == Heard::kOther || connection.session != kNoSession ||
      HasHungUp(connection.fd.get())) {
    return Drop(key);
  }
  if (absl::Status status = Admit(key, connection, hello); !status.ok()) {
    Refuse(connection, status);
    Drop(key);
  }
}

absl::Status Door::Admit(Key key, Connection& connection, const Hello& hello) {
  if (!MemoryReserve::IsWhole()) return errors::DoorShort(ENOMEM);
  RETURN_IF_ERROR(WatchProcess(key, connection));
  ASSIGN_OR_RETURN(const Admission::Admitted admitted,
                   admission_->Admit(connection.fd.get(), connection.peer, hello));
  connection.session = admitted.session;
  pending_.Remove(key);
  by_session_.emplace(admitted.session, key);
  if (admitted.version == abi::v1::kHandoffLaneVersion) HandToLane(connection, admitted.token);
  return absl::OkStatus();
}

// Without a handle of the process, a session could outlive it. Where one is only not to be
// had just now, the peer is to come again.
absl::Status Door::WatchProcess(Key key, Connection& connection) {
  errno = 0;
  connection.process = OpenProcess(connection.fd.get(), connection.peer);
  if (!connection.process.ok()) {
    return IsShortage(errno) ? errors::DoorShort(errno) : absl::OkStatus();
  }
  if (Watch(connection.process.get(), key * 2 + 1, EPOLLIN)) return absl::OkStatus();
  return errors::DoorShort(errno);
}

void Door::HandToLane(Connection& connection, const Token& token) {
  const std::optional<Caller> caller = sessions_.Find(token);
  // It may have ended since it was opened; its hang-up is on the way.
  if (!caller) return;
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, connection.fd.get(), nullptr);
  connection.in_lane = true;
  options_.lane->Admit(std::move(connection.fd), *caller);
}

void Door::Refuse(const Connection& connection, const absl::Status& why) {
  LogRefusal(why);
  std::vector<UniqueFd> strays;
  SendRefusal(connection.fd.get(), why, strays);
  CloseLater(strays);
}

void Door::CloseLater(std::vector<UniqueFd>& fds) {
  for (UniqueFd& fd : fds) options_.closer->Close(std::move(fd));
  fds.clear();
}

// --- Leaving -----------------------------------------------------------------

void Door::OnProcessEnd(Key key) {
  const auto entry = connections_.find(key);
  if (entry == connections_.end()) return;
  Connection& connection = entry->second;
  connection.process = UniqueFd();
  if (connection.session == kNoSession) return Drop(key);
  if (connection.in_lane) {
    options_.lane->Leave(connection.session);
  } else {
    // The end of the connection is told all the same; what children send is not read.
    epoll_event event{};
    event.data.u64 = key * 2;
    epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, connection.fd.get(), &event);
  }
  slow_lane_.Run([this, session = connection.session] { sessions_.Leave(session); });
}

void Door::Drop(Key key) {
  const auto entry = connections_.find(key);
  if (entry == connections_.end()) return;
  Connection connection = std::move(entry->second);
  connections_.erase(entry);
  pending_.Remove(key);
  by_session_.erase(connection.session);
  if (connection.in_lane) {
    options_.lane->Drop(connection.session);
  } else {
    // The peer hears of it now. The close may take longer, for what unread messages hold.
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, connection.fd.get(), nullptr);
    shutdown(connection.fd.get(), SHUT_RDWR);
    options_.closer->Close(std::move(connection.fd));
  }
  if (connection.session == kNoSession) return;
  slow_lane_.Run([this, session = connection.session] { sessions_.End(session); });
}

void Door::DropSilent(BootTime now) {
  while (!pending_.empty() && pending_.next_deadline() <= now) Drop(pending_.oldest());
}

void Door::DropHungUp() {
  std::vector<SessionId> sessions;
  {
    RankedLock lock(&mu_);
    sessions.swap(hung_up_);
  }
  for (const SessionId session : sessions) {
    const auto entry = by_session_.find(session);
    if (entry != by_session_.end()) Drop(entry->second);
  }
}

}  // namespace percpud
