/// Archives for tests: made with the libraries' own writers, or byte by byte where they are to be wrong.
#pragma once

#include <archive.h>
#include <archive_entry.h>
#include <zip.h>

#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "dltonic/core/file.h"

namespace dltonic::test {

using Member = std::pair<std::string, std::string>;  // name, content

inline void make_zip(const std::filesystem::path& path, const std::vector<Member>& members, bool encrypted = false) {
  int code = 0;
  zip_t* zip = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &code);
  if (zip == nullptr) throw std::runtime_error("zip_open");
  for (const auto& [name, content] : members) {
    const auto index =
        zip_file_add(zip, name.c_str(), zip_source_buffer(zip, content.data(), content.size(), 0), ZIP_FL_ENC_UTF_8);
    if (index < 0) throw std::runtime_error("zip_file_add");
    if (encrypted) zip_file_set_encryption(zip, static_cast<zip_uint64_t>(index), ZIP_EM_AES_256, "secret");
  }
  if (zip_close(zip) != 0) throw std::runtime_error("zip_close");
}

/// Opens, fills and frees `out`.
inline void write_members(archive* out, const std::filesystem::path& path, const std::vector<Member>& members) {
  if (archive_write_open_filename(out, path.c_str()) != ARCHIVE_OK) throw std::runtime_error("archive_write_open_filename");
  for (const auto& [name, content] : members) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, name.c_str());
    archive_entry_set_size(entry, static_cast<la_int64_t>(content.size()));
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_write_header(out, entry);
    archive_write_data(out, content.data(), content.size());
    archive_entry_free(entry);
  }
  archive_write_close(out);
  archive_write_free(out);
}

inline void make_tar(const std::filesystem::path& path, const std::vector<Member>& members, bool gzip) {
  archive* out = archive_write_new();
  if (gzip) archive_write_add_filter_gzip(out);
  archive_write_set_format_pax_restricted(out);
  write_members(out, path, members);
}

inline void make_7z(const std::filesystem::path& path, const std::vector<Member>& members) {
  archive* out = archive_write_new();
  archive_write_set_format_7zip(out);
  write_members(out, path, members);
}

/// All files of a folder as members, below `inside` ("Train/").
inline std::vector<Member> members_of(const std::filesystem::path& folder, const std::string& inside = "") {
  std::vector<Member> members;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file())
      members.emplace_back(inside + std::filesystem::relative(entry.path(), folder).string(), read_text(entry.path()));
  }
  return members;
}

}  // namespace dltonic::test
