/// The key of a prepared file: the hash of everything that decided its content.
#pragma once

#include <string>
#include <vector>

namespace dltonic::store {

/// sha256 of the settings' JSON text as it stands (the caller writes it in one canonical way: nlohmann::json::dump()).
std::string settings_key(const std::string& settings);

/// What differs between two settings, one line a difference, paths joined with dots:
/// "frames.bins: 10 in the file, 15 wanted". Empty where they mean the same.
std::vector<std::string> settings_difference(const std::string& in_file, const std::string& wanted);

}  // namespace dltonic::store
