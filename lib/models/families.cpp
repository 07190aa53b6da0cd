// The table of model families. Adding one is a line here.
#include "models/families.h"

#include "base/error.h"
#include "models/bert_family.h"
#include "models/deberta_family.h"
#include "models/modern_bert_family.h"

namespace reaugkd::models {
namespace {

std::vector<std::unique_ptr<Family>>& table() {
  static std::vector<std::unique_ptr<Family>> families = [] {
    std::vector<std::unique_ptr<Family>> all;
    for (const auto& variant : bert_variants()) {
      all.push_back(std::make_unique<BertFamily>(variant));
    }
    all.push_back(std::make_unique<DebertaFamily>(DebertaVersion::kV1));
    all.push_back(std::make_unique<DebertaFamily>(DebertaVersion::kV2));
    all.push_back(std::make_unique<ModernBertFamily>());
    return all;
  }();
  return families;
}

}  // namespace

const Family* find_family(const std::string& model_type) {
  for (const auto& family : table()) {
    if (family->model_type() == model_type) return family.get();
  }
  return nullptr;
}

std::vector<std::string> supported_model_types() {
  std::vector<std::string> names;
  for (const auto& family : table()) names.push_back(family->model_type());
  return names;
}

void add_family(std::unique_ptr<Family> family) {
  REAUGKD_CHECK(find_family(family->model_type()) == nullptr, "there is a family {} already",
                family->model_type());
  table().push_back(std::move(family));
}

}  // namespace reaugkd::models
