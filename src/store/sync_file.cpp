/// One file, copied and verified.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "dltonic/core/checksum.h"
#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "dltonic/core/hash.h"
#include "dltonic/core/log.h"
#include "dltonic/core/text.h"
#include "store/ledger.h"
#include "store/manifest.h"
#include "store/part_file.h"
#include "store/space.h"
#include "store/sync_parts.h"

namespace dltonic::store {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kPiece = std::size_t{4} << 20;

struct File {
  File(const fs::path& name, int flags) : path(name), fd(::open(name.c_str(), flags | O_CLOEXEC, 0644)) {
    if (fd < 0) fail("open");
  }
  ~File() { ::close(fd); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  [[noreturn]] void fail(const char* operation) const {
    const std::string text = cat("cannot ", operation, " ", path.string(), ": ", std::strerror(errno));
    if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG) throw DiskFull(text);
    throw StorageError(text);
  }
  struct stat status() const {
    struct stat result {};
    if (::fstat(fd, &result) != 0) fail("look at");
    return result;
  }
  std::uint64_t size() const { return static_cast<std::uint64_t>(status().st_size); }

  /// Fewer bytes than asked for only at the end of the file.
  std::size_t read_at(std::uint64_t offset, std::span<std::byte> into) const {
    std::size_t done = 0;
    while (done < into.size()) {
      const ssize_t got = ::pread(fd, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) fail("read");
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }
  void write_at(std::uint64_t offset, std::span<const std::byte> bytes) const {
    for (std::size_t done = 0; done < bytes.size();) {
      const ssize_t put = ::pwrite(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) fail("write");
      done += static_cast<std::size_t>(put);
    }
  }

  fs::path path;
  int fd;
};

void ask_stop(const SyncOptions& options, const fs::path& what) {
  if (options.stop && options.stop()) throw StopError(cat("stopped while copying ", what.string()));
}

void tell(const SyncOptions& options, std::uint64_t bytes) {
  if (options.on_bytes) options.on_bytes(bytes);
}

std::size_t piece_at(std::uint64_t done, std::uint64_t end) {
  return static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, end - done));
}

/// How far `part` holds what the source holds; those bytes go into the sum.
std::uint64_t common_beginning(const File& source, const File& part, std::uint64_t end, Checksum& sum,
                               const SyncOptions& options) {
  std::vector<std::byte> theirs(kPiece), ours(kPiece);
  std::uint64_t done = 0;
  while (done < end) {
    ask_stop(options, source.path);
    const std::size_t count = piece_at(done, end);
    const std::size_t got = source.read_at(done, std::span(theirs).first(count));
    const std::size_t had = part.read_at(done, std::span(ours).first(count));
    if (got != count || had != count || std::memcmp(theirs.data(), ours.data(), count) != 0) break;
    sum.update(std::span<const std::byte>(theirs).first(count));
    done += count;
    tell(options, count);
  }
  return done;
}

void copy_rest(const File& source, const File& part, std::uint64_t done, std::uint64_t end, Checksum& sum,
               const SyncOptions& options) {
  std::vector<std::byte> piece(kPiece);
  while (done < end) {
    ask_stop(options, source.path);
    const std::size_t count = piece_at(done, end);
    if (source.read_at(done, std::span(piece).first(count)) != count) {
      throw DataError(cat(source.path.string(), " became shorter while it was copied; is it being written?"));
    }
    part.write_at(done, std::span(piece).first(count));
    sum.update(std::span<const std::byte>(piece).first(count));
    done += count;
    tell(options, count);
  }
}

/// What the storage gives back, not what the page cache still holds.
std::string read_back(const File& part, std::uint64_t end, const SyncOptions& options) {
  [[maybe_unused]] const int hint = ::posix_fadvise(part.fd, 0, 0, POSIX_FADV_DONTNEED);
  Checksum sum;
  std::vector<std::byte> piece(kPiece);
  for (std::uint64_t done = 0; done < end;) {
    ask_stop(options, part.path);
    const std::size_t got = part.read_at(done, std::span(piece).first(piece_at(done, end)));
    if (got == 0) break;
    sum.update(std::span<const std::byte>(piece).first(got));
    done += got;
  }
  return sum.text();
}

