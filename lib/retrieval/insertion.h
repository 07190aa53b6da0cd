// Keys on their way into an index, by one thread or several.
#pragma once

#include <cstdint>
#include <functional>

namespace reaugkd::retrieval {

/// Calls add(place) for each place of [begin, end): in order by one thread, or as they come by
/// several. Shows progress. Throws what `add` throws, and Interrupted.
void insert_places(std::int64_t begin, std::int64_t end, int threads,
                   const std::function<void(std::int64_t place)>& add);

}  // namespace reaugkd::retrieval
