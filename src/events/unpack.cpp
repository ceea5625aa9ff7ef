#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "dltonic/core/hash.h"
#include "dltonic/core/log.h"
#include "dltonic/core/text.h"
#include "dltonic/events/archive.h"
#include "events/zip_archive.h"

namespace dltonic::events {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kReserveBytes = std::uint64_t{16} << 20;  ///< that the disk keeps free

bool is_zip_name(const std::string& name) { return name.ends_with(".zip"); }
bool is_7z_name(const std::string& name) { return name.ends_with(".7z"); }

bool holds_archives(const ZipArchive& zip) {
  return std::any_of(zip.members().begin(), zip.members().end(),
                     [](const auto& member) { return is_archive_name(member.name); });
}

/// Bytes of a file for libarchive. What gzip packed is unpacked by zlib here: libarchive does not compare gzip's CRC.
class GzipReader {
 public:
  explicit GzipReader(const fs::path& path) : path_(path), file_(gzopen(path.c_str(), "rb")), buffer_(1 << 20) {
    if (file_ == nullptr) throw DataError(cat("cannot open ", path.string(), ": ", std::strerror(errno)));
    gzbuffer(file_, 1 << 18);
  }
  ~GzipReader() { gzclose(file_); }
  GzipReader(const GzipReader&) = delete;
  GzipReader& operator=(const GzipReader&) = delete;

  /// Bytes read, 0 at the end, -1 for a fault, which stands in fault() then.
  la_ssize_t read(const void** bytes) {
    const int count = gzread(file_, buffer_.data(), static_cast<unsigned>(buffer_.size()));
    int code = Z_OK;
    const char* why = gzerror(file_, &code);
    if (count < 0 || code == Z_BUF_ERROR) {
      fault_ = code == Z_BUF_ERROR ? "it is cut: its compressed data have no end"
               : code == Z_ERRNO   ? std::strerror(errno)
                                   : why;
      return -1;
    }
    *bytes = buffer_.data();
    return count;
  }
  /// Reads what is left: the checksum stands at the end.
  void drain() {
    const void* ignored = nullptr;
    while (read(&ignored) > 0) {
    }
  }
  const std::string& fault() const { return fault_; }

 private:
  fs::path path_;
  gzFile file_;
  std::vector<char> buffer_;
  std::string fault_;
};

la_ssize_t read_callback(::archive* /*reader*/, void* source, const void** bytes) {
  return static_cast<GzipReader*>(source)->read(bytes);
}

/// Writes one file, asking for space first.
class OutFile {
 public:
  OutFile(const fs::path& path, std::uint64_t bytes) : path_(path) {
    make_directories(path.parent_path());
    const auto free = fs::space(path.parent_path()).available;
    if (free < bytes + kReserveBytes) {
      throw StorageError(cat("cannot write ", path.string(), ": ", human_bytes(bytes + kReserveBytes), " are needed, ",
                             human_bytes(free),
                             " are free; make room, or unpack the archive elsewhere and give that folder as data.root"));
    }
    fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd_ < 0) throw StorageError(cat("cannot create ", path.string(), ": ", std::strerror(errno)));
  }
  ~OutFile() { ::close(fd_); }
  OutFile(const OutFile&) = delete;
  OutFile& operator=(const OutFile&) = delete;
  void write(const void* bytes, std::size_t count) {
    const auto* from = static_cast<const char*>(bytes);
    while (count > 0) {
      const ssize_t done = ::write(fd_, from, count);
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) throw StorageError(cat("cannot write ", path_.string(), ": ", std::strerror(errno)));
      from += done;
      count -= static_cast<std::size_t>(done);
    }
  }

 private:
  fs::path path_;
  int fd_ = -1;
};

void unpack_zip(const fs::path& path, const fs::path& folder, const std::function<void(std::uint64_t)>& on_bytes) {
  const ZipArchive zip(path);
  std::vector<std::byte> buffer;
  for (const auto& member : zip.members()) {
    const auto content = zip.read(member, buffer);
    OutFile(folder / member.name, member.bytes).write(content.data(), content.size());
    if (on_bytes) on_bytes(content.size());
  }
}

