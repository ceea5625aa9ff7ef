/// Names of files and folders that are being made. Two jobs may make the same file at the same time (every task of a job
/// array prepares its data, say): each writes under a name of its own, and the last rename wins, which is harmless, since
/// the same name means the same content.
#pragma once

#include <filesystem>
#include <vector>

namespace dltonic::store {

/// "<path>.<host>-<process id>.part", of this process.
std::filesystem::path part_file(const std::filesystem::path& path);

/// What killed jobs left of `path`: parts of this host whose process is gone, and those of other hosts that nobody has
/// written to for a day.
std::vector<std::filesystem::path> stale_parts(const std::filesystem::path& path);

/// Removes them, with a line in the log for each.
void remove_stale_parts(const std::filesystem::path& path);

/// The name of this process's part of `path`. Where there is none yet, but a killed job left one, the one that got
/// farthest is given this name, so that it can be gone on from; the others are removed.
std::filesystem::path adopt_part(const std::filesystem::path& path);

}  // namespace dltonic::store