/// Writes the part file to its end; returns the checksum of what was read and found there again.
std::string make_part(const File& source, const struct stat& status, std::uint64_t end, const fs::path& path,
                      const SyncOptions& options, std::uint64_t& resumed) {
  const File part(path, O_RDWR | O_CREAT);
  Checksum sum;
  resumed = common_beginning(source, part, std::min(part.size(), end), sum, options);
  if (::ftruncate(part.fd, static_cast<off_t>(resumed)) != 0) part.fail("truncate");
  if (resumed > 0) log::info(cat("going on with ", path.string(), " at ", human_bytes(resumed), " of ", human_bytes(end)));
  claim_space(path, resumed, end - resumed);
  copy_rest(source, part, resumed, end, sum, options);
  if (::fsync(part.fd) != 0) part.fail("sync");
  const std::string expected = sum.text(), found = read_back(part, end, options);
  if (found != expected || part.size() != end) {
    ::unlink(path.c_str());  // nothing to go on from
    throw StorageError(cat("the copy of ", source.path.string(), " at ", path.string(), " has checksum ", found, " and ",
                           part.size(), " bytes, ", expected, " and ", end, " expected"));
  }
  const struct timespec times[2] = {status.st_atim, status.st_mtim};
  if (::futimens(part.fd, times) != 0) part.fail("set the time of");
  return expected;
}

bool grows_by_lines(const fs::path& file) {
  const auto extension = file.extension();
  return extension == ".jsonl" || extension == ".txt" || extension == ".log";
}

/// The end of the last whole line.
std::uint64_t end_of_lines(const File& file, std::uint64_t size) {
  std::vector<std::byte> piece(4096);
  while (size > 0) {
    const std::size_t count = static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), size));
    const std::size_t got = file.read_at(size - count, std::span(piece).first(count));
    for (std::size_t i = got; i > 0; --i) {
      if (piece[i - 1] == std::byte{'\n'}) return size - count + i;
    }
    size -= count;
  }
  return 0;
}

template <class Sum>
void add_file(Sum& sum, const File& file, std::uint64_t end, const SyncOptions& options) {
  std::vector<std::byte> piece(kPiece);
  for (std::uint64_t done = 0; done < end;) {
    ask_stop(options, file.path);
    const std::size_t count = file.read_at(done, std::span(piece).first(piece_at(done, end)));
    if (count == 0) break;
    sum.update(std::span<const std::byte>(piece).first(count));
    done += count;
  }
}

std::string sum_of(const File& file, std::uint64_t end, const SyncOptions& options) {
  Checksum sum;
  add_file(sum, file, end, options);
  return sum.text();
}

/// The source as far as it is to be copied now.
Stamp wanted_part(const File& source, const struct stat& status, const SyncOptions& options) {
  const auto size = static_cast<std::uint64_t>(status.st_size);
  return {options.growing && grows_by_lines(source.path) ? end_of_lines(source, size) : size,
          std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec};
}

Decision decide(const Stamp& wanted, const fs::path& to, const Ledger& ledger) {
  const auto there = stamp_of(to);
  if (!there) return {SyncAction::copy, "new"};
  const CopyRecord* noted = ledger.find(to.filename().string());
  if (noted && noted->source == wanted && noted->copy == *there) return {SyncAction::keep, "verified"};
  if (there->bytes != wanted.bytes) {
    return {SyncAction::copy, cat(with_commas(there->bytes), " bytes there, ", with_commas(wanted.bytes), " here")};
  }
  if (there->mtime_ns != wanted.mtime_ns) return {SyncAction::copy, "other time"};
  return {SyncAction::verify, "same size and time, never verified"};
}

