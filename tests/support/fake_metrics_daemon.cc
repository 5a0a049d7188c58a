// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/support/fake_metrics_daemon.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "proto/percpud/abi/v1/handoff.h"
#include "proto/percpud/abi/v1/lane_metrics_answers.h"
#include "proto/percpud/abi/v1/lane_metrics_requests.h"
#include "proto/percpud/abi/v1/wire.h"
#include "server/cells/fold.h"
#include "server/cells/layout.h"
#include "server/cells/sum.h"
#include "server/rseq/pair.h"
#include "tests/support/send_fds.h"

namespace percpud::testing {
namespace {

namespace v1 = abi::v1;

constexpr std::uint16_t kResourceExhausted = 8;
constexpr std::uint16_t kFailedPrecondition = 9;
constexpr std::uint16_t kUnimplemented = 12;

std::vector<std::string> Copy(v1::LaneTexts texts) {
  std::vector<std::string> out;
  while (texts.left() > 0) out.emplace_back(texts.Next());
  return out;
}

std::vector<std::string_view> Views(const std::vector<std::string>& texts) {
  return {texts.begin(), texts.end()};
}

// Returns the texts as LaneTexts has them.
std::string Encode(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) {
    const auto bytes = static_cast<std::uint16_t>(text.size());
    out.append(reinterpret_cast<const char*>(&bytes), sizeof(bytes)).append(text);
  }
  return out;
}

std::size_t CellBytes(const v1::LaneFamily& head) {
  switch (static_cast<v1::LaneCells>(head.cells)) {
    case v1::LaneCells::kHistogram:
      return cells::HistogramCells(head.bounds) * sizeof(v1::CountSum);
    case v1::LaneCells::kSummary:
    case v1::LaneCells::kWriter:
      return sizeof(v1::CountSum);
    case v1::LaneCells::kInteger:
    case v1::LaneCells::kDouble:
    case v1::LaneCells::kShared:
      break;
  }
  return sizeof(double);
}

}  // namespace

FakeMetricsDaemon::FakeMetricsDaemon(std::string address) : address_(std::move(address)) {
  MakeArena();
  Start();
}

FakeMetricsDaemon::~FakeMetricsDaemon() {
  Stop();
  DropArena();
}

void FakeMetricsDaemon::Start() {
  sockaddr_un door{};
  door.sun_family = AF_UNIX;
  const std::string path = address_.substr(sizeof("unix:") - 1) + v1::kDoorSuffix;
  path.copy(door.sun_path, sizeof(door.sun_path) - 1);
  unlink(path.c_str());
  listener_ = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (bind(listener_, reinterpret_cast<sockaddr*>(&door), sizeof(door)) != 0 ||
      listen(listener_, 64) != 0) {
    std::abort();
  }
  waker_ = eventfd(0, EFD_CLOEXEC);
  stopping_ = false;
  thread_ = std::thread([this] { Serve(); });
}

void FakeMetricsDaemon::Stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  eventfd_write(waker_, 1);
  thread_.join();
  close(waker_);
}

std::size_t FakeMetricsDaemon::connections() {
  const std::lock_guard lock(mutex_);
  return connections_.size();
}

void FakeMetricsDaemon::Serve() {
  while (!stopping_) {
    std::vector<pollfd> polled = {{listener_, POLLIN, 0}, {waker_, POLLIN, 0}};
    for (const int connection : connections_) polled.push_back({connection, POLLIN, 0});
    poll(polled.data(), polled.size(), -1);
    const std::lock_guard lock(mutex_);
    if (polled[0].revents != 0) {
      const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (connection >= 0) connections_.insert(connection);
    }
    for (std::size_t i = 2; i < polled.size(); ++i) {
      if (polled[i].revents != 0 && !Answer(polled[i].fd)) CloseConnection(polled[i].fd);
    }
  }
  const std::lock_guard lock(mutex_);
  while (!connections_.empty()) CloseConnection(*connections_.begin());
  close(listener_);
}

