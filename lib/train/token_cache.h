// Token ids of data sets, kept in a folder for the stages and runs that come later (--token-cache).
// Used by Model::encode.
#pragma once

#include <filesystem>

#include "data/dataset.h"
#include "text/encoded_dataset.h"
#include "text/tokenizer.h"

namespace reaugkd::train {

/// What text::encode_dataset gives for the rows, as files of 16,384 rows in a folder of `cache`
/// that is named by the texts, the tokenizer's files, the maximum length and the version. Files
/// that are there are mapped, others are made; several ranks make some each. A file that is damaged
/// is made again, with a warning. Throws IoError, on several ranks ConfigError where one does not
/// see what another has written, and what encode_dataset throws.
text::EncodedDataset encode_with_cache(const std::filesystem::path& cache,
                                       const text::Tokenizer& tokenizer,
                                       const data::Dataset& dataset, std::int64_t max_seq_length,
                                       int threads);

}  // namespace reaugkd::train
