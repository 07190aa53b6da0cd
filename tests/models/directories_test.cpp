// Model directories as they come: no model_type, keys that are null, heads of other tasks,
// classifiers that are for no text's label. Their tensors and configs are those that Python's
// transformers writes; tests/cli/model_directories.py has transformers write them.
#include <torch/torch.h>

#include "base/error.h"
#include "base/json.h"
#include "catch.h"
#include "models/family.h"
#include "models/golden.h"
#include "models/model_directory.h"
#include "models/other_heads.h"
#include "temporary_directory.h"

namespace reaugkd::models {
namespace {

namespace fs = std::filesystem;
using tests::input_of;
using tests::kGolden;
using tests::kGoldenBert;
using tests::largest_difference;

/// A golden checkpoint whose files a test changes.
class GoldenCopy : public tests::TemporaryDirectory {
 public:
  explicit GoldenCopy(const fs::path& source) {
    fs::copy_file(source / "config.json", path() / "config.json");
    weights = tensor::load_safetensors(source / "model.safetensors");
    for (auto& [name, value] : weights) value = value.clone();
    write();
  }
  void set(const std::string& key, const base::Json& value) const {
    auto config = base::read_json(path() / "config.json");
    config[key] = value;
    base::write_json(path() / "config.json", config);
  }
  void remove(const std::string& key) const {
    auto config = base::read_json(path() / "config.json");
    config.erase(key);
    base::write_json(path() / "config.json", config);
  }
  void write() const { tensor::save_safetensors(path() / "model.safetensors", weights); }
  LoadedModel load(bool head_may_be_missing = true) const {
    return load_classifier(path(), load_config(path()),
                           {.head_may_be_missing = head_may_be_missing});
  }

