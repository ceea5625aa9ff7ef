# Finds xxhash.h, of which core uses the inline functions: XxHash::XxHash. XXHASH_ROOT (variable or environment) names another folder.
find_path(XXHASH_INCLUDE_DIR xxhash.h HINTS ${XXHASH_ROOT}/include $ENV{XXHASH_ROOT}/include)
if(XXHASH_INCLUDE_DIR)
  file(STRINGS ${XXHASH_INCLUDE_DIR}/xxhash.h _lines REGEX "#define XXH_VERSION_(MAJOR|MINOR|RELEASE) +[0-9]+")
  list(TRANSFORM _lines REPLACE "[^0-9]+" "")
  string(REPLACE ";" "." XxHash_VERSION "${_lines}")
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(XxHash REQUIRED_VARS XXHASH_INCLUDE_DIR VERSION_VAR XxHash_VERSION
  REASON_FAILURE_MESSAGE "checksums of checkpoints are XXH3 (Debian: libxxhash-dev)")
if(XxHash_FOUND AND NOT TARGET XxHash::XxHash)
  add_library(XxHash::XxHash INTERFACE IMPORTED)
  set_target_properties(XxHash::XxHash PROPERTIES INTERFACE_INCLUDE_DIRECTORIES ${XXHASH_INCLUDE_DIR})
endif()
