# Finds what the project builds on. Every package is looked for in CMAKE_PREFIX_PATH first, so that a
# box without a package manager can keep them all in one folder.
find_package(Threads REQUIRED)
find_package(nlohmann_json 3.9 REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)

find_path(HNSWLIB_INCLUDE_DIR hnswlib/hnswlib.h REQUIRED)
find_path(GLOO_INCLUDE_DIR gloo/context.h)  # headers alone: what they declare is in LibTorch. Without them: no ranks
find_path(UTF8PROC_INCLUDE_DIR utf8proc.h REQUIRED)
find_library(UTF8PROC_LIBRARY utf8proc REQUIRED)
if(REAUGKD_SENTENCEPIECE)
  find_path(SENTENCEPIECE_INCLUDE_DIR sentencepiece_processor.h)
  find_library(SENTENCEPIECE_LIBRARY sentencepiece)
  find_library(SENTENCEPIECE_TRAIN_LIBRARY sentencepiece_train)
  if(NOT SENTENCEPIECE_INCLUDE_DIR OR NOT SENTENCEPIECE_LIBRARY OR NOT SENTENCEPIECE_TRAIN_LIBRARY)
    message(FATAL_ERROR "sentencepiece was not found: install libsentencepiece-dev, add its folder to "
                        "CMAKE_PREFIX_PATH, or build without it: -DREAUGKD_SENTENCEPIECE=OFF")
  endif()
  # Newer ones include Abseil's headers, which Debian's package does not bring.
  include(CheckIncludeFileCXX)
  set(CMAKE_REQUIRED_INCLUDES ${SENTENCEPIECE_INCLUDE_DIR})
  check_include_file_cxx(sentencepiece_processor.h SENTENCEPIECE_HEADER_COMPILES)
  unset(CMAKE_REQUIRED_INCLUDES)
  if(NOT SENTENCEPIECE_HEADER_COMPILES)
    unset(SENTENCEPIECE_HEADER_COMPILES CACHE)  # looked for again next time
    message(FATAL_ERROR "${SENTENCEPIECE_INCLUDE_DIR}/sentencepiece_processor.h does not compile: install Abseil's "
                        "headers (libabsl-dev), or build without sentencepiece: -DREAUGKD_SENTENCEPIECE=OFF")
  endif()
else()
  message(STATUS "Building without sentencepiece: models with a spiece.model will be refused")
endif()

# LibTorch. A Python wheel's CMake files ask for a CUDA toolkit that its users may lack; then the
# libraries are linked by name. --no-as-needed keeps libtorch_cuda, which registers itself on load.
find_path(TORCH_ROOT_DIR NAMES include/torch/csrc/api/include/torch/torch.h
          HINTS ${CMAKE_PREFIX_PATH} PATHS /usr REQUIRED)
find_library(TORCH_LIBRARY_FILE torch HINTS ${TORCH_ROOT_DIR}/lib REQUIRED)
find_library(TORCH_CPU_LIBRARY torch_cpu HINTS ${TORCH_ROOT_DIR}/lib REQUIRED)
find_library(C10_LIBRARY c10 HINTS ${TORCH_ROOT_DIR}/lib REQUIRED)
find_library(TORCH_CUDA_LIBRARY torch_cuda HINTS ${TORCH_ROOT_DIR}/lib NO_DEFAULT_PATH)
find_library(C10_CUDA_LIBRARY c10_cuda HINTS ${TORCH_ROOT_DIR}/lib NO_DEFAULT_PATH)
add_library(reaugkd_torch INTERFACE)
target_include_directories(reaugkd_torch SYSTEM INTERFACE
  ${TORCH_ROOT_DIR}/include ${TORCH_ROOT_DIR}/include/torch/csrc/api/include)
# A wheel has headers of a fmt of its own, which would come before the system's, spdlog's.
if(TARGET fmt::fmt AND EXISTS ${TORCH_ROOT_DIR}/include/fmt AND NOT TORCH_ROOT_DIR STREQUAL "/usr")
  get_target_property(FMT_INCLUDE_DIR fmt::fmt INTERFACE_INCLUDE_DIRECTORIES)
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/first)
  file(CREATE_LINK ${FMT_INCLUDE_DIR}/fmt ${CMAKE_BINARY_DIR}/first/fmt SYMBOLIC)
  target_include_directories(reaugkd_torch SYSTEM BEFORE INTERFACE ${CMAKE_BINARY_DIR}/first)