File open_source(const fs::path& from) {
  if (!fs::is_regular_file(from)) throw DataError(cat("cannot copy ", from.string(), ": no such file"));
  return File(from, O_RDONLY);
}

fs::path folder_of(const fs::path& file) { return file.has_parent_path() ? file.parent_path() : fs::path("."); }

}  // namespace

Decision decide_file(const fs::path& from, const fs::path& to, const SyncOptions& options, std::uint64_t& bytes) {
  const File source = open_source(from);
  const Stamp wanted = wanted_part(source, source.status(), options);
  bytes = wanted.bytes;
  if (to.empty()) return {SyncAction::copy, "new"};
  const Decision decision = decide(wanted, to, Ledger(folder_of(to)));
  if (options.checksum && (decision.action == SyncAction::keep || decision.action == SyncAction::verify)) {
    const bool equal = sum_of(source, wanted.bytes, options) == sum_of(File(to, O_RDONLY), wanted.bytes, options);
    if (!equal) return {SyncAction::copy, "other content"};
  }
  return decision;
}

Copied sync_file(const fs::path& from, const fs::path& to, const SyncOptions& options) {
  const File source = open_source(from);
  const struct stat status = source.status();
  const Stamp wanted = wanted_part(source, status, options);
  Copied result{.bytes = wanted.bytes};
  struct stat there {};
  if (::stat(to.c_str(), &there) == 0 && there.st_dev == status.st_dev && there.st_ino == status.st_ino) return result;

  make_destination(folder_of(to), options);
  Ledger ledger(folder_of(to));
  const auto note = [&] {
    if (const auto copy = stamp_of(to)) ledger.record(to.filename().string(), {wanted, *copy, result.checksum});
  };
  const Decision decision = decide(wanted, to, ledger);
  if (decision.action == SyncAction::verify || (decision.action == SyncAction::keep && options.checksum)) {
    result.checksum = sum_of(source, wanted.bytes, options);
    if (result.checksum == sum_of(File(to, O_RDONLY), wanted.bytes, options)) {
      note();
      tell(options, wanted.bytes);
      return result;
    }
  } else if (decision.action == SyncAction::keep) {
    result.checksum = ledger.find(to.filename().string())->checksum;
    tell(options, wanted.bytes);
    return result;
  }

  const fs::path part = adopt_part(to);
  try {
    result.checksum = make_part(source, status, wanted.bytes, part, options, result.resumed);
    if (!options.growing && stamp_of(from) != Stamp{wanted.bytes, wanted.mtime_ns}) {
      ::unlink(part.c_str());
      throw DataError(cat(from.string(), " changed while it was copied; is it being written?"));
    }
    rename_durably(part, to);
  } catch (const DiskFull&) {
    ::unlink(part.c_str());  // others may need the room, and the next try may choose to free some
    throw;
  } catch (...) {
    if (!options.keep_part) ::unlink(part.c_str());
    throw;
  }
  result.copied = true;
  note();
  return result;
}

void make_destination(const fs::path& folder, const SyncOptions& options) {
  if (options.anchor.empty()) return make_directories(folder);
  std::error_code error;
  if (fs::is_directory(folder, error)) return;
  if (folder == options.anchor || !folder.has_relative_path()) throw StorageError(cat(options.anchor.string(), " is gone"));
  make_destination(folder.parent_path(), options);
  if (!fs::create_directory(folder, error) && error)
    throw StorageError(cat("cannot create folder ", folder.string(), ": ", error.message()));
}

std::string checksum_like(const std::string& like, const fs::path& file, const SyncOptions& options) {
  const File opened(file, O_RDONLY);
  if (!like.starts_with(kSha256Kind)) return sum_of(opened, opened.size(), options);
  Sha256 sum;
  add_file(sum, opened, opened.size(), options);
  return kSha256Kind + sum.hex();
}

}  // namespace dltonic::store
