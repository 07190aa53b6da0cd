#include "stages/project_teacher.h"

#include "base/error.h"
#include "base/sha256.h"
#include "distill/given_teacher.h"
#include "distill/key_maker.h"
#include "stages/teacher_outputs.h"

namespace reaugkd::stages {
namespace {

class ModelTeacher : public ProjectTeacher {
 public:
  ModelTeacher(const ProjectOptions& options, const data::TaskData& data,
               const tensor::Compute& compute)
      : directory_(options.teacher),
        batch_size_(options.eval_batch_size),
        data_(data),
        compute_(compute),
        model_(train::load_trained(options.teacher, data.settings, options.embedding)) {}

  std::int64_t width() const override { return model_.config.hidden_size; }
  const data::TaskData& known() const override { return data_; }
  train::Features features(const data::Dataset& rows) override {
    return train::compute_features(model_, rows, data_.settings, compute_, batch_size_);
  }
  void put_away() override { model_.classifier->to(torch::kCPU); }
  void save(const std::filesystem::path& output) const override {
    train::save_model(model_, data_.settings, output);
    carry_teacher_run(directory_, output);
  }
  void report(base::Json& metrics) const override { (void)metrics; }

 private:
  std::string directory_;
  std::int64_t batch_size_;
  const data::TaskData& data_;
  tensor::Compute compute_;
  train::Model model_;
};

class OutputsTeacher : public ProjectTeacher {
 public:
  OutputsTeacher(const ProjectOptions& options, data::TaskData& data, run::RunDirectory& run)
      : path_(std::filesystem::absolute(options.teacher_outputs)),
        embeddings_(options.space != distill::to_string(distill::Space::kPretrained)),
        outputs_(read_outputs(options.teacher_outputs, data, run)) {
    if (embeddings_ && !outputs_->has_embeddings()) {
      throw base::DataError(
          "{}: has no embeddings, which --space {} projects: add them, or let a pretrained encoder "
          "make the keys: --space pretrained --pretrained MODEL",
          options.teacher_outputs, options.space);
    }
    unanswered_ = take_out_unanswered(*outputs_, embeddings_, data);
    known_ = embeddings_ ? embedded_part(*outputs_, data) : data;
    width_ = embeddings_ ? outputs_->width() : 0;
  }

  std::int64_t width() const override { return width_; }
  const data::TaskData& known() const override { return known_; }
  train::Features features(const data::Dataset& rows) override {
    return features_of(*outputs_, embeddings_, rows);
  }
  void put_away() override { outputs_.reset(); }
  void save(const std::filesystem::path& output) const override {
    distill::save_given_teacher({path_.string(), base::sha256_of_file(path_), width_},
                                known_.settings, output);
  }
  void report(base::Json& metrics) const override {
    metrics["rows_without_embedding"] = unanswered_.without_embedding;
    metrics["rows_without_prediction"] = unanswered_.without_prediction;
    metrics["rows_left_out"] = unanswered_.left_out;
  }

 private:
  std::filesystem::path path_;
  bool embeddings_;                                 // whether the space reads them
  std::optional<distill::TeacherOutputs> outputs_;  // until they are put away
  std::int64_t width_ = 0;
  Unanswered unanswered_;
  data::TaskData known_;
};

}  // namespace

std::unique_ptr<ProjectTeacher> model_teacher(const ProjectOptions& options,
                                              const data::TaskData& data,
                                              const tensor::Compute& compute) {
  return std::make_unique<ModelTeacher>(options, data, compute);
}

std::unique_ptr<ProjectTeacher> outputs_teacher(const ProjectOptions& options, data::TaskData& data,
                                                run::RunDirectory& run) {
  return std::make_unique<OutputsTeacher>(options, data, run);
}

}  // namespace reaugkd::stages
