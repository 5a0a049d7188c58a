// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/handoff/door.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/handoff/messages.h"
#include "server/session/access/peer.h"

namespace percpud {
namespace {

using abi::v1::Hello;
using abi::v1::MapMode;
using abi::v1::Welcome;

// What an event of the epoll set is about: a connection's key, doubled; odd for
// its process.
constexpr std::uint64_t kListening = 0;
constexpr std::uint64_t kWake = 1;
constexpr std::uint64_t kFirstKey = 1;
// Out of descriptors: leave the connections in the backlog this long.
constexpr absl::Duration kAcceptPause = absl::Milliseconds(50);

SessionKind KindOf(MapMode granted) {
  switch (granted) {
    case MapMode::kReadWrite:
      return SessionKind::kLocalReadWrite;
    case MapMode::kReadOnly:
      return SessionKind::kLocalReadOnly;
    case MapMode::kNone:
      break;
  }
  return SessionKind::kLocalUnmapped;
}

// The same memory through a descriptor that cannot write it, whatever the
// receiver tries.
UniqueFd ReopenReadOnly(int fd) {
  return UniqueFd(open(absl::StrCat("/proc/self/fd/", fd).c_str(), O_RDONLY | O_CLOEXEC));
}

absl::StatusOr<std::unique_ptr<UnixSocket>> Listen(Door::Options& options) {
  if (options.passed.ok()) return UnixSocket::Adopt(options.path, std::move(options.passed));
  return UnixSocket::Bind(options.path, SOCK_SEQPACKET, options.mode);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Door>> Door::Bind(Sessions& sessions, Options options) {
  auto socket = Listen(options);
  if (!socket.ok()) return socket.status();
  UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  UniqueFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!epoll.ok() || !wake.ok()) return errors::OsRefused("epoll_create1", options.path, errno);
  std::unique_ptr<Door> door(new Door(sessions, std::move(options), *std::move(socket),
                                      std::move(epoll), std::move(wake)));
  if (!door->Watch(door->socket_->fd(), kListening, EPOLLIN) ||
      !door->Watch(door->wake_.get(), kWake, EPOLLIN)) {
    return errors::OsRefused("epoll_ctl", door->path(), errno);
  }
  return door;
}

Door::Door(Sessions& sessions, Options options, std::unique_ptr<UnixSocket> socket, UniqueFd epoll,
           UniqueFd wake)
    : sessions_(sessions),
      options_(std::move(options)),
      socket_(std::move(socket)),
      epoll_(std::move(epoll)),
      wake_(std::move(wake)),
      rules_(options_.rules) {}

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
}

void Door::HangUp(SessionId session) {
  {
    RankedLock lock(&mu_);
    hung_up_.push_back(session);
  }
  Nudge();
}

void Door::SetRules(AccessRules rules) {
  RankedLock lock(&mu_);
  rules_ = std::move(rules);
}

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
    for (int i = 0; i < count; ++i) {
      const std::uint64_t key = events[i].data.u64;
      if (key == kListening) {
        Accept();
      } else if (key == kWake) {
        eventfd_t news = 0;
        eventfd_read(wake_.get(), &news);
        DropHungUp();
      } else if (key % 2 == 1) {
        Drop(key / 2);
      } else {
        OnReadable(key / 2);
      }
    }
    DropSilent(options_.clock->Now());
    pulse_.Beat();
    RankedLock lock(&mu_);
    if (stopping_) return;
  }
}

int Door::WaitMs(absl::Time now) const {
  absl::Time next = accept_again_;
  if (pending_ == 0 && next == absl::InfiniteFuture()) return -1;
  for (const auto& [key, connection] : connections_) {
    if (connection.session == kNoSession) next = std::min(next, connection.deadline);
  }
  // Rounded up: woken before the deadline, it would only wait again.
  return static_cast<int>(std::clamp<std::int64_t>(
      absl::ToInt64Milliseconds(next - now + absl::Milliseconds(1)), 0, 60'000));
}

void Door::Accept() {
  UniqueFd fd(accept4(socket_->fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd.ok()) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) PauseAccepting();
    return;
  }
  const std::optional<Peer> peer = AskPeer(fd.get());
  if (!peer) return;
  if (pending_ >= options_.pending) {
    SendRefusal(fd.get(), errors::TooManyHandshakes(options_.pending));
    return;
  }
  const Key key = ++last_key_ + kFirstKey;
  Connection connection{.fd = std::move(fd),
                        .process = {},
                        .peer = *peer,
                        .deadline = options_.clock->Now() + options_.handshake};
  if (!Watch(connection.fd.get(), key * 2, EPOLLIN | EPOLLRDHUP)) return;
  connection.process = OpenProcess(connection.fd.get(), *peer);
  if (connection.process.ok()) Watch(connection.process.get(), key * 2 + 1, EPOLLIN);
  connections_.emplace(key, std::move(connection));
  ++pending_;
}

// What cannot be accepted stays readable, and would wake the thread for ever.
void Door::PauseAccepting() {
  epoll_event event{};
  event.data.u64 = kListening;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, socket_->fd(), &event) != 0) return;
  accept_again_ = options_.clock->Now() + kAcceptPause;
}

void Door::AcceptAgain(absl::Time now) {
  if (now < accept_again_) return;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kListening;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, socket_->fd(), &event) != 0) return;
  accept_again_ = absl::InfiniteFuture();
}

