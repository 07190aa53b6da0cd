#include "train/token_cache.h"

#include <spdlog/spdlog.h>
#include <torch/torch.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/progress.h"
#include "base/sha256.h"
#include "base/version.h"
#include "parallel/ranks.h"
#include "tensor/safetensors.h"

namespace reaugkd::train {
namespace {

namespace fs = std::filesystem;
using tensor::TensorMap;

constexpr std::int64_t kRowsOfFile = 1 << 14;
constexpr const char* kDigest = "sha256";  // of a file's tensors, in its metadata

/// A new folder in `parent`, which goes with this.
class ScratchFolder {
 public:
  explicit ScratchFolder(const fs::path& parent) {
    std::string name =
        (parent / (std::string("tokens") + base::kTemporaryMark + "XXXXXX")).string();
    if (::mkdtemp(name.data()) == nullptr) {
      throw base::IoError("{}: no folder can be made there: {}", parent.string(), strerror(errno));
    }
    path_ = name;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    throw base::IoError("`token_cache`: {} cannot be created: {}", folder.string(),
                        error.message());
  }
}

/// The sha256 of the files that the tokenizer consists of.
std::string digest_of(const text::Tokenizer& tokenizer) {
  std::error_code error;
  const fs::path scratch = fs::temp_directory_path(error);
  if (error) throw base::IoError("TMPDIR: it names no folder: set it to one that is there");
  const ScratchFolder folder(scratch);
  tokenizer.save(folder.path());
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder.path())) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  base::Sha256 digest;
  for (const auto& file : files) {
    digest.update(file.filename().string() + '\0' + base::sha256_of_file(file));
  }
  return digest.hex();
}

/// Of the texts in their order, each with its length before it.
std::string digest_of(const base::TextColumn& texts) {
  base::Sha256 digest;
  for (const std::string_view text : texts) {
    const std::uint64_t size = text.size();
    digest.update({reinterpret_cast<const char*>(&size), sizeof size});
    digest.update(text);
  }
  return digest.hex();
}

/// All that the ids depend on, as the name of a folder.
std::string key_of(const text::Tokenizer& tokenizer, const data::Dataset& dataset,
                   std::int64_t max_seq_length) {
  return base::sha256(base::Json({{"program", base::version()},
                                  {"text_a", digest_of(dataset.text_a)},
                                  {"text_b", digest_of(dataset.text_b)},
                                  {"tokenizer", digest_of(tokenizer)},
                                  {"max_seq_length", max_seq_length},
                                  {"rows_of_file", kRowsOfFile}})
                          .dump())
      .substr(0, 32);
}

fs::path file_of(const fs::path& folder, std::int64_t file) {
  return folder / fmt::format("{:05}.safetensors", file);
}

std::string digest_of(const TensorMap& tensors) {
  base::Sha256 digest;
  for (const auto& [name, value] : tensors) {
    digest.update(name);
    digest.update({static_cast<const char*>(value.data_ptr()),
                   static_cast<std::size_t>(value.numel() * value.element_size())});
  }
  return digest.hex();
}

template <typename T>
torch::Tensor tensor_of(std::vector<T>& values, torch::ScalarType dtype) {
  return torch::from_blob(values.data(), {static_cast<std::int64_t>(values.size())}, dtype);
}

/// Written elsewhere in the folder first: other processes may write the same file.
void save(text::EncodedRows rows, const fs::path& path) {
  const TensorMap tensors = {{"input_ids", tensor_of(rows.input_ids, torch::kInt32)},
                             {"lengths", tensor_of(rows.lengths, torch::kInt32)},
                             {"first_segments", tensor_of(rows.first_segments, torch::kInt32)},
                             {"truncated", tensor_of(rows.truncated, torch::kUInt8)}};
  const ScratchFolder folder(path.parent_path());
  const fs::path whole = folder.path() / path.filename();
  tensor::save_safetensors(whole, tensors, {{kDigest, digest_of(tensors)}});
  std::error_code error;
  fs::rename(whole, path, error);
  if (error) {
    throw base::IoError("{}: cannot be written: {}", path.string(), error.message());
  }
}

