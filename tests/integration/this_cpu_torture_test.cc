// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// Four processes add to the slots of the CPUs they run on, through mappings of
// their own of one memfd. They are moved between CPUs by themselves and by the
// parent, killed with SIGKILL at random and replaced. No add may be lost.
//
// Workers run until they are told to stop. Each writes down, after every add, how many it has made.
// A worker that is killed in between has made one add that is not written down, so
//     written down <= sum <= written down + kills.
//
// PERCPUD_TORTURE_ADDS=N goes on until at least N adds are made of each fast
// kind: 1000000000 is the long form.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>
#include <span>
#include <vector>

#include "server/rseq/pair.h"
#include "server/rseq/self_test.h"
#include "server/rseq/this_cpu.h"

namespace percpud::rseq {
namespace {

constexpr std::size_t kWorkers = 4;
constexpr std::uint32_t kCpus = 1024;
constexpr std::size_t kSlotStride = 4096 + 64;
constexpr std::size_t kSlotBytes = kCpus * kSlotStride;
// Adds between two moves of a worker by itself.
constexpr std::uint64_t kAddsPerMove = 4096;
constexpr std::uint64_t kShortAdds = 20'000'000;
constexpr std::uint64_t kFewestKills = 40;
// Turns between load and store, where a sequence or the control is slowed down.
constexpr int kSpins = 2000;
// A slow add counts as this many.
constexpr std::uint64_t kSlowness = 100;

enum class Kind {
  kSequences,
  kCompareExchange,
  kSlowSequences,
  kLocked,
  kUnprotected,
  // Cells of one double.
  kDoubles,
  kLockedDoubles,
  // Cells of a count and a sum.
  kPairs,
  kUnprotectedPairs,
};

constexpr bool OfPairs(Kind kind) {
  return kind == Kind::kPairs || kind == Kind::kUnprotectedPairs;
}
constexpr bool OfDoubles(Kind kind) {
  return kind == Kind::kDoubles || kind == Kind::kLockedDoubles;
}
// What is observed each time: exact in any sum this test comes to.
constexpr double kValue = 3.0;

// A worker's own line of the shared page.
struct alignas(64) Progress {
  std::atomic<std::uint64_t> adds;
  // Adds that were refused: none should be.
  std::atomic<std::uint64_t> refused;
};

std::vector<std::size_t> AllowedCpus() {
  cpu_set_t allowed;
  sched_getaffinity(0, sizeof(allowed), &allowed);
  std::vector<std::size_t> cpus;
  for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &allowed)) cpus.push_back(cpu);
  }
  return cpus;
}

void MoveTo(pid_t process, std::size_t cpu) {
  cpu_set_t only;
  CPU_ZERO(&only);
  CPU_SET(cpu, &only);
  sched_setaffinity(process, sizeof(only), &only);
}

// One mapping of the shared memory: a page of lines (the workers', and the last
// to tell them to stop), then the slots.
class Shared {
 public:
  explicit Shared(int memfd)
      : base_(static_cast<std::byte*>(
            mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0))) {
    for (std::uint32_t cpu = 0; cpu < kCpus; ++cpu) offsets_.push_back(cpu * kSlotStride);
    entries_ = CpuEntries(offsets_);
  }
  ~Shared() { munmap(base_, kBytes); }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

  static int CreateMemfd() {
    const int memfd = memfd_create("torture", MFD_CLOEXEC);
    if (memfd < 0 || ftruncate(memfd, kBytes) != 0) std::abort();
    return memfd;
  }

  [[nodiscard]] Progress& progress(std::size_t worker) const {
    return reinterpret_cast<Progress*>(base_)[worker];
  }
  [[nodiscard]] std::atomic<std::uint64_t>& stop() const { return progress(kWorkers).adds; }
  [[nodiscard]] std::byte* unit0() const { return base_ + kPageBytes; }
  [[nodiscard]] CpuTable table() const { return {.entry = entries_.cpu0()}; }

  // How many adds the slots hold.
  template <Kind kKind>
  [[nodiscard]] std::uint64_t Sum() const {
    std::uint64_t sum = 0;
    for (const std::uint64_t offset : offsets_) {
      const std::uint64_t word = Slot(offset).load();
      if constexpr (OfDoubles(kKind)) {
        sum += static_cast<std::uint64_t>(std::bit_cast<double>(word));
      } else {
        sum += word;
      }
    }
    return sum;
  }
  // Cells in which count and sum do not belong together.
  [[nodiscard]] std::uint64_t Unbalanced() const {
    std::uint64_t unbalanced = 0;
    for (const std::uint64_t offset : offsets_) {
      const CountSum cell = ReadPair(unit0() + offset);
      if (cell.sum != kValue * static_cast<double>(cell.count)) ++unbalanced;
    }
    return unbalanced;
  }
  [[nodiscard]] std::uint64_t Recorded() const {
    std::uint64_t adds = 0;
    for (std::size_t worker = 0; worker < kWorkers; ++worker) adds += progress(worker).adds;
    return adds;
  }
  [[nodiscard]] std::uint64_t Refused() const {
    std::uint64_t refused = 0;
    for (std::size_t worker = 0; worker < kWorkers; ++worker) refused += progress(worker).refused;
    return refused;
  }
  [[nodiscard]] std::atomic_ref<std::uint64_t> Slot(std::uint64_t offset) const {
    return std::atomic_ref(*reinterpret_cast<std::uint64_t*>(unit0() + offset));
  }

 private:
  static constexpr std::size_t kPageBytes = 4096;
  static constexpr std::size_t kBytes = kPageBytes + kSlotBytes;
  std::byte* base_;
  std::vector<std::uint64_t> offsets_;
  CpuEntries entries_;
};

