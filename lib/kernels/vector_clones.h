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
