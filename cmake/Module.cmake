# reaugkd_target_defaults(target): warnings, sanitizers, coverage and include path of our own code. Several files are compiled
# as one, since the headers of libraries take longer than all of ours: names in unnamed namespaces are unique in a target.
function(reaugkd_target_defaults target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 10)
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/lib)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PRIVATE -Wno-restrict)  # false alarms in GCC 12's std::string
  endif()
  if(REAUGKD_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(REAUGKD_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${REAUGKD_SANITIZE} -fno-omit-frame-pointer
                                             -fno-sanitize-recover=undefined)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      target_compile_options(${target} PRIVATE -Wno-maybe-uninitialized)  # false alarms in instrumented code
    endif()
    target_link_options(${target} PUBLIC -fsanitize=${REAUGKD_SANITIZE})
  endif()
  if(REAUGKD_COVERAGE)
    target_compile_options(${target} PRIVATE --coverage -fprofile-update=atomic)
    target_link_options(${target} PUBLIC --coverage)
  endif()
endfunction()

# reaugkd_module(name DEPENDS libraries... [TORCH]): lib/<name>/*.cpp as a static library. TORCH
# modules share one precompiled <torch/torch.h>.
function(reaugkd_module name)
  cmake_parse_arguments(ARG "TORCH" "" "DEPENDS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/lib/${name}/*.cpp)
  add_library(reaugkd_${name} STATIC ${sources})
  reaugkd_target_defaults(reaugkd_${name})
  target_link_libraries(reaugkd_${name} PUBLIC ${ARG_DEPENDS})
  if(ARG_TORCH)
    target_link_libraries(reaugkd_${name} PUBLIC reaugkd_torch)
    reaugkd_torch_headers(reaugkd_${name})
  endif()
endfunction()

# Precompiles torch.h once (in reaugkd_tensor) and uses it in every target given. At the end of every translation unit GCC
# instantiates what torch.h has left open: 10 to 20 s whatever the unit holds.
function(reaugkd_torch_headers target)
  if(target STREQUAL "reaugkd_tensor")
    target_precompile_headers(${target} PRIVATE <torch/torch.h>)
    target_compile_options(${target} PRIVATE -fpch-preprocess)
  else()
    target_precompile_headers(${target} REUSE_FROM reaugkd_tensor)
    # Executables too must be compiled as the shared header was: -fPIC, not -fPIE.
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(${target} PRIVATE -fPIC)
  endif()
endfunction()
