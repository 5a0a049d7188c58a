// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The functions of percpud.h, and what a fork does to all clients.

#include "client/c/percpud.h"

#include <poll.h>
#include <pthread.h>
#include <time.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#include "client/c/client.h"
#include "client/c/thread_area.h"
#include "proto/percpud/abi/v1/wire.h"

namespace {

using percpud::c::Locked;

constexpr std::int64_t kMillisecondNs = 1'000'000;
// Between two looks for a daemon that is not there.
constexpr int kNapMs = 20;

// All clients. Taken before any client's own lock.
pthread_mutex_t g_mutex = PTHREAD_MUTEX_INITIALIZER;
percpud_client* g_clients = nullptr;
pthread_once_t g_once = PTHREAD_ONCE_INIT;

std::int64_t NowNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// A fork finds no client in the middle of anything.
void BeforeFork() {
  pthread_mutex_lock(&g_mutex);
  for (percpud_client* p = g_clients; p != nullptr; p = p->next) {
    pthread_mutex_lock(&p->reading);
    pthread_mutex_lock(&p->mutex);
  }
}
void AfterForkInParent() {
  for (percpud_client* p = g_clients; p != nullptr; p = p->next) {
    pthread_mutex_unlock(&p->mutex);
    pthread_mutex_unlock(&p->reading);
  }
  pthread_mutex_unlock(&g_mutex);
}
void AfterForkInChild() {
  const std::int64_t now = NowNs();
  for (percpud_client* p = g_clients; p != nullptr; p = p->next) {
    p->BeginAnew(now);
    if (p->metrics_reader != nullptr) p->metrics_reader->BeginAnew();
  }
  AfterForkInParent();
}

void InstallForkHandlers() { pthread_atfork(&BeforeFork, &AfterForkInParent, &AfterForkInChild); }

// What the program says, or else what its environment does.
const char* SaidOrSet(const char* said, const char* variable) {
  if (said != nullptr) return said;
  const char* const set = std::getenv(variable);
  return set != nullptr && *set != '\0' ? set : nullptr;
}

// Copies a text that may be missing. False if memory is short.
bool Copy(const char* text, char*& out) {
  out = text == nullptr ? nullptr : strdup(text);
  return text == nullptr || out != nullptr;
}

// Waits for the daemon's next word, or for a while if there is none to come.
void AwaitDoor(int door, std::int64_t milliseconds) {
  pollfd polled{.fd = door, .events = POLLIN, .revents = 0};
  const bool connected = door != percpud::c::kNoDoor;
  poll(&polled, connected ? 1 : 0, static_cast<int>(std::min<std::int64_t>(milliseconds, kNapMs)));
}

}  // namespace

percpud_client* percpud_open(const char* address) {
  percpud_options options{};
  options.size = sizeof(options);
  options.address = address;
  return percpud_open_as(&options);
}

percpud_client* percpud_open_as(const percpud_options* given) {
  pthread_once(&g_once, &InstallForkHandlers);
  percpud::c::RegisterThread();
  percpud_options options{};
  std::memcpy(&options, given, std::min(given->size, sizeof(options)));
  void* const memory = std::malloc(sizeof(percpud_client));
  if (memory == nullptr) return nullptr;
  auto* const p = new (memory) percpud_client;
  const char* const address = SaidOrSet(options.address, "PERCPUD_ADDRESS");
  if (!Copy(address != nullptr ? address : percpud::abi::v1::kDefaultAddress, p->address) ||
      !Copy(SaidOrSet(options.name_space, "PERCPUD_NAMESPACE"), p->name_space) ||
      !Copy(options.writer, p->writer_label)) {
    p->FreeAll();
    std::free(p);
    return nullptr;
  }
  const Locked all(g_mutex);
  p->next = g_clients;
  g_clients = p;
  return p;
}

void percpud_close(percpud_client* p) {
  if (p == nullptr) return;
  percpud_poll(p);
  {
    const Locked all(g_mutex);
    percpud_client** at = &g_clients;
    while (*at != p) at = &(*at)->next;
    *at = p->next;
  }
  p->FreeAll();
  pthread_mutex_destroy(&p->mutex);
  pthread_mutex_destroy(&p->reading);
  std::free(p);
}

void percpud_on_notice(percpud_client* p, percpud_notice_fn notice, void* context) {
  const Locked locked(p->mutex);
  p->notice = notice;
  p->notice_context = context;
}

percpud_counter* percpud_counter_open(percpud_client* p, const char* name) {
  if (p == nullptr) return nullptr;
  const Locked locked(p->mutex);
  percpud::c::Counter* const counter = p->Find(name);
  p->Advance(NowNs());
  return counter;
}

percpud_family* percpud_family_open(percpud_client* p, const percpud_family_options* options) {
  if (p == nullptr || options == nullptr) return nullptr;
  const Locked locked(p->mutex);
  return p->series.FindFamily(*options);
}

percpud_series* percpud_series_open(percpud_family* family, const char* const* label_values) {
  if (family == nullptr) return nullptr;
  percpud_client* const p = family->client;
  const Locked locked(p->mutex);
  percpud_series* const series = p->series.FindSeries(*family, label_values);
  p->Advance(NowNs());
  return series;
}

int percpud_poll(percpud_client* p) {
  const Locked locked(p->mutex);
  p->Advance(NowNs());
  return p->Fold() ? 1 : 0;
}

int percpud_wait(percpud_client* p, int milliseconds) {
  const std::int64_t end = NowNs() + milliseconds * kMillisecondNs;
  while (true) {
    int door = percpud::c::kNoDoor;
    const std::int64_t now = NowNs();
    {
      const Locked locked(p->mutex);
      p->Advance(now);
      if (p->Fold()) return 1;
      door = p->door;
    }
    if (now >= end) return 0;
    AwaitDoor(door, (end - now + kMillisecondNs - 1) / kMillisecondNs);
  }
}

const char* percpud_version(void) { return PERCPUD_VERSION; }
