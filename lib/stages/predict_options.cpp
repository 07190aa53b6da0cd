#include "base/error.h"
#include "stages/predict.h"

namespace reaugkd::stages {

base::OptionList PredictOptions::fields() {
  base::OptionList list;
  list.add(
      {"model", "Model", &model, "the classifier: a student, or a folder of export", {}, {}, true});
  list.add({"kb", "Model", &kb,
            "knowledge base to ask too (not given: the folder's own, where export made it)"});
  list.add({"eval", "Model", &eval,
            "eval's directory: answer as it has chosen (not given: the folder's own setting)"});
  list.add({"student-only", "Model", &student_only, "leave out the folder's knowledge base"});

  const char* input = "Input";
  base::Option names{"files", input, &files, "files to read (none, or -: standard input)"};
  names.positional = true;
  list.add(names);
  list.add({"input-format",
            input,
            &input_format,
            "auto: by the file's name, and lines of text from standard input",
            {},
            {"auto", "text", "tsv", "csv", "jsonl"}});
  list.add({"text-column", input, &text_column,
            "column or key of the text (not given: as in the task's files)"});
  list.add({"text-pair-column", input, &text_pair_column, "of the second text of a pair"});
  list.add({"no-header", input, &no_header,
            "TSV and CSV without a header line: columns are numbers from 0"});
  list.add({"on-error",
            input,
            &on_error,
            "a row that cannot be read: stop there, or skip it and write the error in its place",
            {},
            {"stop", "skip"}});

  const char* out = "Output";
  list.add({"output", out, &output, "file to write (not given: standard output)"});
  list.add({"format",
            out,
            &format,
            "auto: by --output's name, a table on a terminal, else the input's (jsonl of text)",
            {},
            {"auto", "jsonl", "tsv", "csv", "table"}});
  list.add({"resume", out, &resume, "go on where an earlier run into --output was stopped"});
  list.add({"overwrite", out, &overwrite, "replace --output, once all rows are answered"});
  list.add({"top-k", out, &top_k, "also the N most probable classes", base::kNotNegative});
  list.add({"details", out, &details, "also what the student and the knowledge base said"});
  list.add({"neighbors", out, &neighbors, "also the N nearest rows of the knowledge base",
            base::kNotNegative});
  list.add({"probabilities", out, &probabilities, "also the probability of every class"});
  list.add({"prefix", out, &prefix, "put before the names of the answers"});

  const char* answer = "Answer";
  list.add({"min-probability", answer, &min_probability,
            "below it the prediction is --unknown-label (not given: as eval has chosen, else 0)",
            base::kUnit});
  list.add({"unknown-label", answer, &unknown_label, "what an answer that is not given is called"});
  list.add({"k", answer, &k, "neighbors (not given: as eval has chosen)", base::Range{1, 100000}});
  list.add({"beta", answer, &beta, "weight of the student for every row (not given: the same)",
            base::kUnit});
  list.add({"tau-retrieval", answer, &tau_retrieval,
            "temperature of equation 6 (not given: the same)", base::kPositive});

  const char* speed = "Speed";
  list.add({"eval-batch-size", speed, &eval_batch_size, "rows of a batch", base::kCount});
  list.add({"max-wait", speed, &max_wait,
            "most milliseconds that a row waits for others to share its batch, as long as they "
            "keep coming",
            base::Range{0, 60000}});
  list.add({"device", speed, &device, "auto, cpu, cuda or cuda:n"});
  list.add({"precision",
            speed,
            &precision,
            "auto: fp32; int8 is for CPUs with AVX512-VNNI",
            {},
            {"auto", "fp32", "bf16", "int8"}});
  list.add({"threads", speed, &threads,
            "compute threads, 0: OMP_NUM_THREADS, or one a core that the process may use",
            base::Range{0, 512}});
  return list;
}

void PredictOptions::check() const {
  if (output.empty() && (resume || overwrite)) {
    throw base::ConfigError("--{} is about a file: it needs --output",
                            resume ? "resume" : "overwrite");
  }
  if (resume && overwrite) {
    throw base::ConfigError("--resume and --overwrite exclude one another: leave one out");
  }
  if (student_only && (!kb.empty() || k || beta || tau_retrieval || neighbors > 0)) {
    throw base::ConfigError(
        "--student-only leaves retrieval out: --kb, --k, --beta, --tau-retrieval and --neighbors "
        "are about it");
  }
  if (format == "table" && !output.empty()) {
    throw base::ConfigError("--format table is for a person: write jsonl, tsv or csv to a file");
  }
  if (unknown_label.find_first_of("\t\r\n") != std::string::npos) {
    throw base::ConfigError("--unknown-label has a tab or the end of a line");
  }
}

serving::AnswerDetail PredictOptions::detail() const {
  serving::AnswerDetail detail;
  detail.top = top_k;
  detail.details = details;
  detail.neighbors = neighbors;
  detail.probabilities = probabilities;
  detail.min_probability = min_probability.value_or(0);
  detail.unknown = unknown_label;
  detail.prefix = prefix;
  detail.errors = on_error == "skip";
  return detail;
}

}  // namespace reaugkd::stages
