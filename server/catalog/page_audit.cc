// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/catalog/page_audit.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/base/status_macros.h"

namespace percpud::catalog {
namespace {

// The file's layout, as LMDB 0.9 writes it on a 64-bit host.
constexpr std::uint64_t kPageSize = 4096;
constexpr std::uint64_t kMetaPages = 2;
constexpr std::uint64_t kNoPage = ~std::uint64_t{0};
constexpr std::uint32_t kMetaMagic = 0xBEEFC0DE;
constexpr int kMaxDepth = 32;

struct PageHeader {
  std::uint64_t number;
  std::uint16_t pad;
  std::uint16_t flags;
  // An overflow page has one count of pages here, over both.
  std::uint16_t lower;
  std::uint16_t upper;
};
static_assert(sizeof(PageHeader) == 16);
constexpr std::uint16_t kBranch = 0x01;
constexpr std::uint16_t kLeaf = 0x02;
constexpr std::uint16_t kOverflow = 0x04;

struct Tree {
  std::uint32_t pad;
  std::uint16_t flags;
  std::uint16_t depth;
  std::uint64_t branch_pages;
  std::uint64_t leaf_pages;
  std::uint64_t overflow_pages;
  std::uint64_t entries;
  std::uint64_t root;
};
static_assert(sizeof(Tree) == 48);

struct Meta {
  std::uint32_t magic;
  std::uint32_t version;
  std::uint64_t address;
  std::uint64_t map_size;
  Tree free;
  Tree main;
  std::uint64_t last_page;
  std::uint64_t commit;
};

struct Node {
  std::uint16_t low;
  std::uint16_t high;
  std::uint16_t flags;
  std::uint16_t key_size;
};
static_assert(sizeof(Node) == 8);
constexpr std::uint16_t kBigData = 0x01;
constexpr std::uint16_t kSubTree = 0x02;

class Audit {
 public:
  Audit(const std::byte* map, std::uint64_t pages) : map_(map), pages_(pages) {}

  absl::Status Run() {
    Meta meta{};
    RETURN_IF_ERROR(FindMeta(meta));
    if (meta.last_page >= pages_) return Wrong(meta.last_page, "lies beyond the end");
    seen_.assign(meta.last_page + 1, false);
    seen_[0] = seen_[1] = true;
    RETURN_IF_ERROR(WalkTree(meta.main, Kind::kTables));
    RETURN_IF_ERROR(WalkTree(meta.free, Kind::kFreeList));
    const auto lost = std::find(seen_.begin(), seen_.end(), false);
    if (lost == seen_.end()) return absl::OkStatus();
    return Wrong(static_cast<std::uint64_t>(lost - seen_.begin()), "is in no tree, and not free");
  }

 private:
  // What a tree's leaves hold.
  enum class Kind : std::uint8_t { kTables, kRecords, kFreeList };

  static absl::Status Wrong(std::uint64_t page, absl::string_view why) {
    return absl::DataLossError(absl::StrCat("page ", page, " ", why));
  }
  template <typename T>
  [[nodiscard]] T Load(std::uint64_t page, std::uint64_t offset) const {
    T out;
    std::memcpy(&out, map_ + page * kPageSize + offset, sizeof(out));
    return out;
  }

  // The younger of the two.
  absl::Status FindMeta(Meta& out) const {
    if (pages_ < kMetaPages) return Wrong(0, "is missing");
    for (std::uint64_t page = 0; page < kMetaPages; ++page) {
      const auto meta = Load<Meta>(page, sizeof(PageHeader));
      if (meta.magic != kMetaMagic) return Wrong(page, "is no page of LMDB's");
      if (page == 0 || meta.commit > out.commit) out = meta;
    }
    return absl::OkStatus();
  }

  absl::Status Claim(std::uint64_t page) {
    if (page >= seen_.size()) return Wrong(page, "lies beyond the last");
    if (seen_[page]) return Wrong(page, "is used twice, or used and free");
    seen_[page] = true;
    return absl::OkStatus();
  }

  absl::Status WalkTree(const Tree& tree, Kind kind) {
    if (tree.root == kNoPage) return absl::OkStatus();
    return WalkPage(tree.root, kind, 0);
  }