// Hello if it is the first thing said; anything else ends the connection, its
// end included.
void Door::OnReadable(Key key) {
  const auto entry = connections_.find(key);
  if (entry == connections_.end()) return;
  Connection& connection = entry->second;
  const std::optional<Hello> hello = ReceiveHello(connection.fd.get());
  if (connection.session != kNoSession || !hello) return Drop(key);
  if (absl::Status status = Admit(connection, *hello); !status.ok()) {
    SendRefusal(connection.fd.get(), status);
    return Drop(key);
  }
  --pending_;
}

// --- Admission ---------------------------------------------------------------

Role Door::RoleOf(const Peer& peer) const {
  RankedLock lock(&mu_);
  return rules_.RoleOf(peer);
}

absl::StatusOr<MapMode> Door::Grant(const Peer& peer, const Hello& hello) const {
  if (hello.version < abi::v1::kHandoffVersion || hello.version > abi::v1::kHandoffLaneVersion) {
    return errors::HandoffVersion(hello.version, abi::v1::kHandoffLaneVersion);
  }
  if (hello.wanted > static_cast<std::uint32_t>(MapMode::kReadWrite)) {
    return errors::UnknownEnum("wanted", static_cast<int>(hello.wanted));
  }
  const Role role = RoleOf(peer);
  if (role < Role::kViewer) return errors::RoleTooLow("door", Name(Role::kViewer), Name(role));
  const auto wanted = static_cast<MapMode>(hello.wanted);
  const bool may_write =
      role >= Role::kClient && (hello.abilities & options_.needed_abilities) != 0;
  return wanted == MapMode::kReadWrite && !may_write ? MapMode::kReadOnly : wanted;
}

absl::Status Door::Admit(Connection& connection, const Hello& hello) {
  const absl::StatusOr<MapMode> granted = Grant(connection.peer, hello);
  if (!granted.ok()) return granted.status();
  const bool resumes = hello.resume != Token{};
  const absl::StatusOr<OpenedSession> opened =
      resumes ? sessions_.Resume(hello.resume, connection.peer) : Open(connection.peer, *granted);
  if (!opened.ok()) return opened.status();
  connection.session = opened->id;
  const std::uint32_t version = VersionFor(hello);
  if (absl::Status status = Greet(connection, opened->token, *granted, version); !status.ok()) {
    sessions_.End(opened->id);
    connection.session = kNoSession;
    return status;
  }
  if (version == abi::v1::kHandoffLaneVersion) HandToLane(connection, opened->token);
  return absl::OkStatus();
}

std::uint32_t Door::VersionFor(const Hello& hello) const {
  return options_.lane == nullptr ? abi::v1::kHandoffVersion : hello.version;
}

void Door::HandToLane(Connection& connection, const Token& token) {
  const std::optional<Caller> caller = sessions_.Find(token);
  // It may have ended since it was opened; its hang-up is on the way.
  if (!caller) return;
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, connection.fd.get(), nullptr);
  connection.in_lane = true;
  options_.lane->Admit(std::move(connection.fd), *caller);
}

absl::StatusOr<OpenedSession> Door::Open(const Peer& peer, MapMode granted) {
  // A session never has an operator's power, whoever runs it: it is a program
  // at work, and its mistakes must not reach others.
  const Role role = std::min(RoleOf(peer), Role::kClient);
  return sessions_.Open({.kind = KindOf(granted),
                         .peer = peer,
                         .command = CommandOf(peer),
                         .role = role,
                         .started = StartOf(peer.pid).value_or(0)});
}

absl::Status Door::Greet(const Connection& connection, const Token& token, MapMode granted,
                         std::uint32_t version) const {
  Welcome welcome{};
  welcome.magic = abi::v1::kWelcomeMagic;
  welcome.version = version;
  welcome.session = connection.session.value();
  welcome.token = token;
  welcome.granted = static_cast<std::uint32_t>(granted);
  const UniqueFd layout = ReopenReadOnly(options_.layout_fd);
  UniqueFd read_only;
  if (granted == MapMode::kReadOnly) read_only = ReopenReadOnly(options_.arena_fd);
  // The layout last; before it the arena, if it is to be mapped.
  absl::InlinedVector<int, 2> fds;
  if (granted != MapMode::kNone) {
    fds.push_back(granted == MapMode::kReadOnly ? read_only.get() : options_.arena_fd);
  }
  fds.push_back(layout.get());
  if (std::any_of(fds.begin(), fds.end(), [](int fd) { return fd < 0; })) {
    return errors::OsRefused("open", "arena", errno);
  }
  return SendWelcome(connection.fd.get(), welcome, fds);
}

// --- Leaving -----------------------------------------------------------------

void Door::Drop(Key key) {
  const auto entry = connections_.find(key);
  if (entry == connections_.end()) return;
  const SessionId session = entry->second.session;
  if (session == kNoSession) --pending_;
  if (entry->second.in_lane) options_.lane->Drop(session);
  connections_.erase(entry);
  if (session != kNoSession) sessions_.End(session);
}

void Door::DropSilent(absl::Time now) {
  if (pending_ == 0) return;
  std::vector<Key> silent;
  for (const auto& [key, connection] : connections_) {
    if (connection.session == kNoSession && connection.deadline <= now) silent.push_back(key);
  }
  for (const Key key : silent) Drop(key);
}

void Door::DropHungUp() {
  std::vector<SessionId> sessions;
  {
    RankedLock lock(&mu_);
    sessions.swap(hung_up_);
  }
  std::vector<Key> keys;
  for (const auto& [key, connection] : connections_) {
    if (std::find(sessions.begin(), sessions.end(), connection.session) != sessions.end()) {
      keys.push_back(key);
    }
  }
  for (const Key key : keys) Drop(key);
}

}  // namespace percpud
