/// Recordings that lie in archives as they were downloaded. A zip archive is read in place: it lists its members, and each can
/// be unpacked by itself, by any thread. What cannot be read so (tar, compressed or not; 7z; archives within archives) is
/// unpacked once into a folder that the caller chooses, and read there.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace dltonic::events {

/// Whether a file's name is that of an archive: .zip, .tar, .tar.gz, .tgz, .tar.bz2, .tar.xz, .tar.zst, .7z.
bool is_archive_name(const std::string& name);

/// The archives of a data set: `root` itself where it is one, else those directly in the folder `root`. Sorted.
std::vector<std::filesystem::path> archives_of(const std::filesystem::path& root);

/// Those of them that must be unpacked before `root` can be read. Throws DataError for a damaged zip archive.
std::vector<std::filesystem::path> archives_to_unpack(const std::filesystem::path& root);

/// The name of the folder in which an archive lies unpacked: "<its name>-<hash of name, size and time>".
std::string unpacked_name(const std::filesystem::path& archive);

/// Unpacks all files of an archive into `folder`, which must not exist, and archives in it that cannot be read in place where
/// they lie (one level): they are written to `<folder>.part`, which gets its
/// name at the end; what a job that was killed left there is removed first. Times and modes are not kept, links and devices are
/// passed over with a word in the log. `on_bytes` hears how many bytes more are written.
/// Throws DataError that names archive and member (cut or damaged, its CRC too; names that lead out of the archive),
/// StorageError (no space: needed and free); the part folder is removed then. One process alone.
void unpack(const std::filesystem::path& archive, const std::filesystem::path& folder,
            const std::function<void(std::uint64_t bytes)>& on_bytes = {});

}  // namespace dltonic::events
