// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// What keeps metrics from being shared, one thing after the other, with real processes: the
// application goes on without a system call on the counting path, and is told what to do.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/c/percpud.h"
#include "tests/support/process.h"
#include "tests/support/sanitizers.h"

namespace percpud {
namespace {

using percpud::testing::BinaryPath;
using percpud::testing::RunningDaemon;
using percpud::testing::RunToEnd;
using percpud::testing::StartDaemon;
using percpud::testing::TempDir;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;

constexpr int kPatienceMs = 30'000;
constexpr int kTimes = 1000;
constexpr uid_t kNobody = 65534;

class UnavailableTest : public ::testing::Test {
 protected:
  using Client = std::unique_ptr<percpud_client, decltype(&percpud_close)>;

  void Start(std::vector<std::string> flags = {}, const std::string& config = "") {
    if (!config.empty()) {
      std::ofstream(dir_.path() + "/config") << config;
      flags.insert(flags.end(), {"--config", dir_.path() + "/config"});
    }
    auto started = StartDaemon(dir_, flags);
    ASSERT_TRUE(started.ok()) << started.status();
    daemon_ = std::make_unique<RunningDaemon>(*std::move(started));
  }
  Client Open(const char* name_space = nullptr) {
    const std::string address = "unix:" + dir_.path() + "/percpud.sock";
    percpud_options options{};
    options.size = sizeof(options);
    options.address = address.c_str();
    options.name_space = name_space;
    options.open_wait_ms = kPatienceMs;
    Client client(percpud_open_as(&options), &percpud_close);
    percpud_on_notice(
        client.get(),
        [](void* to, percpud_notice notice, const char* text) {
          static_cast<UnavailableTest*>(to)->notices_.emplace_back(notice, text);
        },
        this);
    return client;
  }
  static percpud_family_options Options(const char* name, percpud_type type) {
    static const char* const kLabels[] = {"code"};
    static const double kBounds[] = {0.5, 1};
    percpud_family_options out{};
    out.size = sizeof(out);
    out.name = name;
    out.type = type;
    out.fold = PERCPUD_FOLD_SHARED;
    out.label_count = 1;
    out.label_names = kLabels;
    if (type == PERCPUD_HISTOGRAM) {
      out.bounds = kBounds;
      out.bound_count = 2;
    }
    return out;
  }
  static percpud_series* Series(const Client& client, const percpud_family_options& options,
                                const std::string& code = "200") {
    const char* const values[] = {code.c_str()};
    return percpud_series_open(percpud_family_open(client.get(), &options), values);
  }

  // One of each type, and what they come to after Count.
  struct All {
    explicit All(const Client& client)
        : number(Series(client, Options("bytes", PERCPUD_COUNTER))),
          histogram(Series(client, Options("seconds", PERCPUD_HISTOGRAM))),
          summary(Series(client, Options("sizes", PERCPUD_SUMMARY))),
          gauge(Series(client, Options("limit", PERCPUD_GAUGE))) {
      percpud_family_options integers = Options("requests", PERCPUD_COUNTER);
      integers.flags = PERCPUD_INTEGER;
      integer = Series(client, integers);
      counter = percpud_counter_open(client.get(), "hits");
    }
    void Count() const {
      for (int i = 0; i < kTimes; ++i) {
        percpud_counter_add(counter, 1);
        percpud_counter_add(percpud_series_counter(integer), 1);
        percpud_add(number, 0.5);
        percpud_number_add(percpud_series_number(number), 0.5);
        percpud_observe(histogram, 1);
        percpud_histogram_observe(percpud_series_histogram(histogram), 0.25);
        percpud_observe(summary, 2);
        percpud_add(gauge, 1);
      }
    }
    [[nodiscard]] bool HaveCounted(int times) const {
      const auto n = static_cast<std::uint64_t>(kTimes) * static_cast<std::uint64_t>(times);
      const auto sum = static_cast<double>(n);
      return percpud_counter_sum(counter) == n && percpud_read_series(integer).count == n &&
             percpud_read_series(number).sum == sum &&
             percpud_read_series(histogram).count == 2 * n &&
             percpud_read_series(histogram).sum == 1.25 * sum &&
             percpud_read_series(summary).sum == 2 * sum && percpud_get(gauge) == sum;
    }

    percpud_counter* counter = nullptr;
    percpud_series* integer = nullptr;
    percpud_series* number;
    percpud_series* histogram;
    percpud_series* summary;
    percpud_series* gauge;
  };

