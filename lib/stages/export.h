// export: a folder that answers: model, knowledge base, setting, card and checksums.
#pragma once

#include <string>

#include "base/options.h"
#include "run/run_directory.h"

namespace reaugkd::stages {

struct ExportOptions {
  std::string model;
  std::string kb;
  std::string eval;
  std::string kb_dtype = "as-is";
  bool without_texts = false;
  run::RunOptions run;

  base::OptionList fields();
};

/// Runs the stage; returns the text for stdout. Throws base::Error.
std::string run_export(ExportOptions options);

}  // namespace reaugkd::stages
