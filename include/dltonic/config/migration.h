/// The keys of the Python tool that this program succeeds, and what became of them. docs/migration.md shows the same
/// table to people (a test compares them); the fault of an unknown key reads it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dltonic::config {

struct Migration {
  std::string_view old_key;  ///< a last component "*" stands for any
  std::string_view new_key;  ///< "": there is no such key any more
  std::string_view note;     ///< what differs, or what to do instead; may be empty
};

const std::vector<Migration>& migrations();
/// What to tell a person who uses `old_key`; "" where the predecessor had no such key.
std::string migration_advice(std::string_view old_key);

}  // namespace dltonic::config
