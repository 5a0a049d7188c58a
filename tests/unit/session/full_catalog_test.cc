// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Every change of the books against a catalog that is full at its n-th commit: nothing
// changed, nothing lost, and made again it is answered as if nothing had happened.

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/session/restart_rig.h"

namespace percpud {
namespace {

class FullCatalogTest : public testing::RestartTest {
 protected:
  // One mutating call.
  struct Call {
    std::string name;
    // Runs once before; may remember pointers in `areas_`.
    std::function<void(FullCatalogTest&)> prepare;
    // Returns the answer as text, or why it was refused.
    std::function<absl::StatusOr<std::string>(FullCatalogTest&, const Caller&)> run;
    // Not every call has a request number: of those, the second may answer otherwise.
    bool is_numbered = true;
  };
  static std::vector<Call> Calls();

 public:
  static std::size_t Count() { return Calls().size(); }
  static std::string NameOf(std::size_t call) { return Calls()[call].name; }

 protected:
  void SetUp() override {
    RestartTest::SetUp();
    giver_ = Open(1);
    taker_ = Open(2);
  }

  // All that callers can see of the books and the allocator.
  std::string Snapshot() {
    std::string out;
    for (const SessionSnapshot& session : sessions_->List(SessionId(0), 100)) {
      absl::StrAppend(&out, "session ", session.id.value(), " ", session.use.bytes.value(), " ",
                      session.use.areas, " ", session.use.leases, " ", session.use.records.value(),
                      "\n");
    }
    for (const PercpuPtr area : areas_) {
      const auto owner = sessions_->areas().OwnerOf(area);
      absl::StrAppend(&out, "area ", area.value(), " ", owner ? owner->session.value() : 0, " ",
                      owner ? owner->identity.uid.value() : 0, " ",
                      allocator_->CheckArea(area).ok(), "\n");
    }
    for (const Variable& variable : sessions_->variables().List("", 100)) {
      absl::StrAppend(&out, "variable ", variable.name, " ", variable.pointer.value(), " open in ",
                      sessions_->variables().CountOpeners(variable.pointer), "\n");
    }
    for (const LeaseRecord& lease : Leases()) {
      absl::StrAppend(&out, "lease ", lease.chunk.id.value(), " ", lease.name, " ",
                      lease.holder.value(), "\n");
    }
    AppendSeries(out);
    absl::StrAppend(&out, "areas ", Inspector(*allocator_).GetStats().nr_cur_alloc, ", leased ",
                    Inspector(*allocator_).GetStats().leased_chunks, "\n");
    return out;
  }
  void AppendSeries(std::string& out) {
    for (const char* name_space : {"shop", "other"}) {
      const auto page = sessions_->metrics().ReadSeries(
          name_space, FamilyId(0), {},
          [&out](const metrics::Family& family, const metrics::Series& series) {
            absl::StrAppend(&out, "series ", family.shape.name, " ", series.values, " at ",
                            series.cells.value(), series.hidden ? " hidden" : "", "\n");
            return true;
          });
      if (page.ok()) {
        absl::StrAppend(&out, name_space, " generation ", page->generation, " joined by ",
                        sessions_->metrics().CountJoined(name_space), "\n");
      }
    }
  }
  void ExpectSound() {
    const auto areas = sessions_->CheckInvariants();
    EXPECT_TRUE(areas.ok()) << areas.status();
    EXPECT_TRUE(Inspector(*allocator_).CheckInvariants().ok())
        << Inspector(*allocator_).CheckInvariants();
  }
  // Full from the n-th commit on.
  void FillAt(int n) {
    is_full_ = [n, seen = 0]() mutable { return ++seen >= n; };
  }

