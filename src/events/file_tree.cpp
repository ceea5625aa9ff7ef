#include "events/file_tree.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "dltonic/core/error.h"
#include "dltonic/core/log.h"
#include "dltonic/core/text.h"
#include "dltonic/events/archive.h"

namespace dltonic::events {
namespace {

namespace fs = std::filesystem;

constexpr int kDeepest = 16;  ///< folders below a root: links may go round in circles

bool is_passed_over(const std::string& name) { return name.starts_with('.') || name == "__MACOSX"; }

bool any_part_passed_over(const std::string& path) {
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    if (is_passed_over(path.substr(begin, end - begin))) return true;
    begin = end + 1;
  }
  return false;
}

struct Found {
  std::vector<std::pair<std::string, std::uint64_t>> files;
  std::vector<std::string> archives;
};

/// Plain calls: for 70,000 files a third of the time that std::filesystem takes.
void walk(const fs::path& folder, const std::string& prefix, int depth, Found& found) {
  if (depth > kDeepest)
    throw DataError(cat(folder.string(), " lies more than ", kDeepest, " folders deep: do links go round?"));
  const auto fail = [&] { throw DataError(cat("cannot list ", folder.string(), ": ", std::strerror(errno))); };
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(folder.c_str()), ::closedir);
  if (open == nullptr) fail();
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(open.get());
    if (entry == nullptr) {
      if (errno != 0) fail();
      return;
    }
    const std::string name = entry->d_name;
    if (is_passed_over(name)) continue;
    struct stat status {};
    if (::fstatat(::dirfd(open.get()), entry->d_name, &status, 0) != 0) continue;  // a link that leads nowhere
    if (S_ISDIR(status.st_mode)) walk(folder / name, cat(prefix, name, '/'), depth + 1, found);
    else if (!S_ISREG(status.st_mode)) continue;
    else if (is_archive_name(name)) found.archives.push_back(prefix + name);
    else found.files.emplace_back(prefix + name, static_cast<std::uint64_t>(status.st_size));
  }
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

}  // namespace

FileTree::FileTree(const fs::path& root, const fs::path& unpacked) : root_(root.string()) {
  std::error_code error;
  try {
    if (fs::is_directory(root, error)) add_folder(root, "", unpacked, false);
    else if (fs::is_regular_file(root, error) && is_archive_name(root.filename().string())) add_archive(root, "", unpacked);
    else if (fs::exists(root, error))
      throw DataError(
          cat("data.root: ", root_, " is neither a folder nor an archive that is known (.zip, .tar, .tar.gz, .7z)"));
    else throw DataError(cat("data.root: there is no folder or archive ", root_));
  } catch (const fs::filesystem_error& failure) {
    throw DataError(cat("cannot list ", failure.path1().string(), ": ", failure.code().message()));
  }
  std::stable_sort(files_.begin(), files_.end(), [](const TreeFile& a, const TreeFile& b) { return a.path < b.path; });
  const auto twice =
      std::unique(files_.begin(), files_.end(), [](const TreeFile& a, const TreeFile& b) { return a.path == b.path; });
  if (twice != files_.end()) {
    log::info(cat(root_, ": ", with_commas(static_cast<std::uint64_t>(files_.end() - twice)),
                  " files lie there more than once, in a folder and in archives; those in the folder are read"));
    files_.erase(twice, files_.end());
  }
}

void FileTree::add_folder(const fs::path& folder, const std::string& prefix, const fs::path& unpacked, bool is_unpacked) {
  Found found;
  walk(folder, "", 0, found);
  const auto place = static_cast<std::uint32_t>(places_.size());
  places_.push_back({prefix, std::make_unique<Folder>(folder), nullptr});
  files_.reserve(files_.size() + found.files.size());
  for (auto& [path, bytes] : found.files) files_.push_back({prefix + path, bytes, place, 0});
  std::sort(found.archives.begin(), found.archives.end());
  for (const std::string& path : found.archives) {
    if (is_unpacked ? path.ends_with(".zip") : path.find('/') == std::string::npos)
      add_archive(folder / path, prefix + folder_of(path), is_unpacked ? fs::path() : unpacked);
  }
}

void FileTree::add_archive(const fs::path& archive, const std::string& prefix, const fs::path& unpacked) {
  const fs::path folder = unpacked / unpacked_name(archive);
  if (!unpacked.empty() && fs::is_directory(folder)) return add_folder(folder, prefix, {}, true);
  const std::string name = archive.filename().string();
  if (!name.ends_with(".zip")) {
    throw DataError(cat(
        archive.string(), " must be unpacked before it can be read",
        unpacked.empty() ? ": unpack it and give the folder" : cat(", and is not in ", unpacked.string(), ": run prepare")));
  }
  auto zip = std::make_unique<ZipArchive>(archive);
  const auto place = static_cast<std::uint32_t>(places_.size());
  // Members without any folder lie in one that is called as the archive: airplane.zip is class airplane.
  const bool flat = std::none_of(zip->members().begin(), zip->members().end(),
                                 [](const auto& member) { return member.name.find('/') != std::string::npos; });
  const std::string inner = flat ? cat(prefix, archive.stem().string(), '/') : prefix;
  for (std::size_t m = 0; m < zip->members().size(); ++m) {
    const auto& member = zip->members()[m];
    if (any_part_passed_over(member.name)) continue;
    if (is_archive_name(member.name))
      throw DataError(cat(archive.string(), " holds an archive, ", member.name, ": unpack it and give the folder"));
    files_.push_back({inner + member.name, member.bytes, place, static_cast<std::uint32_t>(m)});
  }
  places_.push_back({inner, nullptr, std::move(zip)});
}

std::pair<std::size_t, std::size_t> FileTree::below(const std::string& folder) const {
  const auto first = std::lower_bound(files_.begin(), files_.end(), folder,
                                      [](const TreeFile& file, const std::string& text) { return file.path < text; });
  const auto last =
      std::partition_point(first, files_.end(), [&](const TreeFile& file) { return file.path.starts_with(folder); });
  return {static_cast<std::size_t>(first - files_.begin()), static_cast<std::size_t>(last - files_.begin())};
}

std::vector<std::string> FileTree::folders_in(const std::string& folder) const {
  std::vector<std::string> names;
  const auto [first, last] = below(folder);
  for (std::size_t i = first; i < last; ++i) {
    const std::string& path = files_[i].path;
    const std::size_t slash = path.find('/', folder.size());
    if (slash == std::string::npos) continue;
    std::string name = path.substr(folder.size(), slash - folder.size());
    if (names.empty() || names.back() != name) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());  // "a.b/" sorts before "a/", "a" before "a.b"
  return names;
}

std::optional<std::size_t> FileTree::find(const std::string& path) const {
  const auto [first, last] = below(path);
  if (first == last || files_[first].path != path) return std::nullopt;
  return first;
}

bool FileTree::has_folder(const std::string& folder) const {
  const auto [first, last] = below(folder);
  return first != last;
}

std::span<const std::byte> FileTree::read(std::size_t i, std::vector<std::byte>& buffer) const {
  const TreeFile& file = files_[i];
  const Place& place = places_[file.place];
  if (place.zip) return place.zip->read(place.zip->members()[file.member], buffer);
  try {
    return place.folder->read(file.path.substr(place.prefix.size()), file.bytes, buffer);
  } catch (const StorageError& error) {
    throw DataError(error.what());
  }
}

}  // namespace dltonic::events