  tensor::TensorMap weights;
};

fs::path family_golden(const std::string& family) {
  return family == "bert" ? kGoldenBert : kGolden / "families" / family;
}

const std::vector<std::string> kAll = {"bert", "distilbert", "roberta", "electra", "albert"};

TEST_CASE("architectures tell the family where there is no model_type", "[directories]") {
  for (const auto& family : kAll) {
    INFO(family);
    const GoldenCopy copy(family_golden(family));
    copy.remove("model_type");
    const auto whole = load_config(family_golden(family));
    const std::string own = whole.family->architecture();
    const std::string stem = own.substr(0, own.find("For"));
    for (const auto* rest : {"ForSequenceClassification", "Model", "ForMaskedLM"}) {
      for (const auto* library : {"", "TF"}) {
        copy.set("architectures", base::Json::array({library + stem + rest}));
        const auto config = load_config(copy.path());
        CHECK(config.family == whole.family);
        CHECK_THAT(config.told_from, ContainsSubstring("architectures, " + std::string(library)));
        CHECK(config.hidden_size == whole.hidden_size);
      }
    }
  }
  CHECK(load_config(kGoldenBert).told_from.empty());
}

TEST_CASE("else the tensors do, where one family alone fits", "[directories]") {
  for (const auto& family : kAll) {
    INFO(family);
    const GoldenCopy copy(family_golden(family));
    copy.remove("model_type");
    copy.remove("architectures");
    if (family == "roberta") {  // XLM-R's encoder has the same tensors
      CHECK_THROWS_WITH(load_config(copy.path()),
                        ContainsSubstring("\"model_type\" is missing") &&
                            ContainsSubstring("fit roberta, xlm-roberta: add the one that it is"));
      continue;
    }
    const auto config = load_config(copy.path());
    CHECK(config.family == load_config(family_golden(family)).family);
    CHECK(config.told_from == "the names of its tensors");
    CHECK_NOTHROW(copy.load());
  }
}

TEST_CASE("where nothing tells the family, the message says what would", "[directories]") {
  GoldenCopy copy(kGoldenBert);
  copy.remove("model_type");
  copy.set("architectures", base::Json::array({"GPT2LMHeadModel"}));
  copy.weights = {{"h.0.attn.c_attn.weight", torch::zeros({2})}};
  copy.write();
  CHECK_THROWS_WITH(load_config(copy.path()),
                    ContainsSubstring("architectures\" (GPT2LMHeadModel)") &&
                        ContainsSubstring("one of bert, distilbert"));
  fs::remove(copy.path() / "model.safetensors");
  copy.remove("architectures");
  CHECK_THROWS_WITH(load_config(copy.path()), ContainsSubstring("architectures\" (none)"));
  base::write_json(copy.path() / "model.safetensors.index.json",
                   {{"weight_map", {{"bert.encoder.layer.0.output.dense.bias", "a.safetensors"}}}});
  CHECK(load_config(copy.path()).family->model_type() == "bert");
}

TEST_CASE("a key that is null is a key that is not there", "[directories]") {
  for (const auto& family : kAll) {
    const auto whole = base::read_json(family_golden(family) / "config.json");
    for (const auto& [key, value] : whole.items()) {
      INFO(family << " " << key);
      const GoldenCopy without(family_golden(family));
      const GoldenCopy null(family_golden(family));
      without.remove(key);
      null.set(key, nullptr);
      std::string expected, found;
      const auto write = [](const fs::path& directory, std::string& text) {
        try {
          const auto config = load_config(directory);
          text = config.family->write_config(config).dump() + config.told_from;
        } catch (const base::ArtifactError& error) {
          text = std::string(error.what()).substr(directory.string().size());
        }
      };
      write(without.path(), expected);
      write(null.path(), found);
      CHECK(found == expected);
    }
  }
  const GoldenCopy null(kGoldenBert);
  for (const char* key : {"classifier_dropout", "problem_type", "position_embedding_type",
                          "is_decoder", "pad_token_id", "layer_norm_eps", "reaugkd", "id2label"}) {
    INFO(key);
    null.set(key, nullptr);
    CHECK_NOTHROW(load_config(null.path()));
  }
}

struct OtherHead {
  const char* family;
  const char* tensor;
  const char* purpose;
};

TEST_CASE("heads for other tasks are left out, whatever the family", "[directories]") {
  for (const auto& head :
       {OtherHead{"bert", "qa_outputs.weight", "question answering"},
        OtherHead{"bert", "cls.seq_relationship.weight", "next sentences"},
        OtherHead{"bert", "cls.predictions.bias", "masked words"},
        OtherHead{"distilbert", "qa_outputs.weight", "question answering"},
        OtherHead{"distilbert", "vocab_transform.weight", "masked words"},
        OtherHead{"roberta", "lm_head.decoder.weight", "masked words"},
        OtherHead{"electra", "generator_lm_head.bias", "masked words"},
        OtherHead{"electra", "sequence_summary.summary.bias", "multiple choice"},
        OtherHead{"albert", "sop_classifier.classifier.bias", "the order of sentences"}}) {
    INFO(head.family << " " << head.tensor);
    CHECK(head_purpose(head.tensor) == head.purpose);
    GoldenCopy copy(family_golden(head.family));
    copy.weights[head.tensor] = torch::zeros({2});
    copy.write();
    CHECK(copy.load().initialised.empty());
    CHECK_NOTHROW(copy.load(/*head_may_be_missing=*/false));
    std::erase_if(copy.weights,
                  [](const auto& item) { return item.first.find("classif") != item.first.npos; });
    copy.weights[head.tensor] = torch::zeros({2});
    copy.write();
    CHECK_THROWS_WITH(copy.load(/*head_may_be_missing=*/false),
                      ContainsSubstring("it is a pretrained model with a head for") &&
                          ContainsSubstring(head.purpose));
  }
}

TEST_CASE("a tensor that no head has stays an error", "[directories]") {
  for (const auto& [family, name] : {std::pair{"bert", "lm_head.bias"},
                                     {"roberta", "cls.predictions.bias"},
                                     {"bert", "qa_output.weight"},
                                     {"albert", "decoder.bias"}}) {
    GoldenCopy copy(family_golden(family));
    copy.weights[name] = torch::zeros({2});
    copy.write();
    CHECK_THROWS_WITH(copy.load(), ContainsSubstring("extra " + std::string(name)));
  }
}

TEST_CASE("a classifier for something else is drawn anew, and refused where it would answer",
          "[directories]") {
  const auto outputs = [](const LoadedModel& loaded) {
    return loaded.model->named_parameters()["classifier.weight"].clone();
  };
  for (const auto& family : kAll) {
    INFO(family);
    const GoldenCopy copy(family_golden(family));
    const auto kept = outputs(copy.load());
    const auto refused = [&](const std::string& purpose) {
      const auto loaded = copy.load();
      CHECK(loaded.initialised.size() == 2);
      CHECK_FALSE(torch::equal(outputs(loaded), kept));
      CHECK_THROWS_WITH(copy.load(/*head_may_be_missing=*/false),
                        ContainsSubstring("its classifier is for " + purpose) &&
                            ContainsSubstring("fine-tune the model first"));
    };
    copy.set("problem_type", "multi_label_classification");
    refused("any number of labels a text (problem_type multi_label_classification)");
    copy.set("problem_type", nullptr);
    copy.set("architectures", base::Json::array({"BertForTokenClassification"}));
    refused("tokens");
    copy.set("architectures", base::Json::array({"BertForMultipleChoice"}));
    refused("multiple choice");
    copy.set("architectures", base::Json::array({"ModernBertForQuestionAnswering"}));
    refused("question answering");
    copy.set("architectures", base::Json::array({"BertForSequenceClassification"}));
    CHECK(torch::equal(outputs(copy.load(/*head_may_be_missing=*/false)), kept));
  }
}

TEST_CASE("a head for tokens is told by its tensors, too", "[directories]") {
  for (const auto& family : kAll) {
    INFO(family);
    GoldenCopy copy(family_golden(family));
    copy.remove("architectures");
    // It has one layer, on the states: nothing stands between the encoder and it.
    std::erase_if(copy.weights, [](const auto& item) {
      return item.first.find("pooler") != item.first.npos ||
             item.first.find("classif") != item.first.npos;
    });
    copy.weights["classifier.weight"] = torch::zeros({3, 16 * (family == "bert" ? 2 : 1)});
    copy.weights["classifier.bias"] = torch::zeros({3});
    copy.write();
    const auto loaded = copy.load();
    CHECK(loaded.initialised.size() == 4);
    if (family == "roberta" || family == "electra") {  // whose classifier of texts has other names
      CHECK_THROWS_WITH(copy.load(/*head_may_be_missing=*/false),
                        ContainsSubstring("its classifier is for tokens"));
    }
    CHECK(loaded.model->named_parameters()["classifier.weight"].abs().max().item<double>() > 0);
  }
}

TEST_CASE("half-precision weights are read with the values they stand for", "[directories]") {
  const torch::NoGradGuard no_grad;
  for (const auto& family : kAll) {
    for (const auto dtype : {torch::kFloat16, torch::kBFloat16, torch::kFloat64}) {
      INFO(family << " " << dtype);
      GoldenCopy copy(family_golden(family));
      for (auto& [name, value] : copy.weights) value = value.to(dtype);
      copy.write();
      const auto loaded = copy.load(/*head_may_be_missing=*/false);
      for (const auto& item : loaded.model->named_parameters()) {
        CHECK(item.value().scalar_type() == torch::kFloat32);
        const auto published = loaded.config.family->published_name(item.key());
        CHECK(torch::equal(item.value(), copy.weights.at(published).to(torch::kFloat32)));
      }
    }
  }
}

}  // namespace
}  // namespace reaugkd::models