  absl::Status WalkPage(std::uint64_t page, Kind kind, int depth) {
    RETURN_IF_ERROR(Claim(page));
    const auto header = Load<PageHeader>(page, 0);
    const bool is_branch = (header.flags & kBranch) != 0;
    if (header.number != page) return Wrong(page, "says that it is another");
    if (is_branch == ((header.flags & kLeaf) != 0) || depth == kMaxDepth) {
      return Wrong(page, "is of no kind that can be there");
    }
    if (header.lower < sizeof(PageHeader) || header.lower > header.upper ||
        header.upper > kPageSize) {
      return Wrong(page, "has wrong bounds");
    }
    const std::size_t nodes = (header.lower - sizeof(PageHeader)) / sizeof(std::uint16_t);
    for (std::size_t i = 0; i < nodes; ++i) {
      const auto at = Load<std::uint16_t>(page, sizeof(PageHeader) + i * sizeof(std::uint16_t));
      if (at < header.upper || at + sizeof(Node) > kPageSize) {
        return Wrong(page, "has a node out of bounds");
      }
      RETURN_IF_ERROR(is_branch ? WalkBranch(page, at, kind, depth) : WalkLeaf(page, at, kind));
    }
    return absl::OkStatus();
  }

  absl::Status WalkBranch(std::uint64_t page, std::uint64_t at, Kind kind, int depth) {
    const auto node = Load<Node>(page, at);
    const std::uint64_t child =
        std::uint64_t{node.low} | std::uint64_t{node.high} << 16 | std::uint64_t{node.flags} << 32;
    return WalkPage(child, kind, depth + 1);
  }

  absl::Status WalkLeaf(std::uint64_t page, std::uint64_t at, Kind kind) {
    const auto node = Load<Node>(page, at);
    const std::uint64_t size = std::uint64_t{node.low} | std::uint64_t{node.high} << 16;
    std::uint64_t data = at + sizeof(Node) + node.key_size;
    const bool is_big = (node.flags & kBigData) != 0;
    if (data + (is_big ? sizeof(std::uint64_t) : size) > kPageSize) {
      return Wrong(page, "has a record out of bounds");
    }
    std::uint64_t first = page;
    if (is_big) {
      first = Load<std::uint64_t>(page, data);
      data = sizeof(PageHeader);
      RETURN_IF_ERROR(ClaimOverflow(first, size));
    }
    if ((node.flags & kSubTree) != 0) {
      if (kind != Kind::kTables || size != sizeof(Tree)) return Wrong(page, "has a tree in a tree");
      return WalkTree(Load<Tree>(first, data), Kind::kRecords);
    }
    return kind == Kind::kFreeList ? ClaimFree(first, data, size) : absl::OkStatus();
  }

  // The pages of a record that is too large for a leaf.
  absl::Status ClaimOverflow(std::uint64_t first, std::uint64_t size) {
    const std::uint64_t count = (sizeof(PageHeader) + size + kPageSize - 1) / kPageSize;
    for (std::uint64_t i = 0; i < count; ++i) RETURN_IF_ERROR(Claim(first + i));
    const auto header = Load<PageHeader>(first, 0);
    const std::uint64_t said = std::uint64_t{header.lower} | std::uint64_t{header.upper} << 16;
    if ((header.flags & kOverflow) != 0 && header.number == first && said == count) {
      return absl::OkStatus();
    }
    return Wrong(first, "is not the record's it should be");
  }

  // A record of the free list: a count, that number of pages in falling order, and
  // perhaps room for more.
  absl::Status ClaimFree(std::uint64_t page, std::uint64_t at, std::uint64_t size) {
    std::uint64_t count = 0;
    if (size < sizeof(count)) return Wrong(page, "has a free list without a count");
    count = Load<std::uint64_t>(page, at);
    if (count > size / sizeof(std::uint64_t) - 1) return Wrong(page, "has a wrong count");
    std::uint64_t last = kNoPage;
    for (std::uint64_t i = 1; i <= count; ++i) {
      const auto free = Load<std::uint64_t>(page, at + i * sizeof(std::uint64_t));
      if (free >= last) return Wrong(page, "has a free list out of order");
      RETURN_IF_ERROR(Claim(free));
      last = free;
    }
    return absl::OkStatus();
  }

  const std::byte* const map_;
  const std::uint64_t pages_;
  std::vector<bool> seen_;
};

}  // namespace

absl::Status AuditPages(MDB_env* env) {
  int fd = -1;
  struct stat file {};
  if (const int code = mdb_env_get_fd(env, &fd); code != MDB_SUCCESS) {
    return absl::DataLossError(mdb_strerror(code));
  }
  if (fstat(fd, &file) != 0) return errors::OsRefused("fstat", "data.mdb", errno);
  const auto size = static_cast<std::size_t>(file.st_size);
  void* const map = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  if (map == MAP_FAILED) return errors::OsRefused("mmap", "data.mdb", errno);
  absl::Status verdict = Audit(static_cast<const std::byte*>(map), size / kPageSize).Run();
  munmap(map, size);
  return verdict;
}

}  // namespace percpud::catalog