/// A file's tensors, of so many rows. Throws ArtifactError where they do not fit one another.
TensorMap load(const fs::path& path, std::int64_t rows) {
  TensorMap tensors = tensor::load_safetensors(path);
  const std::string where = path.string();
  const auto ids = tensor::take(tensors, "input_ids", torch::kInt32, {-1}, where);
  const auto lengths = tensor::take(tensors, "lengths", torch::kInt32, {rows}, where);
  const auto first = tensor::take(tensors, "first_segments", torch::kInt32, {rows}, where);
  tensor::take(tensors, "truncated", torch::kUInt8, {rows}, where);
  const bool fit = (first >= 0).logical_and(first <= lengths).all().item<bool>() &&
                   lengths.sum().item<std::int64_t>() == ids.numel();
  if (!fit) throw base::ArtifactError("{}: lengths do not fit the token ids", where);
  return tensors;
}

/// Whether the file of so many rows is there and whole.
bool is_there(const fs::path& path, std::int64_t rows) {
  if (!fs::exists(path)) return false;
  try {
    const TensorMap tensors = load(path, rows);
    const auto metadata = tensor::load_metadata(path);
    const auto digest = metadata.find(kDigest);
    if (digest == metadata.end() || digest->second != digest_of(tensors)) {
      throw base::ArtifactError("{}: its bytes are not those that were written", path.string());
    }
    return true;
  } catch (const base::Error& error) {
    spdlog::warn("token cache: {}: it is made again", error.what());
    return false;
  }
}

template <typename T>
std::vector<T> values_of(const TensorMap& tensors, const char* name) {
  const torch::Tensor& value = tensors.at(name);
  const T* first = static_cast<const T*>(value.data_ptr());
  return {first, first + value.numel()};
}

}  // namespace

text::EncodedDataset encode_with_cache(const fs::path& cache, const text::Tokenizer& tokenizer,
                                       const data::Dataset& dataset, std::int64_t max_seq_length,
                                       int threads) {
  const fs::path folder = cache / key_of(tokenizer, dataset, max_seq_length);
  make_folder(folder);
  const std::int64_t files = (dataset.size() + kRowsOfFile - 1) / kRowsOfFile;
  const auto begin_of = [&](std::int64_t file) {
    return std::min(file * kRowsOfFile, dataset.size());
  };
  {
    base::Progress progress("token ids", dataset.size(), "rows");
    for (std::int64_t file = parallel::rank(); file < files; file += parallel::size()) {
      const std::int64_t begin = begin_of(file);
      const std::int64_t end = begin_of(file + 1);
      if (!is_there(file_of(folder, file), end - begin)) {
        save(text::encode_rows(tokenizer, dataset.text_a, dataset.text_b,
                               static_cast<std::size_t>(begin), static_cast<std::size_t>(end),
                               max_seq_length, threads),
             file_of(folder, file));
      }
      progress.update(end);
    }
  }
  parallel::largest(0);  // every rank has written its files
  text::EncodedDataset encoded;
  const auto kept = std::make_shared<std::vector<torch::Tensor>>();
  encoded.keep_alive(kept);
  for (std::int64_t file = 0; file < files; ++file) {
    if (parallel::size() > 1 && !fs::exists(file_of(folder, file))) {
      throw base::ConfigError(
          "`token_cache` {}: {}, which another rank has written, is not there: give a folder that "
          "all ranks see",
          cache.string(), file_of(folder, file).string());
    }
    const TensorMap tensors = load(file_of(folder, file), begin_of(file + 1) - begin_of(file));
    kept->push_back(tensors.at("input_ids"));
    encoded.add_rows({.input_ids = {},
                      .lengths = values_of<std::int32_t>(tensors, "lengths"),
                      .first_segments = values_of<std::int32_t>(tensors, "first_segments"),
                      .truncated = values_of<std::uint8_t>(tensors, "truncated")},
                     static_cast<const std::int32_t*>(kept->back().data_ptr()));
  }
  return encoded;
}

}  // namespace reaugkd::train
