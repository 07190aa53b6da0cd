// Folders of sentence-transformers, in the old and the new spelling, what is refused of them, and
// the one that we write; the pooling `max`.
#include "models/sentence_folder.h"

#include <torch/torch.h>

#include <limits>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "catch.h"
#include "models/golden.h"
#include "models/model_directory.h"
#include "models/thread_parallel.h"
#include "temporary_directory.h"

namespace reaugkd::models {
namespace {

using tests::kGoldenBert;
using tests::largest_difference;

const std::string kOld = "sentence_transformers.models.";

/// A folder with these kinds of modules, and this 1_Pooling/config.json.
class Folder : public tests::TemporaryDirectory {
 public:
  explicit Folder(const std::vector<std::string>& kinds, const std::string& pooling = "{}") {
    auto modules = base::Json::array();
    for (const auto& kind : kinds) {
      const std::string path =
          modules.empty() ? ""
                          : std::to_string(modules.size()) + "_" + kind.substr(kind.rfind('.') + 1);
      modules.push_back({{"idx", modules.size()}, {"path", path}, {"type", kind}});
    }
    write("modules.json", modules.dump());
    write("1_Pooling/config.json", pooling);
  }
  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((path() / name).parent_path());
    base::write_file(path() / name, text);
  }
  SentenceFolder read() const { return read_sentence_folder(path()).value(); }
};

const std::vector<std::string> kUsual = {kOld + "Transformer", kOld + "Pooling",
                                         kOld + "Normalize"};

TEST_CASE("how the tokens are pooled is read in both spellings", "[sentence_folder]") {
  const auto pooling = [](const std::string& text) { return Folder(kUsual, text).read().pooling; };
  CHECK(pooling(R"({"word_embedding_dimension": 4, "pooling_mode_cls_token": true,
                    "pooling_mode_mean_tokens": false})") == Pooling::kCls);
  CHECK(pooling(R"({"pooling_mode_mean_tokens": true})") == Pooling::kMean);
  CHECK(pooling(R"({"pooling_mode_max_tokens": true})") == Pooling::kMax);
  CHECK(pooling(R"({"pooling_mode_max_tokens": false})") == Pooling::kMean);  // the default
  CHECK(pooling(R"({"pooling_mode": "cls", "include_prompt": true})") == Pooling::kCls);
  CHECK(pooling(R"({"pooling_mode": ["max"]})") == Pooling::kMax);
  const Folder renamed({"sentence_transformers.base.modules.transformer.Transformer",
                        "sentence_transformers.sentence_transformer.modules.pooling.Pooling"},
                       R"({"pooling_mode": "max"})");
  CHECK(renamed.read().pooling == Pooling::kMax);
  CHECK_FALSE(read_sentence_folder(kGoldenBert));
}

TEST_CASE("what we do not have is named", "[sentence_folder]") {
  const auto refused = [](const Folder& folder) {
    CHECK_FALSE(folder.read().pooling);
    return folder.read().refused;
  };
  CHECK(refused(Folder(kUsual,
                       R"({"pooling_mode_cls_token": true, "pooling_mode_max_tokens": true})")) ==
        "1_Pooling/config.json pools by cls and max at once");
  CHECK(refused(Folder(kUsual, R"({"pooling_mode": ["mean", "max"]})")) ==
        "1_Pooling/config.json pools by mean and max at once");
  CHECK(refused(Folder(kUsual, R"({"pooling_mode_lasttoken": true})")) ==
        "1_Pooling/config.json pools by lasttoken");
  CHECK(refused(Folder(kUsual, R"({"pooling_mode": "newest"})")) ==
        "1_Pooling/config.json pools by newest");
  CHECK(refused(Folder({kOld + "Transformer", kOld + "Pooling", kOld + "Dense"})) ==
        "modules.json has the module Dense");
  CHECK(refused(Folder({kOld + "Transformer", kOld + "WeightedLayerPooling", kOld + "Pooling"})) ==
        "modules.json has the module WeightedLayerPooling");
  CHECK(refused(Folder({kOld + "Transformer"})) == "modules.json has no Pooling");
}

TEST_CASE("a damaged folder says which file and key", "[sentence_folder]") {
  const auto refuses = [](const Folder& folder, const std::string& text) {
    CHECK_THROWS_WITH(folder.read(), ContainsSubstring(text));
    CHECK_THROWS_AS(folder.read(), base::ArtifactError);
  };
  Folder folder(kUsual);
  for (const char* text : {"{}", "[]", "[", "[1]"}) {
    folder.write("modules.json", text);
    refuses(folder, "modules.json: ");
  }
  folder.write("modules.json", R"([{"path": ""}])");
  refuses(folder, "modules.json: the key \"type\" is missing");
  refuses(Folder(kUsual, "[]"), "1_Pooling/config.json: found array, expected a JSON object");
  refuses(Folder(kUsual, R"({"pooling_mode": 3})"),
          "1_Pooling/config.json: the key \"pooling_mode\"");
  refuses(Folder(kUsual, R"({"pooling_mode_max_tokens": "yes"})"), "\"pooling_mode_max_tokens\"");
  const Folder length(kUsual);
  length.write("sentence_bert_config.json", R"({"max_seq_length": 0})");
  refuses(length, "sentence_bert_config.json: max_seq_length is 0");
  const Folder missing(kUsual);
  std::filesystem::remove(missing.path() / "1_Pooling/config.json");
  CHECK(missing.read().missing == "1_Pooling/config.json");
  CHECK_FALSE(missing.read().pooling);
}

TEST_CASE("where texts are cut, lower-cased and begun", "[sentence_folder]") {
  const Folder folder(kUsual);
  CHECK_FALSE(folder.read().max_seq_length);
  CHECK_FALSE(folder.read().do_lower_case);
  folder.write("tokenizer_config.json", R"({"model_max_length": 1000000000000000019884624838656})");
  CHECK_FALSE(folder.read().max_seq_length);
  folder.write("tokenizer_config.json", R"({"model_max_length": 384})");
  CHECK(folder.read().max_seq_length == 384);
  folder.write("sentence_roberta_config.json",
               R"({"max_seq_length": null, "do_lower_case": true})");
  CHECK(folder.read().max_seq_length == 384);
  CHECK(folder.read().do_lower_case);
  folder.write("sentence_bert_config.json", R"({"max_seq_length": 256, "do_lower_case": false})");
  CHECK(folder.read().max_seq_length == 256);
  CHECK_FALSE(folder.read().do_lower_case);
  folder.write("config_sentence_transformers.json",
               R"({"default_prompt_name": null, "prompts": {"query": "query: "}})");
  CHECK(folder.read().default_prompt.empty());
  folder.write("config_sentence_transformers.json",
               R"({"default_prompt_name": "query", "prompts": {"query": "query: "}})");
  CHECK(folder.read().default_prompt == "query: ");
}

TEST_CASE("the model of an old folder lies deeper, and the message says where",
          "[sentence_folder]") {
  const Folder folder({kOld + "Transformer", kOld + "Pooling"});
  folder.write(
      "modules.json",
      R"([{"path": "0_Transformer", "type": "sentence_transformers.models.Transformer"}])");
  CHECK_THROWS_WITH(load_config(folder.path()),
                    ContainsSubstring("whose model is in 0_Transformer"));
  folder.write("config.json", R"({"__version__": "0.2.5"})");
  CHECK_THROWS_WITH(load_config(folder.path()),
                    ContainsSubstring("whose model is in 0_Transformer"));
}

TEST_CASE("what we write we read, and nothing of the pooler", "[sentence_folder]") {
  for (const auto pooling : {Pooling::kCls, Pooling::kMean, Pooling::kMax}) {
    const tests::TemporaryDirectory directory;
    save_sentence_folder(pooling, 32, 48, directory.path());
    const auto folder = read_sentence_folder(directory.path());
    REQUIRE(folder);
    CHECK(folder->pooling == pooling);
    CHECK(folder->max_seq_length == 48);
    CHECK_FALSE(folder->do_lower_case);
  }
  const tests::TemporaryDirectory directory;
  save_sentence_folder(Pooling::kPooler, 32, 48, directory.path());
  CHECK(std::filesystem::is_empty(directory.path()));
}

TEST_CASE("max takes the largest of the tokens' values, and no padding's", "[pooling]") {
  EncoderOutput states;
  states.last_hidden_state = torch::tensor({{{-5.0, 1.0}, {-3.0, -2.0}, {9.0, 9.0}},
                                            {{0.5, -1.0}, {0.0, 2.0}, {0.25, 3.0}}},
                                           torch::kFloat32)
                                 .requires_grad_();
  const auto mask = torch::tensor({{1, 1, 0}, {1, 1, 1}}, torch::kInt64);
  const auto embedding = pooled(states, mask, Pooling::kMax);
  CHECK(torch::equal(embedding, torch::tensor({{-3.0F, 1.0F}, {0.5F, 3.0F}})));
  embedding.sum().backward();
  CHECK(torch::equal(states.last_hidden_state.grad(),
                     torch::tensor({{{0.0F, 1.0F}, {1.0F, 0.0F}, {0.0F, 0.0F}},
                                    {{1.0F, 0.0F}, {0.0F, 0.0F}, {0.0F, 1.0F}}})));
  for (const auto dtype : {torch::kBFloat16, torch::kFloat64}) {
    const EncoderOutput other{states.last_hidden_state.detach().to(dtype), {}};
    CHECK(torch::equal(pooled(other, mask, Pooling::kMax).to(torch::kFloat32), embedding));
  }
}

TEST_CASE("max through the encoder: gradients are the differences, padding changes nothing",
          "[pooling]") {
  auto model = load_classifier(kGoldenBert, load_config(kGoldenBert), {}).model;
  torch::manual_seed(2);
  const auto ids = torch::randint(5, 50, {2, 6}, torch::kInt64);
  const auto types = torch::zeros_like(ids);
  auto mask = torch::ones_like(ids);
  mask[1].slice(0, 4).zero_();
  const auto sum = [&] {
    return forward_on_threads(model, {ids, types, mask}, Pooling::kMax).embedding.square().sum();
  };
  sum().backward();
  auto bias = model->named_parameters()["bert.encoder.layer.0.output.dense.bias"];
  const auto gradient = bias.grad().clone();
  const torch::NoGradGuard no_grad;
  const double step = 1e-3;
  for (const std::int64_t i : {0, 7, 31}) {
    bias[i] += step;
    const double above = sum().item<double>();
    bias[i] -= 2 * step;
    const double below = sum().item<double>();
    bias[i] += step;
    const double expected = (above - below) / (2 * step);
    CHECK(std::abs(gradient[i].item<double>() - expected) < 2e-2 * std::abs(expected) + 1e-2);
  }
  const auto whole = model->forward({ids, types, mask}, Pooling::kMax).embedding;
  const auto cut = [](const torch::Tensor& x) { return x.slice(0, 1).slice(1, 0, 4); };
  const auto alone = model->forward({cut(ids), cut(types), cut(mask)}, Pooling::kMax).embedding;
  CHECK(largest_difference(alone[0], whole[1]) < 1e-5);
}

TEST_CASE("every pooling has a name, and no other name is one", "[pooling]") {
  for (const auto* name : {"cls", "mean", "max", "pooler"}) {
    CHECK(to_string(parse_pooling(name)) == name);
  }
  CHECK_THROWS_WITH(parse_pooling("auto"), ContainsSubstring("not one of cls, mean, max, pooler"));
}

}  // namespace
}  // namespace reaugkd::models
