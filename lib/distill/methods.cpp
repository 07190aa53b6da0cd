// The table of distillation methods. Adding one is a line here.
#include "base/error.h"
#include "distill/method.h"

namespace reaugkd::distill {
namespace {

using MakeMethod = std::unique_ptr<Method> (*)();

std::vector<MakeMethod>& table() {
  static std::vector<MakeMethod> methods = {
      make_reaugkd, make_kd,  make_finetune, make_pkd, make_rkd,   make_tinybert,   make_minilm,
      make_takd,    make_rco, make_sftn,     make_dml, make_prokt, make_metadistil,
  };
  return methods;
}

}  // namespace

std::vector<MethodPtr> make_methods() {
  std::vector<MethodPtr> methods;
  for (const auto& make : table()) methods.emplace_back(make());
  return methods;
}

void add_method(std::unique_ptr<Method> (*make)()) {
  const std::string name = make()->info().name;
  for (const auto& method : make_methods()) {
    REAUGKD_CHECK(method->info().name != name, "there is a method {} already", name);
  }
  table().push_back(make);
}

}  // namespace reaugkd::distill