bool FakeMetricsDaemon::Greet(int connection) {
  ++greeted_;
  v1::Welcome welcome{};
  welcome.magic = v1::kWelcomeMagic;
  welcome.version = v1::kHandoffLaneVersion;
  welcome.granted = static_cast<std::uint32_t>(v1::MapMode::kReadWrite);
  const std::array<int, 2> fds = {arena_, layout_};
  return SendWithFds(connection,
                     std::string(reinterpret_cast<const char*>(&welcome), sizeof(welcome)), fds);
}

bool FakeMetricsDaemon::Answer(int connection) {
  alignas(8) static std::array<std::byte, v1::kLaneMessageBytes> message;
  alignas(8) static std::array<std::byte, v1::kLaneMessageBytes> answers;
  const ssize_t size = recv(connection, message.data(), message.size(), MSG_DONTWAIT);
  if (size <= 0) return size < 0 && errno == EAGAIN;
  std::uint32_t magic = 0;
  std::memcpy(&magic, message.data(), sizeof(magic));
  if (size == sizeof(v1::Hello) && magic == v1::kHelloMagic) return Greet(connection);
  v1::LaneRequestReader reader({message.data(), static_cast<std::size_t>(size)});
  v1::LaneRequest request;
  while (reader.Next(request) == v1::LaneNext::kRecord) {
    v1::LaneAnswerWriter writer(answers);
    AnswerOne(connection, request, writer);
    const v1::LaneBytes out = writer.message();
    if (send(connection, out.data(), out.size(), MSG_NOSIGNAL) < 0) return false;
  }
  return true;
}

void FakeMetricsDaemon::AnswerOne(int connection, const v1::LaneRequest& request,
                                  v1::LaneAnswerWriter& out) {
  switch (request.kind) {
    case v1::LaneKind::kOpenSeries:
      return OpenSeries(connection, request, out);
    case v1::LaneKind::kListFamilies:
      return ListFamilies(request, out);
    case v1::LaneKind::kReadSeries:
      return ReadSeries(request, out);
    default:
      out.Error(request.kind, request.id, kUnimplemented, "", "the fake knows metrics alone");
  }
}

std::uint64_t FakeMetricsDaemon::Grant(std::size_t bytes, std::size_t alignment) {
  granted_ = (granted_ + alignment - 1) / alignment * alignment;
  return std::exchange(granted_, granted_ + bytes);
}

FakeMetricsDaemon::Family* FakeMetricsDaemon::FindFamily(const std::string& name_space,
                                                         const v1::LaneFamilyView& view) {
  std::vector<double> bounds;
  for (std::size_t i = 0; i < view.head().bounds; ++i) bounds.push_back(view.bound(i));
  for (Family& family : families_) {
    if (family.name_space != name_space || family.name != view.name()) continue;
    const bool same = family.head.type == view.head().type &&
                      family.head.cells == view.head().cells &&
                      family.labels == Copy(view.labels()) && family.bounds == bounds;
    return same ? &family : nullptr;
  }
  ++revision_;
  families_.push_back({.number = next_++,
                       .name_space = name_space,
                       .name = std::string(view.name()),
                       .help = std::string(view.help()),
                       .unit = std::string(view.unit()),
                       .labels = Copy(view.labels()),
                       .bounds = bounds,
                       .head = view.head()});
  return &families_.back();
}

FakeMetricsDaemon::Series& FakeMetricsDaemon::FindSeries(const Family& family,
                                                         const Texts& values) {
  for (Series& series : series_) {
    if (series.family == family.number && series.values == values) return series;
  }
  ++revision_;
  const bool writers = static_cast<v1::LaneCells>(family.head.cells) == v1::LaneCells::kWriter;
  series_.push_back({.number = next_++,
                     .family = family.number,
                     .values = values,
                     .pointer = writers ? 0 : Grant(CellBytes(family.head), sizeof(v1::CountSum))});
  return series_.back();
}

