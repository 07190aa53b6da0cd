#include "stages/predict.h"

#include "command_line.h"

namespace reaugkd::apps {

Command predict_command() {
  Command command = make_command("predict", "Answer for new texts", &stages::run_predict);
  command.footer = [](const Command::ValueOf&) {
    return std::string(
        "Examples:\n"
        "  echo 'my card is late' | reaugkd predict --model FOLDER\n"
        "  reaugkd predict --model FOLDER new.csv --text-column message --output answers.csv\n"
        "  reaugkd predict --model student --kb kb --eval eval --details < texts.txt");
  };
  return command;
}

}  // namespace reaugkd::apps
