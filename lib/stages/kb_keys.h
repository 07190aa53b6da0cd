// A knowledge base whose keys are a student's own embeddings. Used by build-kb.
#pragma once

#include <cstdint>

#include "evaluation/kb_report.h"
#include "stages/build_kb.h"

namespace reaugkd::stages {

/// --keys: s of every row by the student, as kNN-LM has it, in place of z. The student's queries
/// then lie among the keys. Rows that have its keys already keep them. With --keep-keys better the
/// teacher's stay where they are the better ones on rows that the student was not trained on.
void take_keys(const BuildKbOptions& options, const data::TaskSettings& settings,
               const tensor::Compute& compute, run::RunDirectory& run, std::int64_t with_keys,
               evaluation::KbReport& report, retrieval::KnowledgeBase& kb);

}  // namespace reaugkd::stages