void FakeMetricsDaemon::OpenOne(int connection, const Family& family, const Texts& values,
                                const std::string& writer, v1::LaneOpenedBody& body) {
  if (full_) return body.Refused(kResourceExhausted, {"ARENA_FULL", "there is no room"});
  Series& series = FindSeries(family, values);
  std::uint64_t pointer = series.pointer;
  if (pointer == 0) {
    for (const auto& [number, one] : series.writers) {
      if (one.connection == connection) pointer = one.pointer;
    }
    if (pointer == 0) {
      pointer = Grant(sizeof(v1::WriterCell), sizeof(v1::WriterCell));
      series.writers[next_++] = {connection, writer, pointer};
      ++revision_;
    }
  }
  const bool histogram = static_cast<v1::LaneCells>(family.head.cells) == v1::LaneCells::kHistogram;
  body.Opened({.family = family.number,
               .series = series.number,
               .pointer = pointer,
               .created_ns = 1'500'000'000,
               .code = 0,
               .error = v1::kLaneNoError,
               .buckets = static_cast<std::uint16_t>(histogram ? family.bounds.size() + 1 : 0),
               .cells = family.head.cells,
               .flags = 0});
}

void FakeMetricsDaemon::OpenSeries(int connection, const v1::LaneRequest& request,
                                   v1::LaneAnswerWriter& out) {
  ++openings_;
  v1::LaneOpenSeriesView open;
  if (!open.Parse(request.body)) std::abort();
  ucred peer{};
  socklen_t size = sizeof(peer);
  getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size);
  const std::string writer =
      open.writer().empty() ? std::to_string(peer.pid) : std::string(open.writer());
  std::vector<std::byte> memory(v1::kLaneMessageBytes);
  v1::LaneOpenedBody body(memory);
  for (std::uint32_t i = 0; i < open.families(); ++i) {
    const v1::LaneFamilyView view = open.NextFamily();
    const Family* const family = FindFamily(std::string(open.name_space()), view);
    for (std::uint32_t left = view.head().series; left > 0; --left) {
      const Texts values = Copy(open.NextSeries(view));
      if (family == nullptr) {
        body.Refused(kFailedPrecondition, {"FAMILY_SHAPE", "the family has another shape"});
      } else {
        OpenOne(connection, *family, values, writer, body);
      }
    }
  }
  out.OpenSeries(request.id, body.Finish(1, 1, v1::kLaneNoSlot));
}

void FakeMetricsDaemon::ListFamilies(const v1::LaneRequest& request, v1::LaneAnswerWriter& out) {
  v1::LaneListFamiliesView view;
  if (!view.Parse(request.body)) std::abort();
  std::vector<std::byte> memory(v1::kLanePageBytes);
  v1::LaneFamiliesBody body(memory);
  std::uint64_t next = 0;
  for (const Family& family : families_) {
    if (family.number < view.head().from) continue;
    if (view.head().all == 0 && family.name_space != view.name_space()) continue;
    const std::vector<std::string_view> labels = Views(family.labels);
    const v1::LaneFamilyShape shape{.name = family.name,
                                    .help = family.help,
                                    .unit = family.unit,
                                    .labels = labels,
                                    .bounds = family.bounds,
                                    .type = static_cast<v1::LaneFamilyType>(family.head.type),
                                    .cells = static_cast<v1::LaneCells>(family.head.cells),
                                    .fold = static_cast<v1::LaneFold>(family.head.fold),
                                    .live_only = family.head.live_only != 0};
    v1::LaneListedFamily head{};
    head.family = family.number;
    head.generation = 1;
    if (body.Family(head, family.name_space, shape, 0)) continue;
    next = family.number;
    break;
  }
  out.ListFamilies(request.id, body.Finish(next, revision_));
}

