// The ids of texts, for tests in Python: print_ids DIRECTORY < texts > ids
//
// Reads one text a line, written as a JSON string. Prints a JSON object about the tokenizer first,
// then the ids of each text on a line of its own. With --save FOLDER the tokenizer is saved there
// too.
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "text/tokenizer.h"

namespace {

using reaugkd::text::Tokenizer;

void print_about(const Tokenizer& tokenizer) {
  const auto& special = tokenizer.special_tokens();
  std::cout << nlohmann::json{{"vocab_size", tokenizer.vocab_size()},
                              {"pad", special.pad},
                              {"unk", special.unk},
                              {"cls", special.cls},
                              {"sep", special.sep},
                              {"separators", special.separators}}
                   .dump()
            << '\n';
}

void print_ids(const Tokenizer& tokenizer) {
  std::string line;
  std::string out;
  while (std::getline(std::cin, line)) {
    out.clear();
    for (const auto id : tokenizer.encode(nlohmann::json::parse(line).get<std::string>())) {
      out += std::to_string(id);
      out += ' ';
    }
    std::cout << out << '\n';
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 && !(argc == 4 && std::string(argv[2]) == "--save")) {
    std::cerr << "usage: print_ids DIRECTORY [--save FOLDER] < texts\n";
    return 2;
  }
  std::ios::sync_with_stdio(false);
  spdlog::set_default_logger(spdlog::stderr_logger_mt("print_ids"));  // stdout is for the ids
  try {
    const auto tokenizer = reaugkd::text::load_tokenizer(argv[1]);
    if (argc == 4) tokenizer->save(argv[3]);
    print_about(*tokenizer);
    print_ids(*tokenizer);
  } catch (const reaugkd::base::Error& error) {
    std::cerr << error.what() << '\n';
    return error.exit_code();
  }
}
