#include "serving/output.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "base/error.h"

namespace reaugkd::serving {
namespace {

namespace fs = std::filesystem;

class DescriptorOutput final : public Output {
 public:
  explicit DescriptorOutput(int descriptor) : descriptor_(descriptor) {}
  void write(std::string_view text, std::int64_t) override {
    while (!text.empty()) {
      const ssize_t count = ::write(descriptor_, text.data(), text.size());
      if (count >= 0) {
        text.remove_prefix(static_cast<std::size_t>(count));
      } else if (errno == EPIPE) {
        throw ClosedPipe();
      } else if (errno != EINTR) {
        throw base::IoError("the answers cannot be written: {}", std::strerror(errno));
      }
    }
  }

 private:
  int descriptor_;
};

class NoOutput final : public Output {
 public:
  explicit NoOutput(std::int64_t rows_before) : rows_before_(rows_before) {}
  std::int64_t rows_before() const override { return rows_before_; }
  void write(std::string_view, std::int64_t) override {}

 private:
  std::int64_t rows_before_;
};

/// What FILE.partial.json says.
struct Progress {
  std::int64_t rows = 0;
  std::uintmax_t bytes = 0;
};

class FileOutput final : public Output {
 public:
  FileOutput(const fs::path& path, base::Json job, PartialFile partial)
      : path_(path),
        partial_(path.string() + ".partial"),
        record_(path.string() + ".partial.json"),
        job_(std::move(job)) {
    remove_temporaries();
    if (partial == PartialFile::kGoOn && fs::exists(record_)) done_ = recorded();
    file_ = std::make_unique<base::AppendedFile>(partial_, done_.bytes);
    rows_before_ = done_.rows;
    note();
  }
  std::int64_t rows_before() const override { return rows_before_; }

  void write(std::string_view text, std::int64_t rows) override {
    file_->write(text);
    done_ = {rows, done_.bytes + text.size()};
    note();
  }

  void finish() override {
    file_->sync();
    file_.reset();
    std::error_code error;
    fs::rename(partial_, path_, error);
    if (error) {
      throw base::IoError("{}: cannot be renamed to {}: {}", partial_.string(), path_.string(),
                          error.message());
    }
    base::sync_directory(path_.has_parent_path() ? path_.parent_path() : fs::path("."));
    fs::remove(record_, error);
  }

 private:
  /// What a killed job left of a half-written note.
  void remove_temporaries() const {
    const std::string begin = record_.filename().string() + base::kTemporaryMark;
    const auto folder = path_.has_parent_path() ? path_.parent_path() : fs::path(".");
    std::error_code none;
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(folder, none)) {
      if (entry.path().filename().string().starts_with(begin)) found.push_back(entry.path());
    }
    for (const auto& path : found) fs::remove(path, none);
  }
  Progress recorded() const {
    const std::string where = record_.string();
    const auto record = base::read_json(record_);
    const auto job = base::json_at<base::Json>(record, "job", where);
    if (const auto differing = base::differences(job, job_); !differing.empty()) {
      throw base::ConfigError(
          "`resume`: {} is of another job ({}); use its options, or delete the file to begin anew",
          partial_.string(), fmt::join(differing, "; "));
    }
    return {base::json_at<std::int64_t>(record, "rows", where),
            base::json_at<std::uint64_t>(record, "bytes", where)};
  }
  void note() const {
    base::write_json(record_, {{"job", job_}, {"rows", done_.rows}, {"bytes", done_.bytes}});
  }

  fs::path path_, partial_, record_;
  base::Json job_;
  Progress done_;
  std::int64_t rows_before_ = 0;
  std::unique_ptr<base::AppendedFile> file_;
};

}  // namespace

std::unique_ptr<Output> output_to(int descriptor) {
  return std::make_unique<DescriptorOutput>(descriptor);
}

std::unique_ptr<Output> output_to_nobody(std::int64_t rows_before) {
  return std::make_unique<NoOutput>(rows_before);
}

std::unique_ptr<Output> output_to_file(const fs::path& path, const base::Json& job,
                                       PartialFile partial) {
  return std::make_unique<FileOutput>(path, job, partial);
}

}  // namespace reaugkd::serving
