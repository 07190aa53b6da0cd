// Where build-kb takes its rows from: the features that project has cached, a file of outputs, or a
// knowledge base that is there, with rows added and removed or with a student's embeddings as its
// keys.
#pragma once

#include "evaluation/kb_report.h"
#include "retrieval/knowledge_base.h"
#include "stages/build_kb.h"

namespace reaugkd::stages {

/// Rows and what is known of them.
struct KbSource {
  retrieval::KnowledgeBase kb;
  data::TaskSettings settings;
  std::int64_t unchanged_rows = 0;   // leading rows with the keys of --extend, in their places
  torch::Tensor held_out_keys = {};  // (n, D) z of the validation part, where the rows have one
};

/// The rows that the student is trained on, as project has cached them. Writes split.json.
KbSource rows_of_features(const BuildKbOptions& options, const tensor::Compute& compute,
                          run::RunDirectory& run, evaluation::KbReport& report);

/// The same of --teacher-outputs: its embeddings are the keys as they are, of unit length.
KbSource rows_of_outputs(const BuildKbOptions& options, run::RunDirectory& run,
                         evaluation::KbReport& report);

/// --extend: an existing knowledge base changed; nothing is trained again.
KbSource changed_knowledge_base(const BuildKbOptions& options, const tensor::Compute& compute,
                                run::RunDirectory& run, evaluation::KbReport& report);

/// The embeddings in the type that --kb-dtype asks for; the index is then over what is stored.
void store_as(const BuildKbOptions& options, retrieval::KnowledgeBase& kb);

/// metrics.json of an earlier stage; empty where it was not copied along.
base::Json earlier_metrics(const std::filesystem::path& directory);

}  // namespace reaugkd::stages