endif()
target_link_libraries(reaugkd_torch INTERFACE
  -Wl,--no-as-needed ${TORCH_LIBRARY_FILE} ${TORCH_CPU_LIBRARY} ${C10_LIBRARY})
if(TORCH_CUDA_LIBRARY AND C10_CUDA_LIBRARY)
  target_link_libraries(reaugkd_torch INTERFACE ${TORCH_CUDA_LIBRARY} ${C10_CUDA_LIBRARY})
endif()
target_link_libraries(reaugkd_torch INTERFACE -Wl,--as-needed Threads::Threads)
# at::parallel_for is a header's: compiled without OpenMP it is a plain loop, and says nothing.
find_package(OpenMP COMPONENTS CXX)
if(NOT OpenMP_CXX_FOUND)
  message(FATAL_ERROR "${CMAKE_CXX_COMPILER} has no OpenMP (for Clang: libomp-dev), without which LibTorch's headers "
                      "make every loop of ours run on one thread")
endif()
target_link_libraries(reaugkd_torch INTERFACE OpenMP::OpenMP_CXX)
get_filename_component(TORCH_LIBRARY_DIR ${TORCH_CPU_LIBRARY} DIRECTORY)
# oneDNN, where it is the one in use by LibTorch: a wheel has another in it, and two in one process mix up their symbols.
find_path(DNNL_INCLUDE_DIR oneapi/dnnl/dnnl.hpp)
find_library(DNNL_LIBRARY dnnl)
find_program(NM_PROGRAM nm)
set(REAUGKD_ONEDNN OFF)
if(DNNL_INCLUDE_DIR AND DNNL_LIBRARY AND NM_PROGRAM)
  file(STRINGS ${DNNL_INCLUDE_DIR}/oneapi/dnnl/dnnl_version.h DNNL_IS_2 REGEX "define DNNL_VERSION_MAJOR 2")
  execute_process(COMMAND sh -c "'${NM_PROGRAM}' -D --undefined-only '${TORCH_CPU_LIBRARY}' 2>/dev/null | grep -q ' dnnl_matmul_desc_init'"
                  RESULT_VARIABLE DNNL_NOT_SHARED OUTPUT_QUIET)  # a function of oneDNN 2 alone
  if(DNNL_IS_2 AND DNNL_NOT_SHARED EQUAL 0)
    set(REAUGKD_ONEDNN ON)
  endif()
endif()
if(NOT REAUGKD_ONEDNN)
  message(STATUS "no oneDNN 2 that LibTorch shares (or no headers of it, or no nm): --precision int8 will be refused")
endif()
# Wheels before 2.7 were built with the old C++ ABI: ask the library which std::string it exports.
if(NM_PROGRAM)
  execute_process(COMMAND sh -c "'${NM_PROGRAM}' -DC --defined-only '${C10_LIBRARY}' 2>/dev/null | grep -c 'std::__cxx11::basic_string'"
                  OUTPUT_VARIABLE TORCH_NEW_ABI_SYMBOLS OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(TORCH_NEW_ABI_SYMBOLS STREQUAL "0")
    message(FATAL_ERROR "${C10_LIBRARY} uses the old C++ ABI, which the other dependencies do not: "
                        "take a torch of version 2.7 or later, or LibTorch's cxx11-abi archive")
  endif()
endif()
if(TORCH_CUDA_LIBRARY)
  # Of ranks on GPUs: a wheel's dependencies have the headers, or a CUDA toolkit.
  get_filename_component(TORCH_PACKAGES ${TORCH_LIBRARY_DIR}/../.. REALPATH)
  file(GLOB TORCH_CUDA_PACKAGES ${TORCH_PACKAGES}/nvidia/*/include)
  find_path(NCCL_INCLUDE_DIR nccl.h HINTS ${TORCH_CUDA_PACKAGES} /usr/local/cuda/include)
  find_path(CUDA_INCLUDE_DIR cuda_runtime_api.h HINTS ${TORCH_CUDA_PACKAGES} /usr/local/cuda/include)
  if(NCCL_INCLUDE_DIR AND CUDA_INCLUDE_DIR)
    set(REAUGKD_NCCL ON)
  else()
    message(STATUS "no NCCL or CUDA headers: ranks on GPUs talk through the host's memory")
  endif()
  message(STATUS "LibTorch: ${TORCH_CPU_LIBRARY}, with CUDA")
else()
  message(STATUS "LibTorch: ${TORCH_CPU_LIBRARY}, for CPUs alone")
endif()
