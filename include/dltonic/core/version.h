#pragma once

#include <string>

namespace dltonic {

std::string version();  ///< "0.1.0"
std::string
git_hash();  ///< of the source when it was built: "1a2b3c4d5e6f", "-dirty" behind it where it had changes; "none" outside git
std::string build_flags();  ///< "Release, -march=x86-64-v3"

}  // namespace dltonic