void FakeMetricsDaemon::ReadSeries(const v1::LaneRequest& request, v1::LaneAnswerWriter& out) {
  v1::LaneReadSeriesView view;
  if (!view.Parse(request.body)) std::abort();
  std::vector<std::byte> memory(v1::kLanePageBytes);
  v1::LaneSeriesPageBody body(memory);
  const v1::LaneSeriesFrom from = view.head().from;
  for (const Family& family : families_) {
    if (family.name_space != view.name_space()) continue;
    if (family.number < from.family) continue;
    for (const Series& series : series_) {
      if (series.family != family.number) continue;
      if (family.number == from.family && series.number < from.series) continue;
      v1::LaneSeries head{};
      head.family = family.number;
      head.series = series.number;
      head.pointer = series.pointer;
      head.created_ns = 1'500'000'000;
      head.labels = static_cast<std::uint16_t>(series.values.size());
      head.cells = family.head.cells;
      bool fits = body.Series(head, Encode(series.values), series.baseline);
      if (fits && series.dead.timestamp != 0) {
        v1::LaneSeriesWriter dead{};
        dead.cell = series.dead;
        fits = body.Writer(dead, "");
      }
      for (const auto& [number, writer] : series.writers) {
        v1::LaneSeriesWriter live{};
        live.writer = number;
        live.pointer = writer.pointer;
        live.cell = rseq::ReadWriterCell(base_ + writer.pointer);
        fits = fits && body.Writer(live, writer.label);
      }
      if (!fits) {
        const v1::LaneSeriesFrom next{
            .family = family.number, .series = series.number, .writer = 0};
        out.ReadSeries(request.id, body.Finish(1, revision_, next));
        return;
      }
    }
  }
  out.ReadSeries(request.id, body.Finish(1, revision_));
}

void FakeMetricsDaemon::CloseConnection(int connection) {
  for (Series& series : series_) {
    for (auto at = series.writers.begin(); at != series.writers.end();) {
      if (at->second.connection != connection) {
        ++at;
        continue;
      }
      const v1::LaneFamily* head = nullptr;
      for (const Family& family : families_) {
        if (family.number == series.family) head = &family.head;
      }
      const auto cell = rseq::ReadWriterCell(base_ + at->second.pointer);
      if (static_cast<v1::LaneFold>(head->fold) != v1::LaneFold::kAll) {
        const cells::GaugeMode mode{.fold = static_cast<cells::GaugeFold>(head->fold - 1),
                                    .live_only = head->live_only != 0};
        series.dead = cells::FoldDead(mode, series.dead, cell);
      }
      at = series.writers.erase(at);
      ++revision_;
    }
  }
  connections_.erase(connection);
  close(connection);
}

void FakeMetricsDaemon::Reset(const std::string& name_space, const std::string& family) {
  const std::lock_guard lock(mutex_);
  const std::vector<std::uint64_t> units = UnitOffsets();
  for (const Family& one : families_) {
    if (one.name_space != name_space || one.name != family) continue;
    for (Series& series : series_) {
      if (series.family != one.number) continue;
      const bool integer = static_cast<v1::LaneCells>(one.head.cells) == v1::LaneCells::kInteger;
      series.baseline.assign(CellBytes(one.head) < sizeof(v1::CountSum)
                                 ? 1
                                 : CellBytes(one.head) / sizeof(v1::CountSum),
                             {});
      for (std::size_t i = 0; i < series.baseline.size(); ++i) {
        const std::byte* const at = base_ + series.pointer + i * sizeof(v1::CountSum);
        if (CellBytes(one.head) >= sizeof(v1::CountSum)) {
          series.baseline[i] = cells::SumOf<v1::CountSum>(at, units);
        } else if (integer) {
          series.baseline[i].count = cells::SumOf<std::uint64_t>(at, units);
        } else {
          series.baseline[i].sum = cells::SumOf<double>(at, units);
        }
      }
    }
  }
  ++revision_;
}

}  // namespace percpud::testing