  // Counts here, and then in a child that is killed if it makes a system call.
  static void ExpectCounting(const All& all) {
    all.Count();
    EXPECT_TRUE(all.HaveCounted(1));
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      // Its runtime has a thread, which outlives the only end that a strict child may have.
      const bool is_strict = !testing::kThreadSanitizer;
      if (is_strict && prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) _exit(3);
      all.Count();
      if (!is_strict) _exit(0);
      syscall(SYS_exit, 0);
    }
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }

  TempDir dir_;
  std::unique_ptr<RunningDaemon> daemon_;
  std::vector<std::pair<percpud_notice, std::string>> notices_;
};

TEST_F(UnavailableTest, NoDaemon) {
  const Client client = Open();
  ExpectCounting(All(client));
  EXPECT_THAT(notices_, Contains(Pair(PERCPUD_NO_DAEMON, HasSubstr("start percpud"))));
  EXPECT_EQ(notices_.size(), 1U);
}

TEST_F(UnavailableTest, AnAddressThatIsNone) {
  percpud_client* const client = percpud_open("tcp:somewhere");
  percpud_on_notice(
      client,
      [](void* to, percpud_notice, const char* text) { *static_cast<std::string*>(to) = text; },
      &notices_.emplace_back().second);
  percpud_counter_add(percpud_counter_open(client, "hits"), 1);
  EXPECT_THAT(notices_[0].second, HasSubstr("an address is unix:PATH"));
  percpud_close(client);
}

// What is shared counts exactly, whatever the arena is updated by.
TEST_F(UnavailableTest, AnArenaOfModeAtomic) {
  Start({"--update-mode", "atomic"});
  const Client client = Open();
  const All all(client);
  EXPECT_EQ(percpud_wait(client.get(), kPatienceMs), 1);
  ExpectCounting(all);
  EXPECT_TRUE(all.HaveCounted(2)) << "what the child has counted is shared";
  EXPECT_THAT(notices_, IsEmpty());
}

// Run by itself, and again below without glibc's registration.
TEST_F(UnavailableTest, EverythingIsShared) {
  Start();
  const Client client = Open();
  const All all(client);
  EXPECT_EQ(percpud_wait(client.get(), kPatienceMs), 1);
  ExpectCounting(all);
  EXPECT_TRUE(all.HaveCounted(2));
  EXPECT_THAT(notices_, IsEmpty());
}

TEST_F(UnavailableTest, GlibcRegistersNobody) {
  const auto ran = RunToEnd({std::filesystem::read_symlink("/proc/self/exe"),
                             "--gtest_filter=UnavailableTest.EverythingIsShared"},
                            {"GLIBC_TUNABLES=glibc.pthread.rseq=0"});
  ASSERT_TRUE(ran.ok()) << ran.status();
  EXPECT_EQ(ran->exit_code, 0) << ran->out;
}

TEST_F(UnavailableTest, TheArenaIsFull) {
  Start({"--arena-size", "16MiB"});
  const Client client = Open();
  std::vector<double> bounds;
  for (int i = 0; i < 250; ++i) bounds.push_back(i);
  percpud_family_options large = Options("large", PERCPUD_HISTOGRAM);
  large.bounds = bounds.data();
  large.bound_count = static_cast<std::uint32_t>(bounds.size());
  percpud_series* last = nullptr;
  for (int i = 0; notices_.empty() && i < 10'000; ++i) {
    last = Series(client, large, std::to_string(i));
  }
  EXPECT_THAT(notices_, Contains(Pair(PERCPUD_SERIES_REFUSED, HasSubstr("until there is room"))));
  EXPECT_EQ(percpud_series_is_shared(last), 0);
  for (int i = 0; i < kTimes; ++i) percpud_observe(last, 7);
  EXPECT_EQ(percpud_read_series(last).count, static_cast<std::uint64_t>(kTimes));
}

TEST_F(UnavailableTest, AFamilyIsFull) {
  Start();
  const Client client = Open();
  percpud_family_options few = Options("few", PERCPUD_COUNTER);
  few.most_series = 2;
  for (int i = 0; i < 4; ++i) percpud_add(Series(client, few, std::to_string(i)), 1);
  EXPECT_THAT(notices_,
              Contains(Pair(PERCPUD_SERIES_REFUSED, HasSubstr("use fewer label values"))));
  EXPECT_EQ(notices_.size(), 1U);
}

TEST_F(UnavailableTest, AnotherShapeHasTheName) {
  Start();
  const Client first = Open();
  Series(first, Options("seconds", PERCPUD_SUMMARY));
  const Client client = Open();
  ExpectCounting(All(client));
  EXPECT_THAT(notices_,
              Contains(Pair(PERCPUD_SERIES_REFUSED, HasSubstr("open it with one shape"))));
}

TEST_F(UnavailableTest, ABadNameIsToBeCorrected) {
  Start();
  const Client client = Open();
  percpud_series* const bad = Series(client, Options("no name", PERCPUD_COUNTER));
  percpud_add(bad, 1);
  EXPECT_EQ(percpud_read_series(bad).sum, 1);
  EXPECT_THAT(notices_, Contains(Pair(PERCPUD_SERIES_REFUSED, HasSubstr("correct its name"))));
}

// In a process of a user who may only look.
TEST_F(UnavailableTest, AViewer) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can be somebody else";
  Start({"--socket-mode", "0666"}, "access { clients: \"user:0\" viewers: \"*\" }");
  ASSERT_EQ(chmod(dir_.path().c_str(), 0755), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (setgid(kNobody) != 0 || setuid(kNobody) != 0) _exit(3);
    const Client client = Open();
    const All all(client);
    all.Count();
    const bool told = ::testing::Value(
        notices_, Contains(Pair(PERCPUD_NOT_MAPPED, HasSubstr("give it the role client"))));
    _exit(!all.HaveCounted(1) ? 4 : told ? 0 : 5);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0) << status;
}

