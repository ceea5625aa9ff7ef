/// Room on scratch: what may be removed there without asking, and what a person may remove.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "store/space.h"

namespace dltonic::store {

/// Notes that a prepared file is used now: sets its time of access (also where the file system keeps none itself).
void note_use(const std::filesystem::path& file);

/// Removes prepared files (.h5) from `folder` until `needed` bytes are free there: the longest unused first, only those of
/// which `originals` holds a file of the same name and size, and none that a living process has a lease on. Each is named in
/// the log. Where it is not enough, nothing is removed. Returns whether the room is there. `free`: how the room is measured.
bool make_room(const std::filesystem::path& folder, const std::filesystem::path& originals, std::uint64_t needed,
               const std::function<std::uint64_t(const std::filesystem::path&)>& free = free_bytes);

/// For the message of a full disk: what takes room in `folder` and in the runs beside it, and what is safe to remove. Several
/// lines, each with a line end in front; "" where nothing is to be said.
std::string removable_by_hand(const std::filesystem::path& folder, const std::filesystem::path& originals);

}  // namespace dltonic::store
