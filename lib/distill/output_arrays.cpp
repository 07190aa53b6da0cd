#include "distill/output_arrays.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "base/error.h"
#include "base/json.h"
#include "base/names.h"
#include "data/distribution.h"
#include "tensor/npy.h"

namespace reaugkd::distill {
namespace {

namespace fs = std::filesystem;
using base::DataError;
using tensor::TensorMap;

constexpr const char* kEmbeddings = "embeddings";
constexpr const char* kLogits = "logits";
constexpr const char* kProbabilities = "probabilities";
constexpr const char* kRows = "rows";
constexpr std::array kNames = {kEmbeddings, kLogits, kProbabilities, kRows};

/// What the one array of a .npy file is.
const char* name_of_array(const fs::path& path) {
  const std::string stem = path.stem().string();
  for (const char* name : {kLogits, kProbabilities}) {
    if (stem.ends_with(name)) return name;
  }
  return kEmbeddings;
}

TensorMap load_arrays(const fs::path& path) {
  const auto suffix = path.extension();
  if (suffix == ".npy") return {{name_of_array(path), tensor::load_npy(path)}};
  return suffix == ".npz" ? tensor::load_npz(path) : tensor::load_safetensors(path);
}

class ArrayReader {
 public:
  ArrayReader(const fs::path& path, const data::Task& task,
              const std::vector<data::AnsweredFile>& files)
      : where_(path.string()), task_(task), files_(files), arrays_(load_arrays(path)) {}

  OutputArrays read() {
    check_names();
    OutputArrays outputs;
    outputs.rows = rows();
    outputs.embeddings = matrix(kEmbeddings, -1);
    const std::int64_t classes = task_.num_labels();
    outputs.logits = matrix(kLogits, classes);
    if (arrays_.contains(kProbabilities)) outputs.logits = logits_of_probabilities(classes);
    return outputs;
  }

 private:
  void check_names() const {
    for (const auto& [name, value] : arrays_) {
      if (std::ranges::find(kNames, name) != kNames.end()) continue;
      throw DataError("{}: has an array \"{}\"{}; known are {}", where_, base::json_text(name),
                      base::did_you_mean(name, {kNames.begin(), kNames.end()}),
                      fmt::join(kNames, ", "));
    }
    if (arrays_.contains(kLogits) && arrays_.contains(kProbabilities)) {
      throw DataError("{}: has both logits and probabilities: leave one of them out", where_);
    }
    if (arrays_.size() > (arrays_.contains(kRows) ? 1 : 0)) return;
    throw DataError("{}: has none of the arrays embeddings, logits and probabilities", where_);
  }

  /// The rows that all arrays stand for.
  std::vector<base::ExampleId> rows() {
    const auto n = number_of_rows();
    const auto found = arrays_.find(kRows);
    const auto& file = files_.front();
    if (found == arrays_.end() && n != file.rows) {
      throw DataError(
          "{}: has {} rows and no array \"rows\", so row i is data row i, but {} has {} data rows: "
          "give an answer for each, or the array \"rows\" with their numbers (int64, from 0)",
          where_, n, file.path.string(), file.rows);
    }
    torch::Tensor numbers = torch::arange(n, torch::kInt64);
    if (found != arrays_.end()) {
      const auto type = found->second.scalar_type();
      if (found->second.dim() != 1 || (type != torch::kInt64 && type != torch::kInt32)) {
        refuse_shape(kRows, found->second, "one dimension of int64");
      }
      numbers = found->second.to(torch::kInt64).contiguous();
    }
    return distinct(numbers);
  }
  std::int64_t number_of_rows() const {
    std::string first;
    std::int64_t n = -1;
    for (const auto& [name, value] : arrays_) {
      const auto own = value.dim() == 0 ? 0 : value.size(0);
      if (n < 0) {
        first = name;
        n = own;
      }
      if (own == n) continue;
      throw DataError("{}: {} has {} rows, {} has {}: expected as many", where_, name, own, first,
                      n);
    }
    if (n < 1) throw DataError("{}: has no rows", where_);
    return n;
  }
  std::vector<base::ExampleId> distinct(const torch::Tensor& numbers) const {
    std::vector<base::ExampleId> rows;
    std::unordered_map<std::int64_t, std::int64_t> place_of;
    const auto* values = numbers.data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < numbers.numel(); ++i) {
      const std::string where = fmt::format("{}: rows[{}]", where_, i);
      rows.push_back(data::answered_row(values[i], files_, where));
      const auto [known, added] = place_of.emplace(values[i], i);
      if (added) continue;
      throw DataError("{}: answers for row {}, as rows[{}] does already: expected each once", where,
                      values[i], known->second);
    }
    return rows;
  }

  [[noreturn]] void refuse_shape(const char* name, const torch::Tensor& value,
                                 const std::string& expected) const {
    throw DataError("{}: {} is {} ({}), expected {}", where_, name,
                    torch::toString(value.scalar_type()), fmt::join(value.sizes(), ", "), expected);
  }

  /// The array as fp32, checked; undefined where there is none. `width` -1: any.
  torch::Tensor matrix(const char* name, std::int64_t width) const {
    const auto found = arrays_.find(name);
    if (found == arrays_.end()) return {};
    const auto& value = found->second;
    if (value.dim() != 2 || value.size(1) < 1 || !value.is_floating_point()) {
      refuse_shape(name, value, "two dimensions of fp16, fp32 or fp64");
    }
    if (width >= 0 && value.size(1) != width) {
      throw DataError("{}: {} has {} columns, the task {} has {}", where_, name, value.size(1),
                      task_.name,
                      task_.regression()
                          ? std::string("scores: expected 1")
                          : fmt::format("{} classes ({})", width, base::few_names(task_.labels)));
    }
    const auto rows = value.to(torch::kFloat32).contiguous();
    const auto* values = rows.data_ptr<float>();
    for (std::int64_t i = 0; i < rows.numel(); ++i) {  // isfinite() would take memory twice
      if (std::isfinite(values[i])) continue;
      throw DataError("{}: {}[{}, {}] is {}, expected a finite number (fp32)", where_, name,
                      i / rows.size(1), i % rows.size(1), values[i]);
    }
    return rows;
  }

  torch::Tensor logits_of_probabilities(std::int64_t classes) const {
    if (task_.regression()) {
      throw DataError("{}: has probabilities, but the task {} has scores: give logits (n, 1)",
                      where_, task_.name);
    }
    auto logits = matrix(kProbabilities, classes).clone();
    auto* values = logits.data_ptr<float>();
    for (std::int64_t i = 0; i < logits.size(0); ++i) {
      const std::span<float> row(values + i * classes, static_cast<std::size_t>(classes));
      if (const auto why = data::why_no_distribution(row); !why.empty()) {
        throw DataError("{}: probabilities[{}]: {}", where_, i, why);
      }
      data::take_logits(row);
    }
    return logits;
  }

  std::string where_;
  const data::Task& task_;
  const std::vector<data::AnsweredFile>& files_;
  TensorMap arrays_;
};

}  // namespace

bool holds_arrays(const fs::path& path) {
  const auto suffix = path.extension();
  return suffix == ".safetensors" || suffix == ".npy" || suffix == ".npz";
}

OutputArrays read_output_arrays(const fs::path& path, const data::Task& task,
                                const std::vector<data::AnsweredFile>& files) {
  return ArrayReader(path, task, files).read();
}

}  // namespace reaugkd::distill
