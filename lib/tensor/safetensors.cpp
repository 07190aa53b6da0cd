#include "tensor/safetensors.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "core/error.h"
#include "core/file.h"
#include "core/json.h"

namespace reaugkd::tensor {
namespace {

using core::ArtifactError;
using core::IoError;

constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // the limit of the reference reader

struct DtypeName {
  const char* name;
  torch::ScalarType dtype;
};
constexpr std::array<DtypeName, 10> kDtypes = {{{"F64", torch::kFloat64},
                                                {"F32", torch::kFloat32},
                                                {"F16", torch::kFloat16},
                                                {"BF16", torch::kBFloat16},
                                                {"I64", torch::kInt64},
                                                {"I32", torch::kInt32},
                                                {"I16", torch::kInt16},
                                                {"I8", torch::kInt8},
                                                {"U8", torch::kUInt8},
                                                {"BOOL", torch::kBool}}};

torch::ScalarType dtype_from_name(const std::string& name, const std::string& where) {
  for (const auto& entry : kDtypes) {
    if (name == entry.name) return entry.dtype;
  }
  throw ArtifactError(
      "{}: dtype {} is not supported (F64, F32, F16, BF16, I64, I32, I16, I8, U8, BOOL)", where,
      name);
}

std::string name_of_dtype(torch::ScalarType dtype) {
  for (const auto& entry : kDtypes) {
    if (dtype == entry.dtype) return entry.name;
  }
  throw core::InternalError("no safetensors name for dtype {}", torch::toString(dtype));
}

/// A file mapped privately and read-only in effect: writes to it stay in this process.
class Mapping {
 public:
  explicit Mapping(const std::filesystem::path& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) throw IoError("{}: cannot be opened: {}", path.string(), strerror(errno));
    struct stat info {};
    const bool regular = ::fstat(file, &info) == 0 && S_ISREG(info.st_mode);
    size_ = regular ? static_cast<std::size_t>(info.st_size) : 0;
    void* address = MAP_FAILED;
    if (size_ > 0) {
      address =
          ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file, 0);
    }
    ::close(file);
    if (!regular) throw IoError("{}: is not a regular file", path.string());
    if (size_ > 0 && address == MAP_FAILED) {
      throw IoError("{}: cannot be mapped: {}", path.string(), strerror(errno));
    }
    bytes_ = size_ > 0 ? static_cast<char*>(address) : nullptr;
  }
  ~Mapping() {
    if (bytes_ != nullptr) ::munmap(bytes_, size_);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  char* bytes() const { return bytes_; }
  std::uint64_t size() const { return size_; }

 private:
  char* bytes_ = nullptr;
  std::size_t size_ = 0;
};

core::Json parse_header(const Mapping& file, std::uint64_t& data_start, const std::string& where) {
  std::uint64_t header_bytes = 0;
  if (file.size() < sizeof header_bytes) {
    throw ArtifactError("{}: {} bytes are too few for a safetensors file", where, file.size());
  }
  std::memcpy(&header_bytes, file.bytes(), sizeof header_bytes);
  if (header_bytes > kMaxHeaderBytes || header_bytes > file.size() - sizeof header_bytes) {
    throw ArtifactError(
        "{}: the header says it is {} bytes long, but the file has {} bytes: it is truncated "
        "or not a safetensors file",
        where, header_bytes, file.size());
  }
  data_start = sizeof header_bytes + header_bytes;
  const char* text = file.bytes() + sizeof header_bytes;
  auto header = core::Json::parse(text, text + header_bytes, nullptr, /*allow_exceptions=*/false);
  if (!header.is_object()) throw ArtifactError("{}: the header is not a JSON object", where);
  return header;
}

struct Entry {
  std::string name;
  torch::ScalarType dtype = torch::kFloat32;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

Entry parse_entry(const std::string& name, const core::Json& value, std::uint64_t data_bytes,
                  const std::string& file) {
  const std::string where = fmt::format("{}: tensor {}", file, name);
  Entry entry;
  entry.name = name;
  entry.dtype = dtype_from_name(core::json_at<std::string>(value, "dtype", where), where);
  entry.shape = core::json_at<std::vector<std::int64_t>>(value, "shape", where);
  const auto offsets = core::json_at<std::vector<std::int64_t>>(value, "data_offsets", where);
  if (offsets.size() != 2 || offsets[0] < 0 || offsets[1] < offsets[0]) {
    throw ArtifactError("{}: data_offsets {} are no range", where, value.at("data_offsets").dump());
  }
  entry.begin = static_cast<std::uint64_t>(offsets[0]);
  entry.end = static_cast<std::uint64_t>(offsets[1]);
  if (entry.end > data_bytes) {
    throw ArtifactError("{}: ends at byte {} of {}: the file is truncated", where, entry.end,
                        data_bytes);
  }
  std::uint64_t bytes = torch::elementSize(entry.dtype);
  for (const auto size : entry.shape) {
    if (size < 0 || __builtin_mul_overflow(bytes, static_cast<std::uint64_t>(size), &bytes)) {
      throw ArtifactError("{}: shape {} is impossible", where, value.at("shape").dump());
    }
  }
  if (bytes != entry.end - entry.begin) {
    throw ArtifactError("{}: dtype and shape need {} bytes, data_offsets span {}", where, bytes,
                        entry.end - entry.begin);
  }
  return entry;
}

void check_layout(std::vector<Entry>& entries, std::uint64_t data_bytes, const std::string& where) {
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  std::uint64_t next = 0;
  for (const auto& entry : entries) {
    if (entry.begin != next) {
      throw ArtifactError(
          "{}: tensor {} begins at byte {}, expected {}: tensors overlap or leave a "
          "hole",
          where, entry.name, entry.begin, next);
    }
    next = entry.end;
  }
  if (next != data_bytes) {
    throw ArtifactError("{}: {} bytes follow the last tensor", where, data_bytes - next);
  }
}

}  // namespace

TensorMap load_safetensors(const std::filesystem::path& path) {
  const std::string where = path.string();
  const auto file = std::make_shared<Mapping>(path);
  std::uint64_t data_start = 0;
  const core::Json header = parse_header(*file, data_start, where);
  const std::uint64_t data_bytes = file->size() - data_start;

  std::vector<Entry> entries;
  for (const auto& [name, value] : header.items()) {
    if (name != "__metadata__") entries.push_back(parse_entry(name, value, data_bytes, where));
  }
  check_layout(entries, data_bytes, where);

  TensorMap tensors;
  for (const auto& entry : entries) {
    char* data = file->bytes() + data_start + entry.begin;
    const auto options = torch::TensorOptions().dtype(entry.dtype);
    if (entry.begin == entry.end) {
      tensors[entry.name] = torch::empty(entry.shape, options);
    } else if ((data_start + entry.begin) % torch::elementSize(entry.dtype) == 0) {
      tensors[entry.name] = torch::from_blob(
          data, entry.shape, [file](void*) {}, options);
    } else {  // a header of odd length: no aligned view is possible
      auto copy = torch::empty(entry.shape, options);
      std::memcpy(copy.data_ptr(), data, entry.end - entry.begin);
      tensors[entry.name] = copy;
    }
  }
  return tensors;
}

std::map<std::string, std::string> load_metadata(const std::filesystem::path& path) {
  std::uint64_t data_start = 0;
  const core::Json header = parse_header(Mapping(path), data_start, path.string());
  std::map<std::string, std::string> metadata;
  if (!header.contains("__metadata__")) return metadata;
  for (const auto& [name, value] : header["__metadata__"].items()) {
    if (!value.is_string()) {
      throw ArtifactError("{}: __metadata__ holds {}, expected a string", path.string(),
                          value.dump());
    }
    metadata[name] = value.get<std::string>();
  }
  return metadata;
}

void save_safetensors(const std::filesystem::path& path, const TensorMap& tensors,
                      const std::map<std::string, std::string>& metadata) {
  core::Json header = core::Json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  // Wide types first, as the reference writer does: every tensor stays aligned.
  std::vector<std::pair<std::string, torch::Tensor>> ordered(tensors.begin(), tensors.end());
  std::stable_sort(ordered.begin(), ordered.end(), [](const auto& a, const auto& b) {
    return a.second.element_size() > b.second.element_size();
  });
  std::uint64_t offset = 0;
  for (auto& [name, value] : ordered) {
    value = value.detach().to(torch::kCPU).contiguous();
    const std::uint64_t bytes = value.numel() * value.element_size();
    header[name] = {{"dtype", name_of_dtype(value.scalar_type())},
                    {"shape", value.sizes().vec()},
                    {"data_offsets", {offset, offset + bytes}}};
    offset += bytes;
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  const std::uint64_t header_bytes = text.size();

  core::AtomicFile file(path);
  file.write(&header_bytes, sizeof header_bytes);
  file.write(text);
  for (const auto& [name, value] : ordered) {
    file.write(value.data_ptr(), value.numel() * value.element_size());
  }
  file.commit();
}

torch::Tensor take(const TensorMap& tensors, const std::string& name, torch::ScalarType dtype,
                   torch::IntArrayRef shape, const std::string& where) {
  const auto found = tensors.find(name);
  if (found == tensors.end()) throw ArtifactError("{}: tensor {} is missing", where, name);
  const torch::Tensor& value = found->second;
  bool fits =
      value.scalar_type() == dtype && value.dim() == static_cast<std::int64_t>(shape.size());
  for (std::size_t i = 0; fits && i < shape.size(); ++i) {
    fits = shape[i] < 0 || value.size(static_cast<std::int64_t>(i)) == shape[i];
  }
  if (!fits) {
    throw ArtifactError("{}: tensor {} is {} ({}), expected {} ({})", where, name,
                        torch::toString(value.scalar_type()), fmt::join(value.sizes(), ", "),
                        torch::toString(dtype), fmt::join(shape, ", "));
  }
  return value;
}

}  // namespace reaugkd::tensor
