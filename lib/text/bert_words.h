// How BERT prepares a text for WordPiece (Devlin et al. 2019), in one pass: control characters go,
// Chinese characters stand alone, letters become lower case, accents go, punctuation stands alone.
#pragma once

#include <string_view>

#include "text/pre_tokenizer.h"

namespace reaugkd::text {

struct WordPieceOptions {
  bool do_lower_case = true;
  bool strip_accents = true;  // Hugging Face: follows do_lower_case where not given
  bool tokenize_chinese_chars = true;
};

/// The words of the text, prepared. Bytes that are not UTF-8 are dropped. Equal to the components
/// BertNormalizer and BertPreTokenizer one after the other.
void split_for_bert(std::string_view text, const WordPieceOptions& options, Words& words);

}  // namespace reaugkd::text
