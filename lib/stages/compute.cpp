#include "stages/compute.h"

#include "parallel/ranks.h"

namespace reaugkd::stages {

tensor::Compute start_compute(const run::RunOptions& options, bool training,
                              run::RunDirectory& run) {
  // If rank 0 has already finished this stage, the other ranks learn it here, before they load
  // models: rank 0 waits for them only a moment.
  parallel::stop_if_any_interrupted();
  tensor::Compute compute;
  compute.device = tensor::parse_device(options.device);
  if (compute.device.is_cuda() && !compute.device.has_index() && parallel::size() > 1) {
    compute.device = tensor::parse_device(fmt::format("cuda:{}", parallel::local_rank()));
  }
  compute.precision = tensor::parse_precision(options.precision, compute.device, training);
  compute.threads = tensor::set_threads(options.threads);
  compute.token_cache = options.token_cache;
  tensor::settle_cuda_choices();
  run.set_machine(compute.device.str(), tensor::to_string(compute.precision),
                  tensor::describe(compute.device), compute.threads);
  return compute;
}

}  // namespace reaugkd::stages
