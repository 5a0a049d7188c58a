// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/unique_fd.h"
#include "server/handoff/lane_connection.h"
#include "server/percpu/allocator/updater.h"
#include "server/percpu/introspect/inspector.h"
#include "server/percpu/layout/cpu_units.h"
#include "server/session/calls.h"
#include "server/session/sessions.h"
#include "tests/fuzz/lane_model.h"
#include "tests/fuzz/targets.h"
#include "tests/support/allocator_rig.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_page_source.h"

namespace percpud::fuzz::lane {
namespace {

namespace abi = abi::v1;

constexpr std::uint32_t kBatch = 64;
constexpr std::array<std::uint64_t, 6> kSizes{4, 8, 24, 64, 500, 4096};
constexpr std::array<const char*, 4> kNames{"a", "hits", "bad name", "a.longer/name-of:17"};

// A client at its end of a socket pair, and the connection at the other, which it serves
// by hand: one thread, so that a script always does the same.
class Player {
 public:
  Player() {
    allocator_ = *testing::MakeAllocator({.arena_size = pages_.size()}, pages_, {});
    Sessions::Options options;
    options.clock = &clock_;
    sessions_ = std::make_unique<Sessions>(*allocator_, std::move(options));
    const std::uint32_t cpus = allocator_->info().units();
    updater_ = std::make_unique<Updater>(allocator_->info(), PlaceCpus(allocator_->info(), cpus),
                                         Updater::Mode::kAtomic, cpus);
    calls_ =
        std::make_unique<Calls>(*allocator_, *sessions_, *updater_, Calls::Limits{.batch = kBatch});
    desk_ = std::make_unique<LaneDesk>(*calls_);
    model_ = std::make_unique<Model>(kBatch, allocator_->info().static_size.value());
    Connect();
  }

  absl::Status Perform(const Op& op);
  // What always holds at the end.
  absl::Status Finish();
  [[nodiscard]] std::uint64_t performed() const { return performed_; }

 private:
  void Connect();
  void Ask(const Op& op);
  void AskAlloc(const Op& op);
  void AskFree(const Op& op);
  void AskOpenSeries(const Op& op);
  void AskOfSeries(const Op& op);
  absl::Status Send();
  // Serves until the connection has nothing more to do; false if it is over.
  bool Serve();
  absl::Status ReadAnswers(std::vector<Answer>& answers) const;
  // One live pointer, or none.
  [[nodiscard]] std::uint64_t Pick(std::uint32_t number) const { return model_->PickLive(number); }

  testing::HeapPageSource pages_{Bytes(1 << 20)};
  testing::FakeClock clock_;
  std::unique_ptr<Allocator> allocator_;
  std::unique_ptr<Sessions> sessions_;
  std::unique_ptr<Updater> updater_;
  std::unique_ptr<Calls> calls_;
  std::unique_ptr<LaneDesk> desk_;
  std::unique_ptr<LaneConnection> connection_;
  UniqueFd client_;
  SessionId session_;
  std::unique_ptr<Model> model_;

