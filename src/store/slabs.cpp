#include "store/slabs.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <new>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "store/space.h"

namespace dltonic::store {
namespace {

/// What O_DIRECT asks of offsets, lengths and memory: no disk has longer sectors.
constexpr std::uint64_t kPage = 4096;
/// At once: long enough that a thread of low priority seldom has to wait for its core.
constexpr std::size_t kWritePiece = std::size_t{64} << 20;
constexpr std::size_t kBuffer = std::size_t{4} << 20;
/// Summed, compared and looked through while it is in the second-level cache.
constexpr std::size_t kInCache = std::size_t{128} << 10;
static_assert(kBuffer % kChecksumBlock == 0 && kChecksumBlock % kInCache == 0);

struct FreeAligned {
  void operator()(std::byte* memory) const { ::operator delete (memory, std::align_val_t{kPage}); }
};
using Buffer = std::unique_ptr<std::byte, FreeAligned>;
Buffer make_buffer() { return Buffer(static_cast<std::byte*>(::operator new (kBuffer, std::align_val_t{kPage}))); }

class File {
 public:
  File(const std::filesystem::path& path, int flags)
      : path_(path),
        plain_(::open(path.c_str(), flags | O_CLOEXEC)),
        direct_(::open(path.c_str(), flags | O_CLOEXEC | O_DIRECT)) {  // refused where the file system cannot
    if (plain_ < 0) fail("open");
  }
  ~File() {
    give_up_direct();
    if (plain_ >= 0) ::close(plain_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  int plain() const { return plain_; }
  bool direct() const { return direct_ >= 0; }
  [[noreturn]] void fail(const char* operation) const {
    const int reason = errno;
    const std::string text = cat("cannot ", operation, " ", path_.string(), ": ", std::strerror(reason));
    if (reason == ENOSPC || reason == EDQUOT || reason == EFBIG) throw DiskFull(text);
    throw StorageError(text);
  }

  /// Whole pages, from memory that begins at one where `direct` still holds.
  void write_pages(std::uint64_t at, const std::byte* data, std::size_t bytes) {
    while (bytes > 0 && direct()) {
      const ssize_t put = ::pwrite(direct_, data, bytes, static_cast<off_t>(at));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0 && errno != EINVAL) fail("write");
      const auto done = put < 0 ? std::size_t{0} : static_cast<std::size_t>(put);
      at += done;
      data += done;
      bytes -= done;
      if (done == 0 || done % kPage != 0) give_up_direct();  // it can open files so, but not write them
    }
    write_plain(at, data, bytes);
  }
  void write_plain(std::uint64_t at, const std::byte* data, std::size_t bytes) const {
    while (bytes > 0) {
      const ssize_t put = ::pwrite(plain_, data, std::min(bytes, kBuffer), static_cast<off_t>(at));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) fail("write");
      const auto done = static_cast<std::size_t>(put);
      // The disk begins with it now, not when all is there.
      ::sync_file_range(plain_, static_cast<off_t>(at), static_cast<off_t>(done), SYNC_FILE_RANGE_WRITE);
      at += done;
      data += done;
      bytes -= done;
    }
  }
  /// Fewer bytes than asked for only at the end of the file. `at` and `into` begin pages.
  std::size_t read(std::uint64_t at, std::byte* into, std::size_t bytes) {
    std::size_t done = 0;
    while (done < bytes) {
      const ssize_t got = ::pread(direct() ? direct_ : plain_, into + done, bytes - done, static_cast<off_t>(at + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EINVAL && direct()) {
        give_up_direct();
        continue;
      }
      if (got < 0) fail("read back");
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
      if (done % kPage != 0) give_up_direct();  // the end of the file, or a file system of its own mind
    }
    return done;
  }

 private:
  void give_up_direct() {
    if (direct_ >= 0) ::close(direct_);
    direct_ = -1;
  }

  const std::filesystem::path& path_;
  int plain_, direct_;
};

/// All exponent bits set: infinite or not a number. Integer arithmetic, which the compiler makes vectors of.
template <class Bits>
bool finite_bits(const std::byte* data, std::uint64_t bytes, Bits exponent) {
  const auto* const values = reinterpret_cast<const Bits*>(data);
  Bits found = 0;
  for (std::uint64_t i = 0; i < bytes / sizeof(Bits); ++i) found |= static_cast<Bits>((values[i] & exponent) == exponent);
  return found == 0;
}

/// The part of a slab that lies in bytes begin … end − 1 of the file.
struct Cut {
  std::uint64_t at;
  const std::byte* data;
  std::size_t bytes;
};
Cut cut(const Slab& slab, std::uint64_t begin, std::uint64_t end) {
  const std::uint64_t from = std::clamp(slab.at, begin, end), to = std::clamp(slab.at + slab.bytes, begin, end);
  return {from, slab.data + (from - slab.at), static_cast<std::size_t>(to - from)};
}

/// Of a slab that begins in the middle of a number, as small ones may, pieces are no numbers: all of it with its first byte.
void expect_finite(const Slab& slab, const Cut& part) {
  const bool fine = slab.at % sizeof(double) == 0 ? all_finite(slab.type, part.data, part.bytes)
                                                  : part.at > slab.at || all_finite(slab.type, slab.data, slab.bytes);
  if (!fine) throw StorageError(cat("not saved: ", slab.name, " holds values that are not finite"));
}

void write_cut(File& file, Cut part, Buffer& bounce) {
  const auto head = std::min<std::size_t>(part.bytes, (kPage - part.at % kPage) % kPage);
  const std::size_t pages = (part.bytes - head) / kPage * kPage;
  file.write_plain(part.at, part.data, head);
  file.write_plain(part.at + head + pages, part.data + head + pages, part.bytes - head - pages);
  part = {part.at + head, part.data + head, pages};
  const bool in_place = !file.direct() || reinterpret_cast<std::uintptr_t>(part.data) % kPage == 0;
  if (!in_place && !bounce) bounce = make_buffer();
  for (std::size_t done = 0; done < part.bytes;) {
    const std::size_t count = std::min(in_place ? kWritePiece : kBuffer, part.bytes - done);
    if (!in_place) std::memcpy(bounce.get(), part.data + done, count);
    file.write_pages(part.at + done, in_place ? part.data + done : bounce.get(), count);
    done += count;
  }
}

}  // namespace

bool all_finite(DType type, const std::byte* data, std::uint64_t bytes) {
  if (type == DType::f32) return finite_bits<std::uint32_t>(data, bytes, 0x7f800000u);
  if (type == DType::f64) return finite_bits<std::uint64_t>(data, bytes, 0x7ff0000000000000u);
  return true;
}

void write_slabs(const std::filesystem::path& path, std::span<const Slab> slabs, std::uint64_t begin, std::uint64_t end) {
  File file(path, O_WRONLY);
  Buffer bounce;
  for (const Slab& slab : slabs) {
    if (slab.at < end && slab.at + slab.bytes > begin) write_cut(file, cut(slab, begin, end), bounce);
  }
  if (::fsync(file.plain()) != 0) file.fail("sync");
}

std::vector<BlockDigest> read_back(const std::filesystem::path& path, std::span<const Slab> slabs, std::uint64_t begin,
                                   std::uint64_t end) {
  std::vector<BlockDigest> digests;
  if (begin >= end) return digests;
  File file(path, O_RDONLY);
  // Without O_DIRECT: what is on the disk already need not be kept, so that it is read from there.
  if (!file.direct()) [[maybe_unused]]
    const int hint =
        ::posix_fadvise(file.plain(), static_cast<off_t>(begin), static_cast<off_t>(end - begin), POSIX_FADV_DONTNEED);
  const Buffer buffer = make_buffer();
  BlockSum sum;
  auto next = std::find_if(slabs.begin(), slabs.end(), [&](const Slab& slab) { return slab.at + slab.bytes > begin; });
  for (std::uint64_t at = begin; at < end;) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(kBuffer, end - at));
    const std::size_t asked = (wanted + kPage - 1) / kPage * kPage;  // whole pages, also where the file ends in one
    const std::size_t got = std::min(wanted, file.read(at, buffer.get(), asked));
    if (got < wanted) throw StorageError(cat(path.string(), " reads back as ", at + got, " bytes, ", end, " expected"));
    for (std::size_t done = 0; done < got;) {
      const std::size_t count = std::min(kInCache, got - done);
      const std::byte* const read = buffer.get() + done;
      sum.update({read, count});
      for (; next != slabs.end() && next->at < at + count; ++next) {
        const Cut part = cut(*next, at, at + count);
        if (std::memcmp(read + (part.at - at), part.data, part.bytes) != 0) {
          throw StorageError(cat(path.string(), " does not read back as it was written: ", next->name,
                                 " differs between bytes ", part.at, " and ", part.at + part.bytes,
                                 "; is this storage sound?"));
        }
        if (next->finite) expect_finite(*next, part);
        if (next->at + next->bytes > at + count) break;  // goes on in the next piece
      }
      at += count;
      done += count;
      if (at % kChecksumBlock == 0 || at == end) digests.push_back(sum.next());
    }
  }
  return digests;
}

}  // namespace dltonic::store
