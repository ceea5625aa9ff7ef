#include "dltonic/core/version.h"

#include "git_hash.h"  // written by cmake/GitHash.cmake at every build

namespace dltonic {

std::string version() { return DLTONIC_VERSION; }
std::string git_hash() { return DLTONIC_GIT_HASH; }
std::string build_flags() { return DLTONIC_BUILD_FLAGS; }

}  // namespace dltonic
