// export: check that the parts belong together, copy them, write card and checksums.
#include "stages/export.h"

#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"
#include "models/model_directory.h"
#include "retrieval/kb_manifest.h"
#include "stages/export_files.h"
#include "stages/kb_place.h"
#include "stages/model_card.h"
#include "stages/task_inputs.h"

namespace reaugkd::stages {
namespace {

namespace fs = std::filesystem;

/// What eval has chosen, checked to be of this model and this knowledge base.
serving::Setting checked_setting(const ExportOptions& options) {
  const fs::path path = fs::path(options.eval) / serving::kSettingFile;
  if (!fs::exists(path)) {
    throw base::ArtifactError(
        "{}: is missing: --eval is a directory that reaugkd eval has written; run eval again where "
        "an older version wrote it, or where --kb-rows was given",
        path.string());
  }
  auto setting = serving::load_setting(path);
  if (setting.model_sha256 != models::digest_of_queries(options.model)) {
    throw base::ArtifactError("{}: was chosen for another model than {}: run eval with this model",
                              path.string(), options.model);
  }
  if (setting.knowledge_base.has_value() != !options.kb.empty()) {
    throw base::ConfigError("{} was chosen {} a knowledge base: {} --kb, or run eval {} it",
                            path.string(), options.kb.empty() ? "with" : "without",
                            options.kb.empty() ? "give" : "leave out",
                            options.kb.empty() ? "without" : "with");
  }
  if (setting.knowledge_base &&
      setting.knowledge_base->kb_sha256 !=
          base::sha256_of_file(fs::path(options.kb) / retrieval::kManifestFile)) {
    throw base::ArtifactError(
        "{}: was chosen with another state of {} ({} rows): run eval with this knowledge base",
        path.string(), options.kb, setting.knowledge_base->rows);
  }
  return setting;
}

base::Json metrics_of(const fs::path& folder, const serving::Setting& setting) {
  base::Json metrics;
  std::uintmax_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) bytes += entry.file_size();
  }
  metrics["bytes"] = bytes;
  if (setting.knowledge_base) metrics["kb_rows"] = setting.knowledge_base->rows;
  return metrics;
}

}  // namespace

base::OptionList ExportOptions::fields() {
  base::OptionList list;
  list.add({"model", "Model", &model, "the classifier to export", {}, {}, true});
  list.add({"kb", "Model", &kb, "its knowledge base (not given: the model alone)"});
  list.add({"eval", "Model", &eval, "eval's directory: how they answer", {}, {}, true});
  list.add({"kb-dtype",
            "Model",
            &kb_dtype,
            "type of the keys: fp16 halves them",
            {},
            {"as-is", "fp32", "fp16"}});
  list.add({"without-texts", "Model", &without_texts,
            "leave out the knowledge base's texts: neighbors then have an id and a label only"});
  list.add({"output", "Run", &run.output, "folder to write", {}, {}, true});
  list.add({"overwrite", "Run", &run.overwrite, "replace what is in --output, once this is done"});
  return list;
}

std::string run_export(ExportOptions options) {
  if (options.kb.empty() && (options.without_texts || options.kb_dtype != "as-is")) {
    throw base::ConfigError("--without-texts and --kb-dtype are about --kb");
  }
  if (!options.kb.empty()) options.kb = knowledge_base_in(options.kb).string();
  const Inherited model = inherit(options.model);
  if (!model.settings) {
    throw base::ArtifactError("{} does not say which task it was made for: it cannot be exported",
                              options.model);
  }
  auto setting = checked_setting(options);
  run::RunDirectory run("export", options.fields(), ExportOptions().fields(), options.run);
  run.add_input_directory(options.model);
  run.add_input(fs::path(options.eval) / serving::kSettingFile);
  copy_model(options.model, run.path());
  if (!options.kb.empty()) {
    run.add_input_directory(options.kb);
    const auto directory = run.path() / kKbFolder;
    write_knowledge_base(options, directory);
    setting.knowledge_base->kb_sha256 = base::sha256_of_file(directory / retrieval::kManifestFile);
  }
  serving::save_setting(setting, run.path() / serving::kSettingFile);
  base::write_file(run.path() / "MODEL_CARD.md",
                   model_card(options, *model.settings, setting, run.path()));
  write_sums(run.path());
  run.finish(metrics_of(run.path(), setting));
  return fmt::format("written to {}; next: echo 'a text' | reaugkd predict --model {}\n",
                     options.run.output, options.run.output);
}

}  // namespace reaugkd::stages