  OpenedSession giver_;
  OpenedSession taker_;
  std::vector<PercpuPtr> areas_;
  ChunkId lease_;
};

absl::StatusOr<std::string> Text(const absl::StatusOr<PercpuPtr>& pointer) {
  if (!pointer.ok()) return pointer.status();
  return absl::StrCat(pointer->value());
}
absl::StatusOr<std::string> Text(const absl::StatusOr<GrantedLease>& lease) {
  if (!lease.ok()) return lease.status();
  return absl::StrCat(lease->chunk.id.value(), lease->existed ? " existed" : "");
}
absl::StatusOr<std::string> Text(const absl::Status& status) {
  if (!status.ok()) return status;
  return std::string("done");
}

absl::StatusOr<std::string> Text(const absl::StatusOr<Opening>& opening) {
  if (!opening.ok()) return opening.status();
  std::string out;
  for (const OpenedSeries& series : opening->series)
    absl::StrAppend(&out, series.cells.value(), " ");
  return out;
}

// Two series without labels, of two families.
OpeningWanted TwoSeries() {
  OpeningWanted wanted{.name_space = "shop", .families = {}};
  wanted.families.push_back({.shape = {.name = "hits"}, .series = {""}});
  wanted.families.push_back({.shape = {.name = "misses"}, .series = {""}});
  return wanted;
}

std::vector<FullCatalogTest::Call> FullCatalogTest::Calls() {
  using Test = FullCatalogTest;
  const auto nothing = [](Test&) {};
  const auto own_area = [](Test& t) {
    t.areas_.push_back(*t.Alloc(t.CallerOf(t.giver_), Bytes(64), "web"));
  };
  const auto own_variable = [](Test& t) {
    ASSERT_TRUE(t.sessions_->variables()
                    .Open(t.CallerOf(t.giver_), {.name = "v", .size = Bytes(8), .create = true})
                    .ok());
  };
  const auto kept_lease = [](Test& t) {
    const OpenedSession maker = t.Open(3);
    ASSERT_TRUE(t.sessions_->leases().Lease(t.CallerOf(maker), "cache").ok());
    ASSERT_TRUE(t.sessions_->End(maker.id));
  };
  const auto own_series = [](Test& t) {
    ASSERT_TRUE(t.sessions_->metrics().Open(t.CallerOf(t.giver_), TwoSeries()).ok());
  };
  return {
      {"Alloc", nothing, [](Test& t, const Caller& c) { return Text(t.Alloc(c, Bytes(8), "x")); }},
      {"AllocThatGrows", nothing,
       [](Test& t, const Caller& c) { return Text(t.Alloc(c, Bytes(32 << 10))); }},
      {"AllocWithoutASession", nothing,
       [](Test& t, const Caller&) {
         return Text(t.Alloc({.role = Role::kClient, .uid = kAlice}, Bytes(8)));
       },
       false},
      {"Free", own_area,
       [](Test& t, const Caller& c) { return Text(t.Free(c, t.areas_[0]).status()); }},
      {"HandOver", own_area,
       [](Test& t, const Caller& c) {
         return Text(t.sessions_->areas().HandOver(c, t.areas_, t.taker_.id));
       }},
      {"OpenVariableThatIsMade", nothing,
       [](Test& t, const Caller& c) {
         return Text(t.sessions_->variables()
                         .Open(c, {.name = "v", .size = Bytes(8), .create = true})
                         .status());
       }},
      {"OpenVariableThatIsThere", own_variable,
       [](Test& t, const Caller&) {
         return Text(t.sessions_->variables().Open(t.CallerOf(t.taker_), {.name = "v"}).status());
       }},
      {"Publish", own_area,
       [](Test& t, const Caller& c) {
         return Text(
             t.sessions_->variables().Publish(c, t.areas_[0], "v", VariableType::kBytes).status());
       }},
      {"RemoveVariable", own_variable,
       [](Test& t, const Caller& c) { return Text(t.sessions_->variables().Remove(c, "v")); }},
      {"RemoveVariableByForce", own_variable,
       [](Test& t, const Caller&) {
         Caller taker = t.CallerOf(t.taker_, 7);
         return Text(t.sessions_->variables().Remove(taker, "v", true));
       }},
      {"OpenSeriesThatAreMade", nothing,
       [](Test& t, const Caller& c) { return Text(t.sessions_->metrics().Open(c, TwoSeries())); }},
      {"OpenSeriesThatAreThere", own_series,
       [](Test& t, const Caller&) {
         return Text(t.sessions_->metrics().Open(t.CallerOf(t.taker_), TwoSeries()));
       }},
      {"RemoveSeries", own_series,
       [](Test& t, const Caller& c) {
         return Text(t.sessions_->metrics().Remove(c, "shop", {.family = "hits"}).status());
       }},
      {"LeaseChunk", nothing,
       [](Test& t, const Caller& c) { return Text(t.sessions_->leases().Lease(c, "")); }},
      {"LeaseChunkThatIsKept", kept_lease,
       [](Test& t, const Caller& c) { return Text(t.sessions_->leases().Lease(c, "cache")); }},
      {"ReturnLease",
       [](Test& t) { t.lease_ = t.sessions_->leases().Lease(t.CallerOf(t.giver_), "")->chunk.id; },
       [](Test& t, const Caller& c) { return Text(t.sessions_->leases().Return(c, t.lease_)); }},
      {"Open", nothing,
       [](Test& t, const Caller&) {
         return Text(t.sessions_->Open({.command = "another"}).status());
       },
       false},
  };
}

class EveryCallTest : public FullCatalogTest, public ::testing::WithParamInterface<std::size_t> {};

TEST_P(EveryCallTest, IsRefusedWhollyOrDoneAndAnsweredAgain) {
  constexpr int kMostCommits = 10;
  const Call call = Calls()[GetParam()];
  call.prepare(*this);
  const std::string before = Snapshot();
  const Caller caller = CallerOf(giver_, 100);
  int refusals = 0;
  absl::StatusOr<std::string> answer;
  for (int n = 1; n <= kMostCommits; ++n) {
    FillAt(n);
    answer = call.run(*this, caller);
    is_full_ = nullptr;
    ExpectSound();
    if (answer.ok()) break;
    ++refusals;
    EXPECT_TRUE(absl::IsResourceExhausted(answer.status())) << answer.status();
    EXPECT_EQ(Snapshot(), before) << "refused at commit " << n;
  }
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_GT(refusals, 0) << "nothing was committed";
  const std::string after = Snapshot();
  EXPECT_NE(after, before);
  if (call.is_numbered) {
    const absl::StatusOr<std::string> again = call.run(*this, caller);
    EXPECT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again.value_or("refused"), *answer);
    EXPECT_EQ(Snapshot(), after) << "made again";
  }
  Restart();
  ExpectSound();
  EXPECT_EQ(Snapshot(), after) << "after a restart";
}

INSTANTIATE_TEST_SUITE_P(Calls, EveryCallTest,
                         ::testing::Range<std::size_t>(0, EveryCallTest::Count()),
                         [](const auto& info) { return EveryCallTest::NameOf(info.param); });

// A reset takes more than one commit: refused half-way, it is made again and done.
TEST_F(FullCatalogTest, AResetThatWasRefusedHalfWayIsMadeAgain) {
  ASSERT_TRUE(sessions_->metrics().Open(CallerOf(giver_), TwoSeries()).ok());
  int refusals = 0;
  absl::StatusOr<NamespaceReset> reset;
  for (int n = 1; n <= 10; ++n) {
    FillAt(n);
    reset = sessions_->metrics().Reset(CallerOf(giver_), "shop", 1);
    is_full_ = nullptr;
    ExpectSound();
    if (reset.ok()) break;
    ++refusals;
    EXPECT_TRUE(absl::IsResourceExhausted(reset.status())) << reset.status();
  }
  ASSERT_TRUE(reset.ok()) << reset.status();
  EXPECT_EQ(reset->generation, 2U);
  EXPECT_GT(refusals, 1);
  const std::string after = Snapshot();
  Restart();
  EXPECT_EQ(Snapshot(), after);
}

// The end of a session cannot be refused: what the catalog has no room for is owed.
TEST_F(FullCatalogTest, AnEndIsOwed) {
  areas_.push_back(*Alloc(CallerOf(giver_), Bytes(64), "web"));
  ASSERT_TRUE(sessions_->leases().Lease(CallerOf(giver_), "cache").ok());
  ASSERT_TRUE(sessions_->variables()
                  .Open(CallerOf(giver_), {.name = "v", .size = Bytes(8), .create = true})
                  .ok());
  FillAt(1);
  EXPECT_TRUE(sessions_->End(giver_.id));
  is_full_ = nullptr;
  ExpectSound();
  EXPECT_FALSE(allocator_->CheckArea(areas_[0]).ok());
  // With the next commit it is known.
  ASSERT_TRUE(Alloc(CallerOf(taker_), Bytes(8)).ok());
  const std::string after = Snapshot();
  Restart();
  ExpectSound();
  EXPECT_EQ(Snapshot(), after);
  EXPECT_EQ(sessions_->variables().CountOpeners(sessions_->variables().List("", 1)[0].pointer), 0U);
}

}  // namespace
}  // namespace percpud
