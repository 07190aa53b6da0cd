// For the few loops of our own that should use the widest vectors a processor has without being
// compiled for it alone: one clone per instruction set, chosen when the program loads.
#pragma once

// Sanitizers instrument what chooses the clone before they are ready themselves.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define REAUGKD_VECTOR_CLONES \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define REAUGKD_VECTOR_CLONES
#endif

// The same for loops over Lanes (lanes.h), which must know how many bytes a register has: defines
// `result name parameters` as body<64> arguments with AVX-512, as body<32> with AVX2, else as
// body<16>. `versions` is a name of its own for the three.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define REAUGKD_FOR_EACH_WIDTH(versions, result, name, parameters, arguments, body) \
  namespace versions {                                                              \
  __attribute__((target("arch=x86-64-v4"))) result of_64 parameters {               \
    return body<64> arguments;                                                      \
  }                                                                                 \
  __attribute__((target("arch=x86-64-v3"))) result of_32 parameters {               \
    return body<32> arguments;                                                      \
  }                                                                                 \
  result of_16 parameters {                                                         \
    return body<16> arguments;                                                      \
  }                                                                                 \
  const auto chosen = __builtin_cpu_supports("x86-64-v4")   ? of_64                 \
                      : __builtin_cpu_supports("x86-64-v3") ? of_32                 \
                                                            : of_16;                \
  }                                                                                 \
  result name parameters {                                                          \
    return versions::chosen arguments;                                              \
  }
#else
#define REAUGKD_FOR_EACH_WIDTH(versions, result, name, parameters, arguments, body) \
  result name parameters {                                                          \
    return body<16> arguments;                                                      \
  }
#endif
