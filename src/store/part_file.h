/// Names of files that are being made. Two jobs may make the same file at the same time (every task of a job array
/// prepares its data, say): each writes under a name of its own, and the last rename wins, which is harmless, since
/// the same name means the same content.
#pragma once

#include <filesystem>

namespace dltonic::store {

/// "<path>.<host>-<process id>.part", of this process.
std::filesystem::path part_file(const std::filesystem::path& path);

/// Removes what killed jobs left of `path`: part files of this host whose process is gone, and those of other hosts that
/// are older than a day.
void remove_stale_parts(const std::filesystem::path& path);

}  // namespace dltonic::store