  std::array<std::byte, abi::kLaneMessageBytes> memory_;
  abi::LaneRequestWriter ask_{memory_};
  // What befell the message before it went out: where, and what was written there.
  std::vector<std::pair<std::uint32_t, std::byte>> scribbles_;
  std::optional<std::uint32_t> cut_;
  std::uint64_t last_number_ = 0;
  std::uint64_t performed_ = 0;
};

void Player::Connect() {
  if (session_ != kNoSession) sessions_->End(session_);
  const auto opened = sessions_->Open({.kind = SessionKind::kLocalReadWrite,
                                       .peer = Peer{.pid = ProcessId(7), .uid = UserId(1000)},
                                       .command = "fuzz"});
  session_ = opened->id;
  std::array<int, 2> ends{};
  socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data());
  client_ = UniqueFd(ends[1]);
  connection_ =
      std::make_unique<LaneConnection>(UniqueFd(ends[0]), *sessions_->Find(opened->token));
  model_->ForgetSession();
  last_number_ = 0;
}

void Player::AskAlloc(const Op& op) {
  const std::vector<std::uint64_t> sizes(op.b % 9, kSizes[op.a % kSizes.size()]);
  const std::array<std::uint32_t, 3> alignments{8, 64, 3};
  // Every fourth comes again under its number.
  if (op.c % 4 != 0) ++last_number_;
  const std::uint64_t number = op.c % 2 == 0 ? last_number_ : 0;
  ask_.Alloc(performed_, number,
             {.sizes = sizes,
              .alignments = std::span(alignments).subspan(op.c % 3, op.b % 2),
              .region = static_cast<std::uint8_t>(op.c % 5 == 4 ? 2 : 0),
              .no_grow = op.c % 7 == 0,
              .tag = op.c % 3 == 0 ? "tag" : ""});
}

void Player::AskFree(const Op& op) {
  std::vector<std::uint64_t> pointers;
  for (std::uint32_t i = 0; i < op.b % 5; ++i) pointers.push_back(Pick(op.a + i * (op.c % 3)));
  if (op.c % 4 != 0) ++last_number_;
  ask_.Free(performed_, op.c % 2 == 0 ? last_number_ : 0, pointers);
}

// Families of one shape or another under one name, with good labels and bad ones.
void Player::AskOpenSeries(const Op& op) {
  static constexpr std::array<std::string_view, 4> kFamilies{"hits_total", "hits",
                                                             "latency_seconds", "bad name"};
  static constexpr std::array<std::string_view, 3> kValues{"GET", "caf\u00e9", "\xff"};
  static constexpr std::array<std::string_view, 2> kLabels{"method", "path"};
  static constexpr std::array<double, 3> kBounds{0.1, 1.0, 10.0};
  const auto labels = std::span(kLabels).first(op.b % 3);
  const std::array<std::string_view, 2> values{kValues[op.c % 3], kValues[op.a % 3]};
  std::array<std::byte, 2048> memory;
  abi::LaneOpenSeriesBody body(memory);
  body.Begin(kNames[op.c % kNames.size()], op.b % 5 == 0 ? "worker" : "", op.b % 7 == 0,
             op.c % 4 == 0 ? std::optional<std::uint32_t>(op.a) : std::nullopt);
  for (std::uint32_t i = 0; i <= op.a % 3; ++i) {
    const bool histogram = (op.a + i) % 4 == 2;
    if (!body.Family({.name = kFamilies[(op.a + i) % 4],
                      .help = "Some help.",
                      .unit = {},
                      .labels = labels,
                      .bounds = std::span(kBounds).first(histogram ? 3 : 0),
                      .type = histogram ? abi::LaneFamilyType::kHistogram
                                        : static_cast<abi::LaneFamilyType>(1 + op.c % 2),
                      .cells = histogram ? abi::LaneCells::kHistogram
                                         : static_cast<abi::LaneCells>(1 + op.c % 6),
                      .fold = static_cast<abi::LaneFold>(op.c % 5)})) {
      break;
    }
    body.Series(std::span(values).first(labels.size()));
  }
  ask_.OpenSeries(performed_, body.body());
}

void Player::AskOfSeries(const Op& op) {
  const std::string_view name_space = kNames[op.c % kNames.size()];
  switch (op.b % 7) {
    case 5:
      ask_.WatchSeries(performed_, op.a % 2 == 0 ? op.a % 16 : abi::kLaneWatchAnew);
      break;
    case 6:
      ask_.WatchSeries(performed_, op.a % 16, name_space);
      break;
    case 0:
      ask_.ListFamilies(performed_, op.a % 4);
      break;
    case 1:
      ask_.ListFamilies(performed_, 0, name_space);
      break;
    case 2:
      ask_.CloseWriter(performed_, op.a % 4);
      break;
    default:
      ask_.ReadSeries(performed_, {.family = op.a % 4, .series = op.a % 5, .writer = 0}, op.a % 3,
                      name_space);
      break;
  }
}

void Player::Ask(const Op& op) {
  switch (op.kind) {
    case kPing:
      ask_.Ping(op.a);
      return;
    case kAlloc:
      return AskAlloc(op);
    case kFree:
      return AskFree(op);
    case kAdd:
      ask_.Add(performed_, {.pointer = Pick(op.a) + std::uint64_t{op.c % 3U} * 4,
                            .delta = static_cast<std::int8_t>(op.b),
                            .unit = op.c % 5 == 4 ? abi::kLaneAnyUnit : op.c % 5U,
                            .width = op.b % 2 == 0 ? 8U : 4U});
      return;
    case kOpenVariable:
      ask_.OpenVariable(performed_, {.name = kNames[op.a % kNames.size()],
                                     .type = static_cast<std::uint8_t>(op.b % 6),
                                     .size = kSizes[op.c % kSizes.size()],
                                     .alignment = op.b % 7 == 0 ? 64U : 0U,
                                     .create = op.c % 3 != 0});
      return;
    case kOpenSeries:
      return AskOpenSeries(op);
    case kReadSeries:
      return AskOfSeries(op);
    case kRemoveSeries: {
      const std::array<std::string_view, 1> values{"GET"};
      ask_.RemoveSeries(performed_, {.name_space = kNames[op.c % kNames.size()],
                                     .family = op.a % 2 == 0 ? "hits" : "hits_total",
                                     .values = values,
                                     .removal = static_cast<abi::LaneRemoval>(op.b % 4),
                                     .all = op.b % 3 == 0});
      return;
    }
    case kResetNamespace:
      ask_.ResetNamespace(performed_, op.b % 3, kNames[op.c % kNames.size()]);
      return;
    case kScribble:
      scribbles_.emplace_back(op.a, static_cast<std::byte>(op.b));
      return;
    case kCut:
      cut_ = op.a;
      return;
    default:
      return;
  }
}

bool Player::Serve() {
  using Turn = LaneConnection::Turn;
  while (true) {
    switch (connection_->Serve(*desk_)) {
      case Turn::kIdle:
        return true;
      case Turn::kMore:
        break;
      case Turn::kSleeps:
        connection_->ServeSleeper(*desk_);
        if (connection_->Flush() != Turn::kMore) return false;
        break;
      // The client reads whatever was sent before it sends more, and one message's answers
      // always fit.
      case Turn::kFull:
      case Turn::kEnd:
      case Turn::kGarbage:
        return false;
    }
  }
}

absl::Status Player::ReadAnswers(std::vector<Answer>& answers) const {
  std::array<std::byte, abi::kLaneMessageBytes> buffer;
  while (true) {
    const ssize_t bytes = recv(client_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (bytes <= 0) return absl::OkStatus();
    abi::LaneAnswerReader reader({buffer.data(), static_cast<std::size_t>(bytes)});
    abi::LaneAnswer answer;
    abi::LaneNext next{};
    while ((next = reader.Next(answer)) == abi::LaneNext::kRecord) {
      answers.push_back({.kind = static_cast<std::uint16_t>(answer.kind),
                         .code = answer.code,
                         .id = answer.id,
                         .body = {answer.body.begin(), answer.body.end()}});
    }
    if (next != abi::LaneNext::kEnd) return absl::InternalError("a malformed message of answers");
  }
}

absl::Status Player::Send() {
  std::vector<std::byte> message(ask_.message().begin(), ask_.message().end());
  ask_.Clear();
  for (const auto& [at, value] : scribbles_) {
    if (!message.empty()) message[at % message.size()] = value;
  }
  if (cut_ && !message.empty()) message.resize(*cut_ % message.size());
  scribbles_.clear();
  cut_.reset();
  // An empty one is the end, and no message.
  if (message.empty()) return absl::OkStatus();

  const std::optional<std::vector<Request>> requests = ReadNaively(message);
  const bool sent = send(client_.get(), message.data(), message.size(), MSG_NOSIGNAL) ==
                    static_cast<ssize_t>(message.size());
  if (!sent) return absl::InternalError("the client's socket is full");
  const bool goes_on = Serve();
  std::vector<Answer> answers;
  if (absl::Status status = ReadAnswers(answers); !status.ok()) return status;
  if (goes_on != requests.has_value()) {
    return absl::InternalError(goes_on ? "a malformed message was served" : "a good one was not");
  }
  if (!requests) {
    if (!answers.empty()) return absl::InternalError("part of a malformed message was served");
    Connect();
    return absl::OkStatus();
  }
  if (connection_->kept_bytes() != 0) return absl::InternalError("something was kept");
  if (absl::Status status = model_->Judge(*requests, answers); !status.ok()) return status;
  // The daemon forgets old answers; the model does not.
  if (model_->numbered() > 200) Connect();
  return absl::OkStatus();
}

absl::Status Player::Perform(const Op& op) {
  ++performed_;
  if (op.kind == kSend) return Send();
  if (op.kind == kLeave) {
    Connect();
  } else {
    Ask(op);
  }
  return absl::OkStatus();
}

absl::Status Player::Finish() {
  if (absl::Status status = Send(); !status.ok()) return status;
  const auto sound = sessions_->CheckInvariants();
  if (!sound.ok()) return sound.status();
  const std::uint64_t live = Inspector(*allocator_).GetStats().nr_cur_alloc;
  // How many areas the cells of series take is the daemon's to say.
  const std::uint64_t known = model_->has_series() ? *sound : model_->areas();
  if (live == known && known >= model_->areas()) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat(live, " areas live, ", model_->areas(), " were granted and not freed"));
}

}  // namespace

absl::StatusOr<std::uint64_t> Perform(const Script& script) {
  Player player;
  for (const Op& op : script.ops) {
    if (absl::Status status = player.Perform(op); !status.ok()) {
      return absl::InternalError(
          absl::StrCat("operation ", player.performed(), ": ", status.message()));
    }
  }
  if (absl::Status status = player.Finish(); !status.ok()) return status;
  return player.performed();
}

const Target kTarget{
    .name = "lane",
    .setup_size = 0,
    .kinds = {"kSend", "kPing", "kAlloc", "kFree", "kAdd", "kOpenVariable", "kScribble", "kCut",
              "kLeave", "kOpenSeries", "kRemoveSeries", "kReadSeries", "kResetNamespace"},
    .run = Perform};

}  // namespace percpud::fuzz::lane