// Another program inherits nothing, and is a client of its own.
TEST_F(UnavailableTest, Exec) {
  Start();
  const Client client = Open();
  const All all(client);
  all.Count();
  const auto files = RunToEnd({"/bin/ls", "-l", "/proc/self/fd"}, {});
  ASSERT_TRUE(files.ok());
  EXPECT_THAT(files->out, Not(HasSubstr("memfd")));
  EXPECT_THAT(files->out, Not(HasSubstr("socket:")));
  const auto ran =
      RunToEnd({BinaryPath("hits"), "1", "10"}, {"PERCPUD_ADDRESS=" + daemon_->address});
  ASSERT_TRUE(ran.ok());
  EXPECT_EQ(ran->out, "hits 10\n") << ran->err;
  EXPECT_TRUE(all.HaveCounted(1));
}

// A program that loads the library at run time and unloads it: its handles stay good, for
// the library stays.
TEST_F(UnavailableTest, TheLibraryIsUnloaded) {
  const std::string python = "/usr/bin/python3";
  if (access(python.c_str(), X_OK) != 0) GTEST_SKIP() << "no python3";
#if defined(PERCPUD_ASAN) || defined(PERCPUD_TSAN)
  GTEST_SKIP() << "a sanitizer's runtime is linked in";
#endif
  Start();
  const std::filesystem::path here = std::filesystem::read_symlink("/proc/self/exe");
  const std::string library = here.parent_path().parent_path() / "lib" / "libpercpud.so.0";
  const std::string script = R"(
import ctypes, _ctypes, os
lib = ctypes.CDLL(')" + library +
                             R"(')
lib.percpud_open.restype = ctypes.c_void_p
lib.percpud_counter_open.restype = ctypes.c_void_p
lib.percpud_counter_sum.restype = ctypes.c_uint64
client = ctypes.c_void_p(lib.percpud_open(None))
hits = ctypes.c_void_p(lib.percpud_counter_open(client, b'hits'))
assert lib.percpud_wait(client, 30000) == 1
add, total = lib.percpud_counter_add, lib.percpud_counter_sum
_ctypes.dlclose(lib._handle)
for i in range(1000): add(hits, ctypes.c_uint64(1))
if os.fork() == 0:
  for i in range(1000): add(hits, ctypes.c_uint64(1))
  os._exit(0)
os.wait()
assert total(hits) == 2000, total(hits)
)";
  const auto ran = RunToEnd({python, "-c", script}, {"PERCPUD_ADDRESS=" + daemon_->address});
  ASSERT_TRUE(ran.ok()) << ran.status();
  EXPECT_EQ(ran->exit_code, 0) << ran->err;
}

}  // namespace
}  // namespace percpud
