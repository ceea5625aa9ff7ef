# How a module, a test and a benchmark are built: one place for warnings, architecture and sanitizers.

add_library(dltonic_flags INTERFACE)
target_compile_options(dltonic_flags INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor>
  $<$<AND:$<BOOL:${DLTONIC_WERROR}>,$<COMPILE_LANGUAGE:CXX>>:-Werror>
  $<$<AND:$<BOOL:${DLTONIC_ARCH}>,$<COMPILE_LANGUAGE:CXX>>:-march=${DLTONIC_ARCH}>
  # -fmad stays on: a kernel's rounding is the GPU's own, the same in every run.
  $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra --expt-relaxed-constexpr -lineinfo>
  $<$<AND:$<BOOL:${DLTONIC_WERROR}>,$<COMPILE_LANGUAGE:CUDA>>:-Werror=all-warnings>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(dltonic_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>)  # false alarms in std::string, GCC PR105329
endif()
if(DLTONIC_SANITIZE)
  target_compile_options(dltonic_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${DLTONIC_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=undefined>)
  target_link_options(dltonic_flags INTERFACE -fsanitize=${DLTONIC_SANITIZE})
endif()

# dltonic_module(<name> SOURCES a.cpp ... [CUDA_SOURCES a.cu ...] USES <modules above it> LINKS <third-party targets, private>)
# makes the static library dltonic_<name>; public headers lie in include/dltonic/<name>/. CUDA_SOURCES are left out of a
# build without CUDA.
function(dltonic_module name)
  cmake_parse_arguments(ARG "" "" "SOURCES;CUDA_SOURCES;USES;LINKS" ${ARGN})
  if(DLTONIC_HAS_CUDA)
    list(APPEND ARG_SOURCES ${ARG_CUDA_SOURCES})
  endif()
  add_library(dltonic_${name} STATIC ${ARG_SOURCES})
  target_include_directories(dltonic_${name} PUBLIC ${PROJECT_SOURCE_DIR}/include PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(dltonic_${name} PRIVATE dltonic_flags ${ARG_LINKS})
  foreach(module IN LISTS ARG_USES)
    target_link_libraries(dltonic_${name} PUBLIC dltonic_${module})
  endforeach()
endfunction()