// What the operations are there to prevent, with a window to fall into.
bool AddUnprotected(const Shared& shared) {
  const auto slot = shared.Slot(std::uint64_t{CurrentCpu()} * kSlotStride);
  const std::uint64_t seen = slot.load(std::memory_order_relaxed);
  for (int spin = 0; spin < kSpins; ++spin) {
    [[maybe_unused]] const volatile int turn = spin;
  }
  slot.store(seen + 1, std::memory_order_relaxed);
  return true;
}

// The same of a pair.
bool AddUnprotectedPair(const Shared& shared) {
  auto* const cell = reinterpret_cast<volatile CountSum*>(
      shared.unit0() + std::uint64_t{CurrentCpu()} * kSlotStride);
  const std::uint64_t count = cell->count;
  const double sum = cell->sum;
  for (int spin = 0; spin < kSpins; ++spin) {
    [[maybe_unused]] const volatile int turn = spin;
  }
  cell->count = count + 1;
  cell->sum = sum + kValue;
  return true;
}

// The copy loaded may be another CPU's than the one exchanged.
bool AddByCompareExchange(const Shared& shared) {
  while (true) {
    const auto seen = Load<std::uint64_t>(shared.unit0(), shared.table());
    if (!seen.has_value()) return false;
    const auto found =
        CompareExchange<std::uint64_t>(shared.unit0(), shared.table(), *seen, *seen + 1);
    if (!found.has_value()) return false;
    if (*found == *seen) return true;
  }
}

template <Kind kKind>
bool AddOne(const Shared& shared) {
  if constexpr (kKind == Kind::kSequences) {
    return Add<std::uint64_t>(shared.unit0(), shared.table(), 1);
  } else if constexpr (kKind == Kind::kCompareExchange) {
    return AddByCompareExchange(shared);
  } else if constexpr (kKind == Kind::kSlowSequences) {
    return internal::Commit([&](internal::AreaOffset area) {
      return internal::TrySlowIncrement(area, shared.table(), shared.unit0(), kSpins,
                                        internal::Arming::kArmed);
    });
  } else if constexpr (kKind == Kind::kLocked) {
    return atomic::Add<std::uint64_t>(shared.unit0(), shared.table(), 1);
  } else if constexpr (kKind == Kind::kDoubles) {
    return Add<double>(shared.unit0(), shared.table(), 1);
  } else if constexpr (kKind == Kind::kLockedDoubles) {
    return atomic::Add<double>(shared.unit0(), shared.table(), 1);
  } else if constexpr (kKind == Kind::kPairs) {
    return AddPair(shared.unit0(), shared.table(), 1, kValue);
  } else if constexpr (kKind == Kind::kUnprotectedPairs) {
    return AddUnprotectedPair(shared);
  } else {
    return AddUnprotected(shared);
  }
}

// Goes on where the worker before it was killed.
template <Kind kKind>
void Work(int memfd, std::size_t worker, std::span<const std::size_t> cpus) {
  const Shared shared(memfd);
  Progress& own = shared.progress(worker);
  std::uint64_t adds = own.adds;
  std::size_t move = worker;
  while (shared.stop() == 0) {
    MoveTo(0, cpus[++move % cpus.size()]);
    for (std::uint64_t i = 0; i < kAddsPerMove; ++i) {
      if (!AddOne<kKind>(shared)) {
        ++own.refused;
        return;
      }
      own.adds.store(++adds, std::memory_order_relaxed);
    }
  }
}

template <Kind kKind>
class Torture {
 public:
  explicit Torture(std::uint64_t wanted) : wanted_(wanted) {}
  ~Torture() { close(memfd_); }
  Torture(const Torture&) = delete;
  Torture& operator=(const Torture&) = delete;

  // Until the adds are made and at least `fewest_kills` workers were killed.
  void Run(std::uint64_t fewest_kills) {
    for (std::size_t worker = 0; worker < kWorkers; ++worker) Start(worker);
    while ((kills_ < fewest_kills || shared_.Recorded() < wanted_) && shared_.Refused() == 0) {
      KillOne();
    }
    shared_.stop() = 1;
    for (const pid_t pid : pids_) waitpid(pid, nullptr, 0);
  }

