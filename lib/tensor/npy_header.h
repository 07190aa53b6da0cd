// The headers of NumPy's files, .npy (one array) and .npz (a zip archive of such), read and checked
// without LibTorch: so tests/fuzz can give them to libFuzzer. Used by npy.cpp alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace reaugkd::tensor {

struct NpyHeader {
  std::string descr;  // NumPy's name of the dtype: "<f2", "<f4", "<f8", "<i4" or "<i8"
  std::uint64_t item_bytes = 0;
  bool fortran_order = false;       // the first index runs fastest
  std::vector<std::int64_t> shape;  // empty: a single number
  std::uint64_t data_start = 0;     // in the bytes
};

/// Parses the header of the array whose bytes these are; the data is the rest of them. Throws
/// ArtifactError naming `where` and what is wrong: no .npy file, another version, a dtype that is
/// not supported (objects, structures, another byte order), data of another size than the shape
/// says.
NpyHeader parse_npy_header(std::string_view bytes, const std::string& where);

/// One file in a zip archive, not compressed.
struct ZipEntry {
  std::string name;  // "embeddings.npy"
  std::uint64_t begin = 0;
  std::uint64_t size = 0;
};

/// The files in the archive whose bytes these are, in its order; no two overlap with the end of
/// the archive. Throws ArtifactError naming `where`: no zip archive or a truncated one, a
/// compressed or encrypted file, offsets outside the archive, a name twice.
std::vector<ZipEntry> parse_zip(std::string_view bytes, const std::string& where);

}  // namespace reaugkd::tensor
