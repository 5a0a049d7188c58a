// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Preloaded: the hour as somebody sets it. The file that STEPPED_CLOCK names holds one
// integer, nanoseconds, by which the hour is ahead of the host's; it may change at any
// time. Elapsed time (CLOCK_MONOTONIC, CLOCK_BOOTTIME) is the host's.
//
// A wait until an hour ends when that hour has come, also if the clock is set while it
// lasts, as the kernel has it.

#include <dlfcn.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <bit>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdlib>

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

std::int64_t Ahead() {
  static const std::atomic<std::int64_t>* const ahead = [] {
    static std::atomic<std::int64_t> none{0};
    const char* const path = std::getenv("STEPPED_CLOCK");
    if (path == nullptr) return &none;
    const int file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0) return &none;
    void* const memory = mmap(nullptr, sizeof(none), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    return memory == MAP_FAILED ? &none : static_cast<std::atomic<std::int64_t>*>(memory);
  }();
  return ahead->load(std::memory_order_relaxed);
}

timespec Later(const timespec& time, std::int64_t nanoseconds) {
  timespec later{.tv_sec = time.tv_sec + nanoseconds / kSecond,
                 .tv_nsec = time.tv_nsec + nanoseconds % kSecond};
  if (later.tv_nsec >= kSecond) later = {later.tv_sec + 1, later.tv_nsec - kSecond};
  if (later.tv_nsec < 0) later = {later.tv_sec - 1, later.tv_nsec + kSecond};
  return later;
}

bool IsBefore(const timespec& a, const timespec& b) {
  return a.tv_sec != b.tv_sec ? a.tv_sec < b.tv_sec : a.tv_nsec < b.tv_nsec;
}

template <typename Function>
Function Next(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

// How soon a wait hears that the clock was set.
constexpr std::int64_t kSlice = kSecond / 50;

int HostsTime(clockid_t clock, timespec* time) {
  static const auto next = Next<int (*)(clockid_t, timespec*)>("clock_gettime");
  return next(clock, time);
}

// What the kernel is told of an hour of ours: no hour before its first one.
timespec HostsHour(const timespec& hour) {
  const timespec hosts = Later(hour, -Ahead());
  return hosts.tv_sec < 0 ? timespec{} : hosts;
}

// Calls wait(hour of the host's) in slices until it returns something else than ETIMEDOUT,
// or our hour `until` has come.
template <typename Wait>
int WaitUntilHour(const timespec& until, Wait wait) {
  while (true) {
    timespec now{};
    HostsTime(CLOCK_REALTIME, &now);
    const timespec slice_end = Later(now, kSlice);
    const timespec end = HostsHour(until);
    const int result = wait(IsBefore(end, slice_end) ? end : slice_end);
    if (result != ETIMEDOUT) return result;
    HostsTime(CLOCK_REALTIME, &now);
    if (!IsBefore(now, HostsHour(until))) return result;
  }
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const int result = HostsTime(clock, time);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
    *time = Later(*time, Ahead());
  }
  return result;
}

int gettimeofday(timeval* time, void* /*zone*/) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  *time = {.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
  return 0;
}

time_t time(time_t* out) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != nullptr) *out = now.tv_sec;
  return now.tv_sec;
}

// Waits until an hour are told to the kernel as its own hour. Those of the monotonic
// clock are told apart by their size: a host is not up for thirty years.
int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex,
                           const timespec* until) {
  static const auto next =
      Next<int (*)(pthread_cond_t*, pthread_mutex_t*, const timespec*)>("pthread_cond_timedwait");
  constexpr time_t kThirtyYears = 1'000'000'000;
  if (until->tv_sec <= kThirtyYears) return next(condition, mutex, until);
  return WaitUntilHour(*until,
                       [&](const timespec& hosts) { return next(condition, mutex, &hosts); });
}

long syscall(long number, ...) noexcept {
  static const auto next = Next<long (*)(long, ...)>("syscall");
  va_list list;
  va_start(list, number);
  long arguments[6];
  for (long& argument : arguments) argument = va_arg(list, long);
  va_end(list);
  const auto call = [&](long until) {
    return next(number, arguments[0], arguments[1], arguments[2], until, arguments[4],
                arguments[5]);
  };
  const auto* const until = std::bit_cast<const timespec*>(arguments[3]);
  constexpr long kAbsoluteWait = FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME;
  const bool waits_until_hour = number == SYS_futex && until != nullptr &&
                                (arguments[1] & ~FUTEX_PRIVATE_FLAG) == kAbsoluteWait;
  if (!waits_until_hour) return call(arguments[3]);
  const int error = WaitUntilHour(*until, [&](const timespec& hosts) {
    return call(reinterpret_cast<long>(&hosts)) == 0 ? 0 : errno;
  });
  if (error != 0) errno = error;
  return error == 0 ? 0 : -1;
}

}  // extern "C"
