// Vectors in one byte a value, by which an HNSW graph is walked: a query touches a quarter of the
// memory, and a processor with VNNI multiplies 64 of them at once. A scalar quantizer with a scale
// for each vector (FAISS's SQ8 has one for each dimension). Used by the HNSW index, which ranks
// what the walk finds by the fp32 vectors.
#pragma once

#include <cstddef>
#include <cstdint>

namespace reaugkd::retrieval {

/// Bytes of a row's and of a query's code of D values.
std::size_t row_code_bytes(std::size_t dimension);
std::size_t query_code_bytes(std::size_t dimension);

/// z ~ scale * c with c in [-127, 127] and scale = max |z| / 127, into row_code_bytes(D) at `code`,
/// anywhere in memory.
void encode_row(const float* z, std::size_t dimension, char* code);
/// The same for s, with 128 added to each c: a product of unsigned and signed bytes is one
/// instruction.
void encode_query(const float* s, std::size_t dimension, char* code);

/// s.z of their codes. Of unit vectors the deviation of its error is sqrt((a^2 + b^2) / 12), a and b
/// their scales: 0.0005 where D = 768.
float inner_product_of_codes(const char* query_code, const char* row_code, std::size_t dimension);

}  // namespace reaugkd::retrieval
