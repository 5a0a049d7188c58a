// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/arena/transparent_huge_pages.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <fstream>
#include <optional>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "server/base/errors.h"

namespace percpud {
namespace {

// The word in brackets, as in "always [madvise] never"; empty if there is no
// such file.
std::string Chosen(const std::string& path) {
  std::string line;
  std::getline(std::ifstream(path), line);
  const std::size_t open = line.find('[');
  const std::size_t close = line.find(']', open);
  if (close == std::string::npos) return {};
  return line.substr(open + 1, close - open - 1);
}

absl::Status Refuse(absl::string_view why, absl::string_view command) {
  return errors::NoTransparentHugePages(absl::StrCat(why, "; `", command, "` mends it"));
}

absl::Status SetTo(absl::string_view path, absl::string_view chosen, absl::string_view better) {
  return Refuse(absl::StrCat(path, " says ", chosen), absl::StrCat("echo ", better, " > ", path));
}

// Since Linux 6.10 there is a setting for each size besides, which may stand
// for itself or "inherit" the one for all.
absl::Status CheckMemfd(const std::string& all, const std::string& chosen,
                        const HugePageSettings& settings) {
  const std::string of_size = absl::StrCat(settings.directory, "/hugepages-2048kB/shmem_enabled");
  const std::string size = Chosen(of_size);
  if (size == "never") return SetTo(of_size, size, "advise");
  if (chosen == "never" && (size.empty() || size == "inherit")) return SetTo(all, chosen, "advise");
  return absl::OkStatus();
}

struct Mount {
  std::string point;
  std::string type;
  // The file system's options, not those of this mount.
  std::string options;
};

// The last mount of the directory's file system: proc(5), mountinfo.
std::optional<Mount> MountOf(dev_t device, const std::string& mountinfo) {
  const std::string number = absl::StrCat(major(device), ":", minor(device));
  std::optional<Mount> found;
  std::ifstream file(mountinfo);
  for (std::string line; std::getline(file, line);) {
    const std::vector<std::string> halves = absl::StrSplit(line, absl::MaxSplits(" - ", 1));
    if (halves.size() != 2) continue;
    const std::vector<std::string> where = absl::StrSplit(halves[0], ' ');
    const std::vector<std::string> what = absl::StrSplit(halves[1], ' ');
    if (where.size() < 5 || what.size() < 3 || where[2] != number) continue;
    found = Mount{.point = where[4], .type = what[0], .options = what[2]};
  }
  return found;
}

absl::Status CheckDirectory(const std::string& directory, const HugePageSettings& settings) {
  struct stat info {};
  if (stat(directory.c_str(), &info) != 0) return errors::OsRefused("stat", directory, errno);
  const std::optional<Mount> mount = MountOf(info.st_dev, settings.mounts);
  if (!mount || mount->type != "tmpfs") {
    return errors::NoTransparentHugePages(absl::StrCat(directory, " is not on tmpfs"));
  }
  for (const absl::string_view option : absl::StrSplit(mount->options, ',')) {
    absl::string_view huge = option;
    if (absl::ConsumePrefix(&huge, "huge=") && huge != "never") return absl::OkStatus();
  }
  return Refuse(absl::StrCat(directory, " is on a tmpfs mounted without huge="),
                absl::StrCat("mount -o remount,huge=advise ", mount->point));
}

}  // namespace

absl::Status CheckTransparentHugePages(const std::string& directory,
                                       const HugePageSettings& settings) {
  const std::string all = absl::StrCat(settings.directory, "/shmem_enabled");
  const std::string chosen = Chosen(all);
  if (chosen.empty()) {
    return errors::NoTransparentHugePages(
        "the kernel has none (CONFIG_TRANSPARENT_HUGEPAGE; page_size 2MiB needs it not)");
  }
  // These two overrule every other setting.
  if (chosen == "deny") return SetTo(all, chosen, directory.empty() ? "advise" : "never");
  if (chosen == "force") return absl::OkStatus();
  return directory.empty() ? CheckMemfd(all, chosen, settings)
                           : CheckDirectory(directory, settings);
}

}  // namespace percpud
