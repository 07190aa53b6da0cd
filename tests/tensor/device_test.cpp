#include "tensor/device.h"

#include <sched.h>
#include <torch/torch.h>

#include <cstdlib>

#include "base/error.h"
#include "catch.h"
#include "kernels/packed_weights.h"

namespace base = reaugkd::base;
namespace tensor = reaugkd::tensor;

TEST_CASE("by default as many threads as the process may use cores", "[device]") {
  ::unsetenv("OMP_NUM_THREADS");
  cpu_set_t all;
  REQUIRE(::sched_getaffinity(0, sizeof all, &all) == 0);
  CHECK(tensor::available_threads() == CPU_COUNT(&all));
  int first = 0;
  while (!CPU_ISSET(first, &all)) ++first;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  REQUIRE(::sched_setaffinity(0, sizeof one, &one) == 0);
  CHECK(tensor::available_threads() == 1);
  REQUIRE(::sched_setaffinity(0, sizeof all, &all) == 0);
  ::setenv("OMP_NUM_THREADS", "3", 1);
  CHECK(tensor::available_threads() == 3);
  CHECK(tensor::set_threads(0) == 3);
  CHECK(torch::get_num_threads() == 3);
  ::unsetenv("OMP_NUM_THREADS");
  CHECK(tensor::set_threads(2) == 2);
}

TEST_CASE("devices and precisions are parsed, never guessed", "[device]") {
  CHECK(tensor::parse_device("cpu").is_cpu());
  CHECK_THROWS_AS(tensor::parse_device("gpu"), base::ConfigError);
  CHECK_THROWS_AS(tensor::parse_device("cuda:x"), base::ConfigError);
  if (!torch::cuda::is_available()) {
    CHECK(tensor::parse_device("auto").is_cpu());
    CHECK_THROWS_WITH(tensor::parse_device("cuda"), ContainsSubstring("has no CUDA"));
  }
  const torch::Device cpu = torch::kCPU;
  CHECK(tensor::parse_precision("bf16", cpu, false) == tensor::Precision::kBf16);
  CHECK(tensor::parse_precision("auto", cpu, false) == tensor::Precision::kFp32);
  CHECK((tensor::parse_precision("auto", cpu, true) == tensor::Precision::kBf16) ==
        tensor::has_fast_bf16(cpu));
  CHECK_THROWS_AS(tensor::parse_precision("fp16", cpu, true), base::ConfigError);
  CHECK_THROWS_AS(tensor::parse_precision("int8", {torch::kCUDA, 0}, false), base::ConfigError);
  if (reaugkd::kernels::can_pack(reaugkd::kernels::Format::kInt8)) {
    CHECK(tensor::parse_precision("int8", cpu, false) == tensor::Precision::kInt8);
  } else {
    CHECK_THROWS_WITH(tensor::parse_precision("int8", cpu, false), ContainsSubstring("VNNI"));
  }
}

TEST_CASE("autocast computes in bf16 while its guard lives", "[device]") {
  const auto x = torch::randn({4, 4});
  {
    const tensor::AutocastGuard guard(torch::kCPU, tensor::Precision::kBf16);
    CHECK(torch::matmul(x, x).scalar_type() == torch::kBFloat16);
  }
  CHECK(torch::matmul(x, x).scalar_type() == torch::kFloat32);
  const tensor::AutocastGuard guard(torch::kCPU, tensor::Precision::kFp32);
  CHECK(torch::matmul(x, x).scalar_type() == torch::kFloat32);
}
