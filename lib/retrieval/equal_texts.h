// Rows of a knowledge base that have the same text. Their embeddings may differ in the last bits,
// because they were computed in batches of different lengths.
#pragma once

#include <cstdint>

#include "retrieval/knowledge_base.h"

namespace reaugkd::retrieval {

/// Gives rows whose texts are equal, byte by byte, the key of the first of them, so that an index
/// stores it once. Returns the first row whose key is another now, or N. Without texts nothing is
/// done.
std::int64_t share_keys_of_equal_texts(KnowledgeBase& kb);

}  // namespace reaugkd::retrieval