/// .tar in any compression, and .7z, whose list of members stands at its end, so that libarchive must seek in it.
void unpack_stream(const fs::path& path, const fs::path& folder, const std::function<void(std::uint64_t)>& on_bytes) {
  const bool is_7z = is_7z_name(path.string());
  GzipReader source(path);  // opens what is not packed, too, and would read it as it is
  const std::unique_ptr<::archive, int (*)(::archive*)> reader(archive_read_new(), archive_read_free);
  if (is_7z) {
    archive_read_support_format_7zip(reader.get());
  } else {
    archive_read_support_format_tar(reader.get());
    archive_read_support_filter_all(reader.get());
  }
  std::string member;
  const auto damaged = [&](const std::string& why) {
    throw DataError(cat(path.string(), member.empty() ? "" : cat(", member ", member), ": ",
                        source.fault().empty() ? why : source.fault(), "; the archive is damaged, download it again"));
  };
  const auto reason = [&] {
    const char* why = archive_error_string(reader.get());
    return std::string(why == nullptr ? "it cannot be read" : why);
  };
  const int opened = is_7z ? archive_read_open_filename(reader.get(), path.c_str(), std::size_t{1} << 18)
                           : archive_read_open(reader.get(), &source, nullptr, read_callback, nullptr);
  if (opened != ARCHIVE_OK) damaged(reason());
  std::size_t files = 0;
  while (true) {
    ::archive_entry* entry = nullptr;
    const int code = archive_read_next_header(reader.get(), &entry);
    if (code == ARCHIVE_EOF) break;
    if (code != ARCHIVE_OK && code != ARCHIVE_WARN) damaged(reason());
    const char* name = archive_entry_pathname(entry);
    member = name == nullptr ? "" : name;
    with_context(cat(path.string(), ", member ", member), [&] { check_member_name(member); });
    if (archive_entry_filetype(entry) == AE_IFDIR) continue;
    if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) != nullptr) {
      log::warn(cat(path.string(), ", member ", member, ": it is no plain file and is passed over"));
      continue;
    }
    const auto bytes = static_cast<std::uint64_t>(archive_entry_size(entry));
    OutFile out(folder / member, bytes);
    std::uint64_t written = 0;
    static constexpr std::array<char, 4096> kZeros{};
    while (true) {
      const void* block = nullptr;
      std::size_t count = 0;
      la_int64_t at = 0;
      const int state = archive_read_data_block(reader.get(), &block, &count, &at);
      if (state == ARCHIVE_EOF) break;
      if (state != ARCHIVE_OK) damaged(reason());
      while (written < static_cast<std::uint64_t>(at)) {  // a hole of a sparse file
        const auto gap = std::min<std::uint64_t>(kZeros.size(), static_cast<std::uint64_t>(at) - written);
        out.write(kZeros.data(), gap);
        written += gap;
      }
      if (written + count > bytes) damaged(cat("more than the ", bytes, " bytes that its header tells"));
      out.write(block, count);
      written += count;
      if (on_bytes) on_bytes(count);
    }
    if (written != bytes) damaged(cat(written, " bytes, ", bytes, " expected"));
    ++files;
    member.clear();
  }
  if (!is_7z) source.drain();
  if (!source.fault().empty()) damaged("");
  if (files == 0) damaged("it holds no file");
}

/// Unpacks archives that lie in `folder` and cannot be read in place, where they lie, and removes them.
void unpack_inner(const fs::path& folder, const std::function<void(std::uint64_t)>& on_bytes) {
  std::vector<fs::path> inner;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_regular_file() && is_archive_name(name) && !is_zip_name(name)) inner.push_back(entry.path());
  }
  for (const fs::path& archive : inner) {
    unpack_stream(archive, archive.parent_path(), on_bytes);
    fs::remove(archive);
  }
}

}  // namespace

bool is_archive_name(const std::string& name) {
  return is_zip_name(name) || name.ends_with(".tar") || name.ends_with(".tgz") || name.ends_with(".tar.gz") ||
         name.ends_with(".tar.bz2") || name.ends_with(".tar.xz") || name.ends_with(".tar.zst") || is_7z_name(name);
}

std::vector<fs::path> archives_of(const fs::path& root) {
  std::vector<fs::path> found;
  std::error_code error;
  if (fs::is_regular_file(root, error)) {
    if (is_archive_name(root.filename().string())) found.push_back(root);
    return found;
  }
  for (const auto& entry : fs::directory_iterator(root, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with('.') && is_archive_name(name) && entry.is_regular_file(error)) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<fs::path> archives_to_unpack(const fs::path& root) {
  auto found = archives_of(root);
  std::erase_if(found, [](const fs::path& path) { return is_zip_name(path.string()) && !holds_archives(ZipArchive(path)); });
  return found;
}

std::string unpacked_name(const fs::path& archive) {
  const auto time = fs::last_write_time(archive).time_since_epoch().count();
  const std::string name = archive.filename().string();
  return cat(name, "-", sha256_hex(cat(name, " ", fs::file_size(archive), " ", time)).substr(0, 16));
}

void unpack(const fs::path& archive, const fs::path& folder, const std::function<void(std::uint64_t)>& on_bytes) {
  const fs::path part = folder.string() + ".part";
  fs::remove_all(part);
  make_directories(part);
  try {
    if (is_zip_name(archive.string())) unpack_zip(archive, part, on_bytes);
    else unpack_stream(archive, part, on_bytes);
    unpack_inner(part, on_bytes);
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(part, ignored);
    throw;
  }
  rename_durably(part, folder);
}

}  // namespace dltonic::events
