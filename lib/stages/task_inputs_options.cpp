#include "stages/task_inputs.h"

namespace reaugkd::stages {

void DataOptions::add_fields(base::OptionList& list) {
  list.add({"task", "Data", &task,
            data::glue_task_names() +
                ", or a FILE.json that describes another (inherited by later stages; not needed "
                "with --text-column and --label-column)"});
  list.add({"data",
            "Data",
            &data,
            "directory with train, and perhaps dev and test: .tsv, .csv or .jsonl",
            {},
            {},
            true});
  list.add({"train-file", "Data", &train_file, "another name for train.tsv"});
  list.add({"dev-file", "Data", &dev_file, "another name for dev.tsv"});
  list.add({"test-file", "Data", &test_file, "another name for test.tsv"});
  list.add({"text-column", "Data", &text_column,
            "column of the text by its name, of json lines the key (inherited)"});
  list.add({"text-pair-column", "Data", &text_pair_column,
            "column of a pair's second text (inherited)"});
  list.add(
      {"label-column", "Data", &label_column,
       "column of the label (inherited); without --task, the labels in train are the classes"});
  list.add({"label-kind",
            "Data",
            &label_kind,
            "labels are names of classes, or scores (regression); auto: classes, and many numbers "
            "are an error that asks",
            {},
            {"auto", "classes", "scores"}});
  list.add(
      {"max-train-examples", "Data", &max_train_examples,
       "first N rows of train after a shuffle seeded by --split-seed; 0: all (inherited, else 0)",
       base::kNotNegative});
  list.add({"validation", "Data", &validation,
            "holdout:F, a part of train, or dev (inherited, else holdout:0.1)"});
  list.add({"split-seed", "Data", &split_seed, "seed of the holdout (inherited, else 0)",
            base::kNotNegative});
  list.add({"label-order", "Data", &label_order,
            "class names in the checkpoint's order, where its config.json does not say"});
  list.add({"max-seq-length", "Data", &max_seq_length,
            "tokens of a text or pair, the rest is cut (inherited, else as a sentence-transformers "
            "folder says, else 128)",
            base::Range{8, 100000}});
  list.add({"skip-bad-rows", "Data", &skip_bad_rows,
            "leave out rows that cannot be read, and say which"});
}

}  // namespace reaugkd::stages