  [[nodiscard]] std::uint64_t recorded() const { return shared_.Recorded(); }
  [[nodiscard]] std::uint64_t refused() const { return shared_.Refused(); }
  [[nodiscard]] std::uint64_t sum() const { return shared_.template Sum<kKind>(); }
  [[nodiscard]] std::uint64_t unbalanced() const { return shared_.Unbalanced(); }
  [[nodiscard]] std::uint64_t kills() const { return kills_; }

 private:
  void Start(std::size_t worker) {
    const pid_t pid = fork();
    if (pid < 0) std::abort();
    if (pid == 0) {
      Work<kKind>(memfd_, worker, cpus_);
      _exit(0);
    }
    pids_[worker] = pid;
  }

  // Waits for a random number of adds, moves workers meanwhile, then kills one
  // and puts another in its place.
  void KillOne() {
    const std::uint64_t until = shared_.Recorded() + random_() % (wanted_ / kFewestKills + 1);
    while (shared_.Recorded() < until && shared_.Refused() == 0) {
      MoveTo(pids_[random_() % kWorkers], cpus_[random_() % cpus_.size()]);
    }
    const std::size_t worker = random_() % kWorkers;
    kill(pids_[worker], SIGKILL);
    int status = 0;
    waitpid(pids_[worker], &status, 0);
    if (WIFSIGNALED(status)) ++kills_;
    Start(worker);
  }

  const std::uint64_t wanted_;
  const int memfd_ = Shared::CreateMemfd();
  const Shared shared_{memfd_};
  const std::vector<std::size_t> cpus_ = AllowedCpus();
  std::array<pid_t, kWorkers> pids_{};
  std::mt19937_64 random_{1};
  std::uint64_t kills_ = 0;
};

std::uint64_t WantedAdds() {
  const char* const wanted = std::getenv("PERCPUD_TORTURE_ADDS");
  return wanted == nullptr ? kShortAdds : std::strtoull(wanted, nullptr, 10);
}

template <Kind kKind>
void ExpectNothingLost(std::uint64_t wanted) {
  Torture<kKind> torture(wanted);
  torture.Run(kFewestKills);
  std::cout << torture.recorded() << " adds written down, " << torture.sum() << " found, "
            << torture.kills() << " workers killed\n";
  EXPECT_EQ(torture.refused(), 0U);
  EXPECT_GE(torture.recorded(), wanted);
  EXPECT_GE(torture.kills(), kFewestKills);
  EXPECT_GE(torture.sum(), torture.recorded());
  EXPECT_LE(torture.sum(), torture.recorded() + torture.kills());
  if constexpr (OfPairs(kKind)) EXPECT_EQ(torture.unbalanced(), 0U);
}

TEST(ThisCpuTortureTest, SequencesLoseNothing) {
  if (!RseqWorks()) GTEST_SKIP() << "no restartable sequences here";
  ExpectNothingLost<Kind::kSequences>(WantedAdds());
}

TEST(ThisCpuTortureTest, CompareExchangesLoseNothing) {
  if (!RseqWorks()) GTEST_SKIP() << "no restartable sequences here";
  ExpectNothingLost<Kind::kCompareExchange>(WantedAdds());
}

// A thread that is interrupted is nearly always inside a sequence.
TEST(ThisCpuTortureTest, SlowSequencesLoseNothing) {
  if (!RseqWorks()) GTEST_SKIP() << "no restartable sequences here";
  ExpectNothingLost<Kind::kSlowSequences>(WantedAdds() / kSlowness);
}

TEST(ThisCpuTortureTest, LockedOperationsLoseNothing) {
  ExpectNothingLost<Kind::kLocked>(WantedAdds());
}

TEST(ThisCpuTortureTest, SequencesOfDoublesLoseNothing) {
  if (!RseqWorks()) GTEST_SKIP() << "no restartable sequences here";
  ExpectNothingLost<Kind::kDoubles>(WantedAdds());
}

TEST(ThisCpuTortureTest, LockedDoublesLoseNothing) {
  ExpectNothingLost<Kind::kLockedDoubles>(WantedAdds());
}

// Neither a count nor a sum, and no cell has one without the other.
TEST(ThisCpuTortureTest, PairsLoseNothingAndStayTogether) {
  if (!RseqWorks()) GTEST_SKIP() << "no restartable sequences here";
  ExpectNothingLost<Kind::kPairs>(WantedAdds());
}

TEST(ThisCpuTortureTest, UnprotectedPairsAreLost) {
  Torture<Kind::kUnprotectedPairs> torture(kShortAdds / kSlowness);
  torture.Run(kFewestKills);
  std::cout << torture.sum() << " of " << torture.recorded() << " observations found, "
            << torture.unbalanced() << " cells out of step\n";
  EXPECT_LT(torture.sum(), torture.recorded());
}

// The control: the same test finds what is lost.
TEST(ThisCpuTortureTest, UnprotectedAddsAreLost) {
  Torture<Kind::kUnprotected> torture(kShortAdds / kSlowness);
  torture.Run(kFewestKills);
  std::cout << torture.sum() << " of " << torture.recorded() << " adds found\n";
  EXPECT_LT(torture.sum(), torture.recorded());
}

}  // namespace
}  // namespace percpud::rseq
