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
  for (percpud_client* p = g_clients; p != nullptr; p = p->next) pthread_mutex_lock(&p->mutex);
}
void AfterForkInParent() {
  for (percpud_client* p = g_clients; p != nullptr; p = p->next) pthread_mutex_unlock(&p->mutex);
  pthread_mutex_unlock(&g_mutex);
}
void AfterForkInChild() {
  for (percpud_client* p = g_clients; p != nullptr; p = p->next) p->BeginAnew();
  AfterForkInParent();
}

void InstallForkHandlers() { pthread_atfork(&BeforeFork, &AfterForkInParent, &AfterForkInChild); }

const char* AddressOrDefault(const char* address) {
  if (address != nullptr) return address;
  const char* const set = std::getenv("PERCPUD_ADDRESS");
  return set != nullptr && *set != '\0' ? set : percpud::abi::v1::kDefaultAddress;
}

// Waits for the daemon's next word, or for a while if there is none to come.
void AwaitDoor(int door, std::int64_t milliseconds) {
  pollfd polled{.fd = door, .events = POLLIN, .revents = 0};
  const bool connected = door != percpud::c::kNoDoor;
  poll(&polled, connected ? 1 : 0, static_cast<int>(std::min<std::int64_t>(milliseconds, kNapMs)));
}

}  // namespace

percpud_client* percpud_open(const char* address) {
  pthread_once(&g_once, &InstallForkHandlers);
  percpud::c::RegisterThread();
  char* const copy = strdup(AddressOrDefault(address));
  void* const memory = copy == nullptr ? nullptr : std::malloc(sizeof(percpud_client));
  if (memory == nullptr) {
    std::free(copy);
    return nullptr;
  }
  auto* const p = new (memory) percpud_client;
  p->address = copy;
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
