// Outputs of another teacher: joined to rows, in every format, and what takes the place of those
// that are missing.
#include "distill/teacher_outputs.h"

#include <cmath>
#include <fstream>

#include "base/error.h"
#include "catch.h"
#include "data/distribution.h"
#include "distill/given_teacher.h"
#include "distill/key_maker.h"
#include "distill/targets.h"
#include "losses/distillation.h"
#include "models/model_config.h"
#include "retrieval/embeddings.h"
#include "temporary_directory.h"
#include "tensor/safetensors.h"

namespace reaugkd::distill {
namespace {

data::Task two_classes() {
  data::Task task;
  task.name = "mine";
  task.labels = {"bad", "good"};
  return task;
}

/// The data rows `numbers` of a training file of five.
data::Dataset rows_of_file(const std::vector<std::int64_t>& numbers) {
  data::Dataset rows;
  rows.path = "train.tsv";
  rows.sha256 = std::string(64, 'a');
  for (const auto number : numbers) {
    rows.text_a.push_back("text");
    rows.labels.push_back(static_cast<float>(number % 2));
    rows.rows.push_back(number);
  }
  return rows;
}

const std::vector<data::AnsweredFile> kFiles = {
    {"train.tsv", base::example_file(std::string(64, 'a')), 5}};

struct Place {
  tests::TemporaryDirectory directory;
  std::filesystem::path file(const std::string& name) const { return directory.path() / name; }
  TeacherOutputs read(const tensor::TensorMap& tensors) const {
    tensor::save_safetensors(file("o.safetensors"), tensors);
    return {file("o.safetensors"), two_classes(), kFiles};
  }
};

TEST_CASE("outputs are joined to rows by their numbers", "[outputs]") {
  const Place place;
  const auto embeddings = tests::normal(3, 4, 1);
  const auto logits = tests::normal(3, 2, 2);
  const auto outputs = place.read({{"embeddings", embeddings},
                                   {"logits", logits},
                                   {"rows", torch::tensor({4, 0, 2}, torch::kInt64)}});
  CHECK(outputs.width() == 4);
  const auto rows = rows_of_file({0, 1, 4});
  CHECK(outputs.embedded(rows) == std::vector<std::int64_t>{0, 2});
  CHECK(outputs.predicted(rows) == std::vector<std::int64_t>{0, 2});
  const auto joined = outputs.embeddings_of(rows);
  CHECK(torch::equal(joined[0], embeddings[1]));
  CHECK(joined[1].isnan().all().item<bool>());
  CHECK(torch::equal(joined[2], embeddings[0]));
  CHECK(torch::equal(outputs.logits_of(rows)[2], logits[0]));
  auto other_file = rows;
  other_file.sha256[0] = 'b';
  CHECK(outputs.embedded(other_file).empty());
}

TEST_CASE("without numbers row i is data row i; other dtypes are converted", "[outputs]") {
  const Place place;
  const auto embeddings = tests::normal(5, 4, 1).to(torch::kFloat64);
  const auto outputs =
      place.read({{"embeddings", embeddings},
                  {"probabilities", torch::tensor({{0.9, 0.1}}, torch::kFloat64).repeat({5, 1})}});
  const auto rows = rows_of_file({3});
  CHECK(torch::equal(outputs.embeddings_of(rows), embeddings.slice(0, 3, 4).to(torch::kFloat32)));
  CHECK(torch::softmax(outputs.logits_of(rows), 1)[0][0].item<float>() == Approx(0.9));
}

TEST_CASE("the four formats say the same", "[outputs]") {
  const Place place;
  std::ofstream(place.file("o.jsonl"))
      << "{\"row\": 2, \"embedding\": [1, 2], \"logits\": [3, 4]}\n";
  const TeacherOutputs lines(place.file("o.jsonl"), two_classes(), kFiles);
  const auto arrays = place.read({{"embeddings", torch::tensor({{1.0F, 2.0F}})},
                                  {"logits", torch::tensor({{3.0F, 4.0F}})},
                                  {"rows", torch::tensor({2}, torch::kInt32)}});
  const auto rows = rows_of_file({2});
  CHECK(torch::equal(lines.embeddings_of(rows), arrays.embeddings_of(rows)));
  CHECK(torch::equal(lines.logits_of(rows), arrays.logits_of(rows)));
  // A .npy file holds embeddings, unless its name says otherwise.
  const auto npy = [&](const std::string& name) {
    std::string dict = "{'descr': '<f4', 'fortran_order': False, 'shape': (5, 2), }\n";
    const std::vector<float> data = {.5, .5, .5, .5, .5, .5, .5, .5, .5, .5};
    std::ofstream file(place.file(name), std::ios::binary);
    file << "\x93NUMPY" << '\1' << '\0' << static_cast<char>(dict.size()) << '\0' << dict;
    file.write(reinterpret_cast<const char*>(data.data()), 40);
    file.close();
    return TeacherOutputs(place.file(name), two_classes(), kFiles);
  };
  CHECK(npy("teacher.npy").has_embeddings());
  CHECK_FALSE(npy("teacher.npy").has_logits());
  CHECK_FALSE(npy("my_logits.npy").has_embeddings());
  CHECK(npy("my_logits.npy").logits_of(rows)[0][0].item<float>() == 0.5F);
  CHECK(npy("probabilities.npy").logits_of(rows)[0][0].item<float>() == Approx(std::log(0.5)));
}

TEST_CASE("arrays that do not fit are refused", "[outputs]") {
  const Place place;
  const auto five = tests::normal(5, 4, 1);
  auto not_finite = five.clone();
  not_finite[3][1] = NAN;
  const auto rows = [](const std::vector<std::int64_t>& numbers) {
    return torch::tensor(numbers, torch::kInt64);
  };
  const std::vector<std::pair<tensor::TensorMap, std::string>> wrong = {
      {{{"embedding", five}}, "has an array \"embedding\": did you mean embeddings?"},
      {{{"rows", rows({1, 2})}}, "has none of the arrays embeddings"},
      {{{"embeddings", five.slice(0, 0, 4)}}, "has 4 rows and no array \"rows\""},
      {{{"embeddings", torch::zeros({0, 4})}}, "has no rows"},
      {{{"embeddings", five}, {"logits", torch::zeros({4, 2})}},
       "logits has 4 rows, embeddings has 5"},
      {{{"embeddings", five[0]}, {"rows", rows({0, 1, 2, 3})}},
       "embeddings is Float (4), expected two"},
      {{{"embeddings", five.to(torch::kInt64)}}, "embeddings is Long (5, 4), expected"},
      {{{"embeddings", not_finite}}, "embeddings[3, 1] is nan, expected a finite number"},
      {{{"logits", torch::zeros({5, 3})}},
       "logits has 3 columns, the task mine has 2 classes (bad, good)"},
      {{{"logits", torch::zeros({5, 2})}, {"probabilities", torch::zeros({5, 2})}},
       "has both logits"},
      {{{"probabilities", torch::full({5, 2}, 0.4F)}},
       "probabilities[0]: the probabilities sum to 0.8"},
      {{{"probabilities", torch::tensor({{1.5F, -0.5F}}).repeat({5, 1})}}, "a probability is -0.5"},
      {{{"embeddings", five.slice(0, 0, 2)}, {"rows", rows({0, 5})}},
       "rows[1]: answers for row 5, train.tsv has the rows 0 to 4"},
      {{{"embeddings", five.slice(0, 0, 2)}, {"rows", rows({-1, 0})}},
       "rows[0]: answers for row -1"},
      {{{"embeddings", five.slice(0, 0, 2)}, {"rows", rows({3, 3})}},
       "rows[1]: answers for row 3, as rows[0] does"},
      {{{"embeddings", five.slice(0, 0, 2)}, {"rows", torch::zeros({2})}},
       "rows is Float (2), expected one dimension of int64"},
  };
  for (const auto& [tensors, message] : wrong) {
    INFO(message);
    CHECK_THROWS_WITH(place.read(tensors), ContainsSubstring(message));
    CHECK_THROWS_AS(place.read(tensors), base::DataError);
  }
  std::ofstream(place.file("o.csv")) << "1,2\n";
  CHECK_THROWS_AS(TeacherOutputs(place.file("o.csv"), two_classes(), kFiles), base::ConfigError);
  std::ofstream(place.file("none.jsonl")) << "{\"row\": 1}\n";
  CHECK_THROWS_WITH(TeacherOutputs(place.file("none.jsonl"), two_classes(), kFiles),
                    ContainsSubstring("neither an embedding nor a prediction"));
}

TEST_CASE("given probabilities teach as logits at every temperature", "[outputs]") {
  // CE(p^(1/T) / sum, softmax(l^S/T)) T^2, worked out from the probabilities themselves.
  const Place place;
  const auto p = torch::softmax(2 * tests::normal(5, 2, 3), 1);
  const auto outputs = place.read({{"probabilities", p}});
  const auto logits = outputs.logits_of(rows_of_file({0, 1, 2, 3, 4}));
  const auto student = tests::normal(5, 2, 4);
  for (const double t : {1.0, 3.0, 10.0}) {
    const auto powers = p.to(torch::kFloat64).pow(1 / t);
    const auto softened = powers / powers.sum(1, true);
    const auto expected =
        -(softened * torch::log_softmax(student.to(torch::kFloat64) / t, 1)).sum(1).mean() * t * t;
    CHECK(losses::soft_cross_entropy(logits, student, t).item<double>() ==
          Approx(expected.item<double>()).epsilon(1e-6));
  }
}

TEST_CASE("where no teacher answers, the gold label does, at every temperature", "[outputs]") {
  const auto rows = rows_of_file({0, 1, 2});
  auto logits = tests::normal(3, 2, 5);
  logits[1] = NAN;
  const auto filled = with_gold_labels(logits, rows, base::TaskKind::kClassification);
  CHECK(torch::equal(filled[0], logits[0]));
  for (const double t : {1.0, 10.0, 50.0}) {
    CHECK(torch::equal(torch::softmax(filled[1] / t, 0), torch::tensor({0.0F, 1.0F})));
  }
  auto unlabelled = rows;
  unlabelled.labels[1] = NAN;
  CHECK_THROWS_WITH(with_gold_labels(logits, unlabelled, base::TaskKind::kClassification),
                    ContainsSubstring("data row 1 has no label and no teacher's answer"));
  const auto scores = with_gold_labels(torch::full({3, 1}, NAN), rows, base::TaskKind::kRegression);
  CHECK(torch::equal(scores.squeeze(1), torch::tensor({0.0F, 1.0F, 0.0F})));
}

TEST_CASE("a knowledge base may lack as many training rows as it says", "[outputs]") {
  retrieval::KnowledgeBase kb;
  kb.embeddings = models::unit_rows(tests::normal(2, 4, 1));
  kb.logits = tests::normal(2, 2, 2);
  const auto all = rows_of_file({0, 1, 2});
  kb.ids = {all.id(2), all.id(0)};
  CHECK_THROWS_AS(rows_in_knowledge_base(kb, "kb", all), base::DataError);
  kb.provenance.rows_without_key = 1;
  const auto places = rows_in_knowledge_base(kb, "kb", all);
  CHECK(torch::equal(places, torch::tensor({1, -1, 0}, torch::kInt64)));
  const auto logits = logits_in_knowledge_base(kb, places, all, base::TaskKind::kClassification);
  CHECK(torch::equal(logits[0], kb.logits[1]));
  CHECK(torch::equal(logits[1], torch::tensor({data::kLogitOfZero, 0.0F})));  // the label 1
  CHECK_THROWS_AS(rows_in_knowledge_base(kb, "kb", rows_of_file({0, 1, 2, 3})), base::DataError);
}

TEST_CASE("keys as they are given have the length 1", "[outputs]") {
  KeyMaker maker;
  maker.space = Space::kGiven;
  const auto x = tests::normal(3, 4, 6);
  CHECK(torch::allclose(maker.keys({x, {}, {}, {}}), models::unit_rows(x), 0, 1e-7));
  CHECK_FALSE(maker.reads_pretrained());
  CHECK(to_string(maker.space) == "given");
}

TEST_CASE("a given teacher round-trips, and a changed file is noticed", "[outputs]") {
  const Place place;
  const auto directory = place.directory.path();
  CHECK_FALSE(is_given_teacher(directory));
  data::TaskSettings settings;
  settings.task = data::glue_task("sst2");
  settings.max_seq_length = 48;
  std::ofstream(place.file("o.jsonl")) << "a";
  const std::string sha256 = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";
  save_given_teacher({place.file("o.jsonl").string(), sha256, 12}, settings, directory);
  CHECK(is_given_teacher(directory));
  CHECK(embedding_width(directory) == 12);
  CHECK(load_given_teacher(directory).sha256 == sha256);
  CHECK(settings_of_given_teacher(directory).max_seq_length == 48);
  CHECK_NOTHROW(check_outputs_unchanged(directory));
  std::ofstream(place.file("o.jsonl")) << "b";
  CHECK_THROWS_WITH(check_outputs_unchanged(directory), ContainsSubstring("run reaugkd project"));
  std::filesystem::remove(place.file("o.jsonl"));
  CHECK_NOTHROW(check_outputs_unchanged(directory));
  CHECK_THROWS_WITH(models::load_config(directory), ContainsSubstring("holds no model"));
  std::ofstream(directory / models::kGivenTeacherFile) << "{\"format\": 2}";
  CHECK_THROWS_WITH(load_given_teacher(directory), ContainsSubstring("format 2, supported is 1"));
  std::ofstream(directory / models::kGivenTeacherFile)
      << R"({"format": 1, "outputs": "o", "outputs_sha256": "s", "width": -1})";
  CHECK_THROWS_AS(load_given_teacher(directory), base::ArtifactError);
}

}  // namespace
}  // namespace reaugkd::distill
