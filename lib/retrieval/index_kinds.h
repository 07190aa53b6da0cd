// The names of the table of indexes (indexes.h), for what reads kb.json without LibTorch.
#pragma once

#include <string>
#include <vector>

namespace reaugkd::retrieval {

/// The kinds in the order of the table.
std::vector<std::string> index_kinds();

}  // namespace reaugkd::retrieval
