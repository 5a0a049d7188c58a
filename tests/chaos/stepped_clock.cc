// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Preloaded: the hour as somebody sets it. The file that STEPPED_CLOCK names holds one
// integer, nanoseconds, by which the hour is ahead of the host's; it may change at any
// time. Elapsed time (CLOCK_MONOTONIC, CLOCK_BOOTTIME) is the host's.

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
  const std::int64_t sum = time.tv_sec * kSecond + time.tv_nsec + nanoseconds;
  return {.tv_sec = sum / kSecond, .tv_nsec = sum % kSecond};
}

template <typename Function>
Function Next(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

// What the kernel is told of an hour of ours.
timespec HostsHour(const timespec& hour) { return Later(hour, -Ahead()); }

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  static const auto next = Next<int (*)(clockid_t, timespec*)>("clock_gettime");
  const int result = next(clock, time);
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
  const timespec hosts = until->tv_sec > kThirtyYears ? HostsHour(*until) : *until;
  return next(condition, mutex, &hosts);
}

long syscall(long number, ...) noexcept {
  static const auto next = Next<long (*)(long, ...)>("syscall");
  va_list list;
  va_start(list, number);
  long arguments[6];
  for (long& argument : arguments) argument = va_arg(list, long);
  va_end(list);
  timespec hosts{};
  const auto* const until = reinterpret_cast<const timespec*>(arguments[3]);
  constexpr long kAbsoluteWait = FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME;
  if (number == SYS_futex && (arguments[1] & ~FUTEX_PRIVATE_FLAG) == kAbsoluteWait &&
      until != nullptr) {
    hosts = HostsHour(*until);
    arguments[3] = reinterpret_cast<long>(&hosts);
  }
  return next(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
              arguments[5]);
}

}  // extern "C"
