#include "events/zip_archive.h"

#include <unistd.h>
#include <zip.h>

#include <algorithm>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"

namespace dltonic::events {
namespace {

/// Deflate's best is 1032 bytes from one; other methods of zip are not in use among the archives we read.
constexpr std::uint64_t kMostRatio = 1032;

[[noreturn]] void fail(const std::filesystem::path& archive, const std::string& member, const std::string& why) {
  throw DataError(cat(archive.string(), member.empty() ? "" : cat(", member ", member), ": ", why));
}

}  // namespace

void check_member_name(const std::string& name) {
  bool out =
      name.empty() || name.front() == '/' || name.find('\\') != std::string::npos || name.find('\0') != std::string::npos;
  for (const auto& part : std::filesystem::path(name)) out = out || part == "..";
  if (out) throw DataError("its name leads out of the archive; it is not read");
}

void check_member_bytes(std::uint64_t bytes) {
  const auto memory =
      static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGE_SIZE));
  if (bytes > memory / 2)
    throw DataError(cat("it claims to be ", human_bytes(bytes), " long, more than half of this machine's memory (",
                        human_bytes(memory), ")"));
}

struct ZipArchive::Handle {
  explicit Handle(const std::filesystem::path& path) {
    int code = 0;
    zip = zip_open(path.c_str(), ZIP_RDONLY, &code);
    if (zip != nullptr) return;
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    const std::string why = zip_error_strerror(&error);
    zip_error_fini(&error);
    fail(path, "", cat("it cannot be opened as a zip archive (", why, "): it is cut or no zip archive; download it again"));
  }
  ~Handle() { zip_discard(zip); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  zip_t* zip;
};

ZipArchive::ZipArchive(const std::filesystem::path& path) : path_(path) {
  auto handle = take();
  const zip_int64_t entries = zip_get_num_entries(handle->zip, 0);
  for (zip_int64_t i = 0; i < entries; ++i) {
    zip_stat_t stat;
    if (zip_stat_index(handle->zip, static_cast<zip_uint64_t>(i), 0, &stat) != 0)
      fail(path_, cat("number ", i), zip_strerror(handle->zip));
    std::string name = stat.name;
    while (name.starts_with("./")) name.erase(0, 2);
    if (name.empty()) continue;
    with_context(cat(path_.string(), ", member ", name), [&] {
      check_member_name(name);
      if (name.ends_with('/')) return;
      if ((stat.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && stat.encryption_method != ZIP_EM_NONE)
        throw DataError("it is encrypted: unpack it with its password and give the folder");
      check_member_bytes(stat.size);
      if (stat.size > kMostRatio * (stat.comp_size + 16))
        throw DataError(
            cat("it claims to hold ", stat.size, " bytes in ", stat.comp_size, " compressed ones, which is impossible"));
      members_.push_back({name, stat.size, static_cast<std::uint64_t>(i)});
    });
  }
  idle_.push_back(std::move(handle));
}

ZipArchive::~ZipArchive() = default;

std::unique_ptr<ZipArchive::Handle> ZipArchive::take() const {
  {
    const std::scoped_lock lock(mutex_);
    if (!idle_.empty()) {
      auto handle = std::move(idle_.back());
      idle_.pop_back();
      return handle;
    }
  }
  return std::make_unique<Handle>(path_);
}

std::span<const std::byte> ZipArchive::read(const Member& member, std::vector<std::byte>& buffer) const {
  auto handle = take();
  if (buffer.size() < member.bytes + 1) buffer.resize(member.bytes + 1);
  std::unique_ptr<zip_file_t, int (*)(zip_file_t*)> file(zip_fopen_index(handle->zip, member.index, 0), zip_fclose);
  if (file == nullptr) fail(path_, member.name, cat(zip_strerror(handle->zip), "; the archive is damaged, download it again"));
  std::uint64_t done = 0;
  while (true) {  // one byte more than it should have: so libzip comes to its end and compares the CRC
    const zip_int64_t count = zip_fread(file.get(), buffer.data() + done, member.bytes + 1 - done);
    if (count < 0) {
      fail(path_, member.name,
           cat(zip_file_strerror(file.get()), " after ", done, " of ", member.bytes,
               " bytes; the archive is damaged, download it again"));
    }
    done += static_cast<std::uint64_t>(count);
    if (count == 0 || done > member.bytes) break;
  }
  if (done != member.bytes) {
    fail(path_, member.name,
         cat(done > member.bytes ? "more than " : "", done > member.bytes ? member.bytes : done, " bytes, ", member.bytes,
             " expected; the archive is damaged, download it again"));
  }
  file.reset();  // it belongs to the handle, which is another thread's from here on
  {
    const std::scoped_lock lock(mutex_);
    idle_.push_back(std::move(handle));
  }
  return {buffer.data(), member.bytes};
}

}  // namespace dltonic::events
