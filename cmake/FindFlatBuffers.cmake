# FlatBuffers: its compiler flatc and its headers; -DFLATBUFFERS_ROOT or the system's. Debian ships no CMake file with them.
# Makes FlatBuffers::FlatBuffers (headers alone) and flatbuffers_header(<target> <schema.fbs> <folder>), which makes
# <folder>/<schema>_generated.h for the sources of a target.
find_program(FLATBUFFERS_COMPILER flatc HINTS ${FLATBUFFERS_ROOT}/bin $ENV{FLATBUFFERS_ROOT}/bin)
find_path(FLATBUFFERS_INCLUDE_DIR flatbuffers/flatbuffers.h HINTS ${FLATBUFFERS_ROOT}/include $ENV{FLATBUFFERS_ROOT}/include)
if(FLATBUFFERS_INCLUDE_DIR)
  file(STRINGS ${FLATBUFFERS_INCLUDE_DIR}/flatbuffers/base.h _numbers REGEX "#define FLATBUFFERS_VERSION_(MAJOR|MINOR|REVISION) +[0-9]+")
  if("${_numbers}" MATCHES "MAJOR +([0-9]+).*MINOR +([0-9]+).*REVISION +([0-9]+)")
    set(FLATBUFFERS_VERSION ${CMAKE_MATCH_1}.${CMAKE_MATCH_2}.${CMAKE_MATCH_3})
  endif()
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(FlatBuffers REQUIRED_VARS FLATBUFFERS_COMPILER FLATBUFFERS_INCLUDE_DIR VERSION_VAR FLATBUFFERS_VERSION)
mark_as_advanced(FLATBUFFERS_COMPILER FLATBUFFERS_INCLUDE_DIR)
if(FlatBuffers_FOUND AND NOT TARGET FlatBuffers::FlatBuffers)
  add_library(FlatBuffers::FlatBuffers INTERFACE IMPORTED)
  target_include_directories(FlatBuffers::FlatBuffers INTERFACE ${FLATBUFFERS_INCLUDE_DIR})
endif()

function(flatbuffers_header target schema folder)
  cmake_path(GET schema STEM name)
  set(header ${folder}/${name}_generated.h)
  add_custom_command(OUTPUT ${header} DEPENDS ${schema} VERBATIM
    COMMAND ${FLATBUFFERS_COMPILER} --cpp --scoped-enums -o ${folder} ${schema})
  target_sources(${target} PRIVATE ${header})
endfunction()
