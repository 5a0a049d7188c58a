// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/handoff/lane.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <array>
#include <cassert>
#include <cerrno>
#include <utility>

#include "server/base/errors.h"
#include "server/handoff/lane_socket.h"
#include "server/handoff/messages.h"

namespace percpud {
namespace {

// What an event of the epoll set is about: a session, or this.
constexpr std::uint64_t kWake = kNoSession.value();
// What is served between two looks at who else has sent something: these turns at most, or what
// one is worth. A session that keeps its turns full is not served again before the others were
// looked for.
constexpr int kTurnsARound = 16;
constexpr std::int64_t kCostARound = LaneConnection::kTurn;

using Turn = LaneConnection::Turn;

}  // namespace

absl::StatusOr<std::unique_ptr<Lane>> Lane::Create(const Calls& calls, Options options) {
  assert(options.gone && options.close);
  UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  UniqueFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kWake;
  if (!epoll.ok() || !wake.ok() || epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wake.get(), &event) != 0) {
    return errors::OsRefused("epoll_create1", "lane", errno);
  }
  return std::unique_ptr<Lane>(
      new Lane(calls, std::move(options), std::move(epoll), std::move(wake)));
}

Lane::Lane(const Calls& calls, Options options, UniqueFd epoll, UniqueFd wake)
    : options_(std::move(options)),
      epoll_(std::move(epoll)),
      wake_(std::move(wake)),
      desk_(std::make_unique<LaneDesk>(calls)),
      slow_desk_(std::make_unique<LaneDesk>(calls)) {}

Lane::~Lane() { Stop(BootTime::InfinitePast()); }

void Lane::Start() {
  assert(!thread_.joinable());
  thread_ = std::thread([this] { Loop(); });
}

void Lane::Stop(BootTime deadline) {
  if (!thread_.joinable()) return;
  slow_lane_.AwaitIdle(deadline);
  slow_lane_.Close();
  {
    RankedLock lock(&mu_);
    stopping_ = true;
  }
  Nudge();
  thread_.join();
}

void Lane::Nudge() const { eventfd_write(wake_.get(), 1); }

void Lane::Admit(UniqueFd connection, const Caller& caller) {
  assert(caller.session != kNoSession);
  {
    RankedLock lock(&mu_);
    news_.admitted.emplace_back(std::move(connection), caller);
  }
  Nudge();
}

void Lane::Drop(SessionId session) {
  {
    RankedLock lock(&mu_);
    news_.dropped.push_back(session);
  }
  Nudge();
}

void Lane::Leave(SessionId session) {
  {
    RankedLock lock(&mu_);
    news_.left.push_back(session);
  }
  Nudge();
}

// --- The thread --------------------------------------------------------------

void Lane::Loop() {
  pthread_setname_np(pthread_self(), "lane");
  std::array<epoll_event, 64> events{};
  while (true) {
    const int wait = queue_.empty() ? -1 : 0;
    const int count = epoll_wait(epoll_.get(), events.data(), events.size(), wait);
    bool has_news = false;
    for (int i = 0; i < count; ++i) {
      if (events[i].data.u64 == kWake) {
        has_news = true;
      } else {
        OnEvent(SessionId(events[i].data.u64), events[i].events);
      }
    }
    if (has_news) {
      eventfd_t nudges = 0;
      eventfd_read(wake_.get(), &nudges);
      TakeNews();
    }
    std::int64_t left = kCostARound;
    for (int turn = 0; turn < kTurnsARound && left > 0 && !queue_.empty(); ++turn) {
      left -= ServeNext();
    }
    pulse_.Beat();
    if (!has_news) continue;
    RankedLock lock(&mu_);
    if (stopping_) return;
  }
}

void Lane::TakeNews() {
  News news;
  {
    RankedLock lock(&mu_);
    std::swap(news, news_);
  }
  for (auto& [connection, caller] : news.admitted) TakeIn(std::move(connection), caller);
  for (const SessionId session : news.awake) Wake(session);
  for (const SessionId session : news.left) {
    const auto entry = entries_.find(session);
    if (entry != entries_.end()) LeaveAlone(session, entry->second);
  }
  for (const SessionId session : news.dropped) {
    const auto entry = entries_.find(session);
    if (entry != entries_.end()) End(session, entry->second, /*tell=*/false);
  }
}

void Lane::TakeIn(UniqueFd connection, const Caller& caller) {
  const SessionId session = caller.session;
  assert(!entries_.contains(session));
  LimitUnreadAnswers(connection.get());
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = session.value();
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connection.get(), &event) != 0) {
    options_.close(std::move(connection));
    options_.gone(session);
    return;
  }
  entries_.insert_or_assign(session, Entry{.connection = std::make_unique<LaneConnection>(
                                               std::move(connection), caller)});
}

