// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The functions of percpud.h, and what a fork does to all clients.

#include "client/c/percpud.h"

#include <pthread.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <optional>

#include "client/c/client.h"
#include "client/c/thread_area.h"
#include "client/c/waiting.h"
#include "proto/percpud/abi/v1/wire.h"

namespace {

using percpud::c::Locked;
using percpud::c::NowNs;
using percpud::c::Standing;

// All clients. Taken before any client's own lock.
pthread_mutex_t g_mutex = PTHREAD_MUTEX_INITIALIZER;
percpud_client* g_clients = nullptr;
pthread_once_t g_once = PTHREAD_ONCE_INIT;

// A fork finds no client in the middle of anything, but for a thread that waits for the daemon's
// answer: that may take as long as the thread likes, and nothing of it is needed in the child.
void BeforeFork() {
  pthread_mutex_lock(&g_mutex);
  for (percpud_client* p = g_clients; p != nullptr; p = p->next) {
    p->is_read_by_another = pthread_mutex_trylock(&p->reading) != 0;
    pthread_mutex_lock(&p->mutex);
  }
}
void AfterForkInParent() {
  for (percpud_client* p = g_clients; p != nullptr; p = p->next) {
    pthread_mutex_unlock(&p->mutex);
    if (!p->is_read_by_another) pthread_mutex_unlock(&p->reading);
  }
  pthread_mutex_unlock(&g_mutex);
}
void AfterForkInChild() {
  const std::int64_t now = NowNs();
  for (percpud_client* p = g_clients; p != nullptr; p = p->next) {
    if (p->is_read_by_another) p->ForgetReading();
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

// The group that the namespace is shared with, if any.
std::optional<std::uint32_t> GroupOf(const percpud_options& options) {
  if ((options.flags & PERCPUD_SHARE_WITH_GROUP) != 0) return options.group;
  const char* const set = std::getenv("PERCPUD_GROUP");
  if (set == nullptr || *set < '0' || *set > '9') return std::nullopt;
  char* end = nullptr;
  const unsigned long long group = std::strtoull(set, &end, 10);
  if (*end != '\0' || group > UINT32_MAX) return std::nullopt;
  return static_cast<std::uint32_t>(group);
}

// Copies a text that may be missing. False if memory is short.
bool Copy(const char* text, char*& out) {
  out = text == nullptr ? nullptr : strdup(text);
  return text == nullptr || out != nullptr;
}

// Waits until the daemon has said what becomes of what was just opened, if the client's
// openings wait. A daemon that does not answer makes the next ones go on at once.
void AwaitOpening(percpud_client& p, const Standing& standing) {
  const auto is_decided = [&] {
    return p.state == percpud_client::State::kAway ||
           (standing != Standing::kUnasked && standing != Standing::kAsked);
  };
  {
    const Locked locked(p.mutex);
    if (p.open_wait_ms == 0 || is_decided() || NowNs() < p.no_wait_before_ns) return;
  }
  constexpr std::int64_t kSecondNs = 1'000'000'000;
  if (percpud::c::WaitUntil(p, percpud::c::DeadlineNs(p.open_wait_ms), is_decided)) return;
  const Locked locked(p.mutex);
  p.no_wait_before_ns = NowNs() + kSecondNs;
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
      !p->series.SetWriter(options.writer, (options.flags & PERCPUD_WRITER_SLOT) != 0)) {
    p->FreeAll();
    p->~percpud_client();
    std::free(p);
    return nullptr;
  }
  p->open_wait_ms = options.open_wait_ms;
  p->group = GroupOf(options);
  const Locked all(g_mutex);
  p->next = g_clients;
  g_clients = p;
  return p;
}

void percpud_close(percpud_client* p) {
  percpud_poll(p);
  percpud_discard(p);
}

void percpud_discard(percpud_client* p) {
  if (p == nullptr) return;
  {
    const Locked all(g_mutex);
    percpud_client** at = &g_clients;
    while (*at != p) at = &(*at)->next;
    *at = p->next;
  }
  p->FreeAll();
  pthread_mutex_destroy(&p->mutex);
  pthread_mutex_destroy(&p->reading);
  p->~percpud_client();
  std::free(p);
}

void percpud_on_notice(percpud_client* p, percpud_notice_fn notice, void* context) {
  if (p == nullptr) return;
  const Locked locked(p->mutex);
  p->notice = notice;
  p->notice_context = context;
}

percpud_counter* percpud_counter_open(percpud_client* p, const char* name) {
  if (p == nullptr || name == nullptr) return nullptr;
  percpud::c::Counter* counter = nullptr;
  {
    const Locked locked(p->mutex);
    counter = p->Find(name);
    p->Advance(NowNs());
  }
  if (counter != nullptr) AwaitOpening(*p, counter->standing);
  return counter;
}

percpud_family* percpud_family_open(percpud_client* p, const percpud_family_options* options) {
  if (p == nullptr || options == nullptr) return nullptr;
  const Locked locked(p->mutex);
  return p->series.FindFamily(*options);
}

percpud_series* percpud_series_open(percpud_family* family, const char* const* label_values) {
  return percpud_series_open_as(family, label_values, nullptr);
}

percpud_series* percpud_series_open_as(percpud_family* family, const char* const* label_values,
                                       const char* writer) {
  if (family == nullptr) return nullptr;
  percpud_client* const p = family->client;
  percpud_series* series = nullptr;
  {
    const Locked locked(p->mutex);
    percpud::c::Writer* const own = p->series.FindWriter(writer, true);
    if (own == nullptr) return nullptr;
    series = p->series.FindSeries(*family, label_values, *own);
    // What is there already and open costs a look-up alone.
    if (series == nullptr || series->standing == Standing::kOpen) return series;
    p->Advance(NowNs());
  }
  AwaitOpening(*p, series->standing);
  return series;
}

int64_t percpud_writer_slot(percpud_client* p) {
  if (p == nullptr) return -1;
  const Locked locked(p->mutex);
  return p->series.slot();
}

int percpud_is_attached(percpud_client* p) {
  if (p == nullptr) return 0;
  const Locked locked(p->mutex);
  return p->state == percpud_client::State::kAttached ? 1 : 0;
}

int percpud_poll(percpud_client* p) {
  if (p == nullptr) return 0;
  const Locked locked(p->mutex);
  p->Advance(NowNs());
  return p->Fold() ? 1 : 0;
}

int percpud_wait(percpud_client* p, int milliseconds) {
  if (p == nullptr) return 0;
  const auto is_settled = [p] { return p->Fold(); };
  return percpud::c::WaitUntil(*p, percpud::c::DeadlineNs(milliseconds), is_settled) ? 1 : 0;
}

const char* percpud_version(void) { return PERCPUD_VERSION; }
