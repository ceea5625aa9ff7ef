# LibTorch without CMake's own Torch package (which demands CUDA even for CPU use).
# Looks at: -DLIBTORCH_ROOT (the folder that holds include/ and lib/), $LIBTORCH_ROOT, set-up's cache
# ${DLTONIC_CACHE:-${XDG_CACHE_HOME:-~/.cache}/dltonic}/libtorch-2.11.0/torch, then the torch of python3.
# Makes LibTorch::LibTorch (CPU libraries; the CUDA ones are loaded where a device is used), LibTorch_VERSION.
if(NOT LIBTORCH_ROOT AND DEFINED ENV{LIBTORCH_ROOT})
  set(LIBTORCH_ROOT $ENV{LIBTORCH_ROOT})
endif()
if(NOT LIBTORCH_ROOT)
  include(${CMAKE_CURRENT_LIST_DIR}/DltonicCache.cmake)
  dltonic_cache(_cache)
  if(EXISTS ${_cache}/libtorch-2.11.0/torch/lib/libtorch_cpu.so)
    set(LIBTORCH_ROOT ${_cache}/libtorch-2.11.0/torch)
  else()
    execute_process(COMMAND python3 -c "import importlib.util as u; print(list(u.find_spec('torch').submodule_search_locations)[0])"
                    OUTPUT_VARIABLE LIBTORCH_ROOT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  endif()
endif()
set(LIBTORCH_ROOT "${LIBTORCH_ROOT}" CACHE PATH "LibTorch: the folder that holds include/ and lib/" FORCE)

# A changed root must not keep what an earlier configuration found elsewhere.
if(NOT "${LIBTORCH_ROOT}" STREQUAL "${_LibTorch_searched_root}")
  unset(LibTorch_INCLUDE_DIR CACHE)
  unset(LibTorch_CPU_LIBRARY CACHE)
  unset(LibTorch_C10_LIBRARY CACHE)
  set(_LibTorch_searched_root "${LIBTORCH_ROOT}" CACHE INTERNAL "")
endif()
find_path(LibTorch_INCLUDE_DIR torch/csrc/api/include/torch/torch.h HINTS ${LIBTORCH_ROOT}/include NO_DEFAULT_PATH)
find_library(LibTorch_CPU_LIBRARY torch_cpu HINTS ${LIBTORCH_ROOT}/lib NO_DEFAULT_PATH)
find_library(LibTorch_C10_LIBRARY c10 HINTS ${LIBTORCH_ROOT}/lib NO_DEFAULT_PATH)

# The version: one macro a number, in a header that has moved between releases.
unset(LibTorch_VERSION)
foreach(header torch/headeronly/version.h torch/csrc/api/include/torch/version.h torch/version.h)
  if(LibTorch_INCLUDE_DIR AND NOT LibTorch_VERSION AND EXISTS ${LibTorch_INCLUDE_DIR}/${header})
    file(STRINGS ${LibTorch_INCLUDE_DIR}/${header} _numbers REGEX "#define TORCH_VERSION_(MAJOR|MINOR|PATCH) +[0-9]+")
    if(_numbers MATCHES "MAJOR +([0-9]+).*MINOR +([0-9]+).*PATCH +([0-9]+)")
      set(LibTorch_VERSION ${CMAKE_MATCH_1}.${CMAKE_MATCH_2}.${CMAKE_MATCH_3})
    endif()
  endif()
endforeach()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch
  REQUIRED_VARS LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY LibTorch_INCLUDE_DIR VERSION_VAR LibTorch_VERSION
  REASON_FAILURE_MESSAGE "run jobs/setup.sh, or give -DLIBTORCH_ROOT=<folder with include/ and lib/>")
mark_as_advanced(LibTorch_INCLUDE_DIR LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY)

if(LibTorch_FOUND AND NOT TARGET LibTorch::LibTorch)
  add_library(LibTorch::c10 SHARED IMPORTED)
  set_target_properties(LibTorch::c10 PROPERTIES IMPORTED_LOCATION ${LibTorch_C10_LIBRARY})
  add_library(LibTorch::LibTorch SHARED IMPORTED)
  set_target_properties(LibTorch::LibTorch PROPERTIES
    IMPORTED_LOCATION ${LibTorch_CPU_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES "${LibTorch_INCLUDE_DIR};${LibTorch_INCLUDE_DIR}/torch/csrc/api/include"
    INTERFACE_LINK_LIBRARIES LibTorch::c10)
  # libtorch_cpu needs libcudart.so.13 and libcupti.so.13, which its own RPATH finds beside it; the linker must too.
  get_filename_component(_site ${LIBTORCH_ROOT} DIRECTORY)
  target_link_options(LibTorch::LibTorch INTERFACE -Wl,-rpath-link,${_site}/nvidia/cu13/lib -Wl,-rpath-link,${LIBTORCH_ROOT}/lib)
endif()