void Lane::OnEvent(SessionId session, std::uint32_t events) {
  const auto found = entries_.find(session);
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  switch (entry.state) {
    case State::kIdle:
      // Sent something, or closed: reading will tell.
      return Queue(session, entry);
    case State::kQueued:
      return;
    case State::kAsleep:
    case State::kLeft:
      // Only what cannot be left unwatched: the client has closed.
      return End(session, entry, /*tell=*/true);
    case State::kFull:
      if ((events & (EPOLLHUP | EPOLLERR)) != 0) return End(session, entry, /*tell=*/true);
      return Flush(session, entry);
  }
}

void Lane::Queue(SessionId session, Entry& entry) {
  entry.state = State::kQueued;
  queue_.Push(entry.connection->caller().uid, session);
}

std::int64_t Lane::ServeNext() {
  const SessionId session = queue_.Pop();
  const auto found = entries_.find(session);
  if (found == entries_.end()) return 0;
  Entry& entry = found->second;
  if (entry.state == State::kLeft) return 0;
  assert(entry.state == State::kQueued);
  const Turn turn = entry.connection->Serve(*desk_);
  // Settling it may end it.
  const std::int64_t spent = entry.connection->spent();
  CloseStrays(*desk_);
  Settle(session, entry, turn);
  return spent;
}

void Lane::Settle(SessionId session, Entry& entry, Turn turn) {
  switch (turn) {
    case Turn::kIdle:
      entry.state = State::kIdle;
      return;
    case Turn::kMore:
      return Queue(session, entry);
    case Turn::kSleeps:
      return Sleep(session, entry);
    case Turn::kFull:
      entry.state = State::kFull;
      return Watch(entry, session, EPOLLOUT);
    case Turn::kGarbage:
      SendRefusal(entry.connection->fd(), errors::LaneMalformed(), desk_->strays);
      CloseStrays(*desk_);
      return End(session, entry, /*tell=*/true);
    case Turn::kEnd:
      return End(session, entry, /*tell=*/true);
  }
}

void Lane::Sleep(SessionId session, Entry& entry) {
  entry.state = State::kAsleep;
  // What the client sends meanwhile stays unread.
  Watch(entry, session, 0);
  sleepers_.Push(entry.connection->caller().uid, session);
  RunSleeper();
}

void Lane::RunSleeper() {
  while (!is_slow_lane_busy_ && !sleepers_.empty()) {
    const SessionId session = sleepers_.Pop();
    Entry& entry = EntryAsleep(session);
    if (entry.is_over) {
      entry.state = State::kFull;
      End(session, entry, entry.tell);
      continue;
    }
    if (entry.is_left) {
      entry.state = State::kLeft;
      continue;
    }
    is_slow_lane_busy_ = true;
    slow_lane_.Run([this, session, connection = entry.connection.get()] {
      connection->ServeSleeper(*slow_desk_);
      {
        RankedLock lock(&mu_);
        news_.awake.push_back(session);
      }
      Nudge();
    });
  }
}

// One that is asleep is not removed.
Lane::Entry& Lane::EntryAsleep(SessionId session) {
  const auto found = entries_.find(session);
  assert(found != entries_.end() && found->second.state == State::kAsleep);
  return found->second;
}

void Lane::Wake(SessionId session) {
  is_slow_lane_busy_ = false;
  Entry& entry = EntryAsleep(session);
  entry.state = State::kFull;
  if (entry.is_over) {
    End(session, entry, entry.tell);
  } else if (entry.is_left) {
    entry.state = State::kLeft;
  } else {
    Flush(session, entry);
  }
  RunSleeper();
}

void Lane::Flush(SessionId session, Entry& entry) {
  assert(entry.state == State::kFull);
  switch (entry.connection->Flush()) {
    case Turn::kMore:
      Watch(entry, session, EPOLLIN);
      return Queue(session, entry);
    case Turn::kFull:
      return Watch(entry, session, EPOLLOUT);
    default:
      return End(session, entry, /*tell=*/true);
  }
}

void Lane::LeaveAlone(SessionId session, Entry& entry) {
  entry.is_left = true;
  if (entry.state == State::kAsleep) return;
  entry.state = State::kLeft;
  Watch(entry, session, 0);
}

void Lane::End(SessionId session, Entry& entry, bool tell) {
  if (entry.state == State::kAsleep) {
    // A socket that is closed cannot be left unwatched but by leaving the set.
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, entry.connection->fd(), nullptr);
    entry.tell = tell || (entry.is_over && entry.tell);
    entry.is_over = true;
    return;
  }
  // Closing alone would leave the set only with the last copy of the descriptor.
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, entry.connection->fd(), nullptr);
  options_.close(entry.connection->TakeFd());
  entries_.erase(session);
  if (tell) options_.gone(session);
}

void Lane::CloseStrays(LaneDesk& desk) {
  for (UniqueFd& stray : desk.strays) options_.close(std::move(stray));
  desk.strays.clear();
}

void Lane::Watch(const Entry& entry, SessionId session, std::uint32_t events) const {
  epoll_event event{};
  event.events = events;
  event.data.u64 = session.value();
  // It cannot fail: the descriptor is in the set, and the memory is there.
  const int changed = epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, entry.connection->fd(), &event);
  assert(changed == 0);
  static_cast<void>(changed);
}

}  // namespace percpud
