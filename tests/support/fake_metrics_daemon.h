// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef PERCPUD_TESTS_SUPPORT_FAKE_METRICS_DAEMON_H_
#define PERCPUD_TESTS_SUPPORT_FAKE_METRICS_DAEMON_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "proto/percpud/abi/v1/lane_answers.h"
#include "proto/percpud/abi/v1/lane_requests.h"
#include "proto/percpud/abi/v1/layout_page.h"

namespace percpud::testing {

// The side door of a daemon that knows metrics and nothing else, in this process: for
// tests of clients, which can have it refuse, go away and come back. It keeps names in
// maps, gives cells away and never takes them back. Thread safe.
class FakeMetricsDaemon {
 public:
  // Listens at the door of `address` (unix:PATH), with an arena of its own.
  explicit FakeMetricsDaemon(std::string address);
  ~FakeMetricsDaemon();
  FakeMetricsDaemon(const FakeMetricsDaemon&) = delete;
  FakeMetricsDaemon& operator=(const FakeMetricsDaemon&) = delete;

  // Hangs up on everybody, and is not there until Start. The arena and the names stay.
  void Stop();
  void Start();

  // Whether new series are refused for want of room (RESOURCE_EXHAUSTED).
  void SetFull(bool full) { full_ = full; }
  // Connections that were greeted, and messages with OpenSeries, so far.
  [[nodiscard]] int greeted() const { return greeted_; }
  [[nodiscard]] int openings() const { return openings_; }
  // Connections that are there now.
  [[nodiscard]] std::size_t connections();
  // Subtracts what the cells of that family's series come to.
  void Reset(const std::string& name_space, const std::string& family);

 private:
  using Texts = std::vector<std::string>;
  struct Family {
    std::uint64_t number = 0;
    std::string name_space;
    // A copy of all that its shape points to.
    std::string name, help, unit;
    Texts labels;
    std::vector<double> bounds;
    abi::v1::LaneFamily head{};
  };
  struct Writer {
    int connection = -1;
    std::string label;
    std::uint64_t pointer = 0;
  };
  struct Series {
    std::uint64_t number = 0;
    std::uint64_t family = 0;
    Texts values;
    std::uint64_t pointer = 0;
    std::vector<abi::v1::CountSum> baseline;
    std::map<std::uint64_t, Writer> writers;
    abi::v1::WriterCell dead{};
  };

  void MakeArena();
  void DropArena();
  void Serve();
  bool Greet(int connection);
  // False if the connection is to be closed.
  bool Answer(int connection);
  void AnswerOne(int connection, const abi::v1::LaneRequest& request,
                 abi::v1::LaneAnswerWriter& out);
  void OpenSeries(int connection, const abi::v1::LaneRequest& request,
                  abi::v1::LaneAnswerWriter& out);
  void OpenOne(int connection, const Family& family, const Texts& values, const std::string& writer,
               abi::v1::LaneOpenedBody& body);
  // Null if another shape has the name.
  Family* FindFamily(const std::string& name_space, const abi::v1::LaneFamilyView& view);
  Series& FindSeries(const Family& family, const Texts& values);
  void ListFamilies(const abi::v1::LaneRequest& request, abi::v1::LaneAnswerWriter& out);
  void ReadSeries(const abi::v1::LaneRequest& request, abi::v1::LaneAnswerWriter& out);
  void CloseConnection(int connection);
  std::uint64_t Grant(std::size_t bytes, std::size_t alignment);
  [[nodiscard]] std::vector<std::uint64_t> UnitOffsets() const;

  const std::string address_;
  int arena_ = -1;
  int layout_ = -1;
  std::byte* base_ = nullptr;
  std::uint64_t granted_ = 4096;

  std::atomic<bool> full_ = false;
  std::atomic<int> greeted_ = 0;
  std::atomic<int> openings_ = 0;
  std::atomic<bool> stopping_ = false;
  int listener_ = -1;
  int waker_ = -1;
  std::thread thread_;
  // Guards what follows.
  std::mutex mutex_;
  std::set<int> connections_;
  std::deque<Family> families_;
  std::deque<Series> series_;
  std::uint64_t revision_ = 1;
  std::uint64_t next_ = 1;
};

}  // namespace percpud::testing

#endif  // PERCPUD_TESTS_SUPPORT_FAKE_METRICS_DAEMON_H_
