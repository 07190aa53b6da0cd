#include "distill/further_rows.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "base/error.h"
#include "distill/knowledge_base_rows.h"

namespace reaugkd::distill {
namespace {

/// The rows of `kb` that are not among `train_rows`, in order.
torch::Tensor rows_beside(const MethodContext& context, const retrieval::KnowledgeBase& kb,
                          const torch::Tensor& train_rows) {
  auto beside = torch::ones({kb.size()}, torch::kBool);
  beside.index_fill_(0, train_rows.masked_select(train_rows >= 0), false);
  const auto positions = beside.nonzero().squeeze(1);
  if (positions.numel() < 2) {
    throw base::ConfigError(
        "`align_rows` kb: {} holds {} rows beside those that are trained on, and 2 are needed; add "
        "some with reaugkd build-kb `extend_files`, or take `align_rows` train",
        context.settings.knowledge_base.string(), positions.numel());
  }
  spdlog::info("{} rows of the knowledge base beside the training rows are aligned too",
               positions.numel());
  return positions;
}

data::Dataset texts_of(const retrieval::KnowledgeBase& kb, const torch::Tensor& positions) {
  const auto* first = positions.data_ptr<std::int64_t>();
  return dataset_of(kb).subset({first, first + positions.numel()});
}

}  // namespace

FurtherRows::FurtherRows(const MethodContext& context, const retrieval::KnowledgeBase& kb,
                         const torch::Tensor& train_rows)
    : seed_(context.settings.seed),
      positions_(rows_beside(context, kb, train_rows)),
      student_(context.student.model(), texts_of(kb, positions_), context.data.settings,
               context.compute()) {}

void FurtherRows::begin_step(std::int64_t step) {
  random_.emplace(base::stream_seed(seed_, "further rows", static_cast<std::uint64_t>(step)));
}

FurtherRows::Batch FurtherRows::draw(std::int64_t count) {
  REAUGKD_CHECK(random_.has_value(), "no step has begun");
  const auto drawn = random_->distinct(positions_.numel(), std::min(count, positions_.numel()));
  const auto rows = positions_.index_select(0, torch::tensor(drawn, torch::kInt64));
  return {tensor::send(rows, student_.compute().device), student_.forward(drawn).query};
}

}  // namespace reaugkd::distill
