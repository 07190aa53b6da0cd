#include "stages/teacher_finetune.h"

namespace reaugkd::stages {

TeacherFinetuneOptions::TeacherFinetuneOptions() {
  training.epochs = 3;
}

base::OptionList TeacherFinetuneOptions::fields() {
  base::OptionList list;
  list.add({"model",
            "Model",
            &model,
            "directory with config.json, model.safetensors and a vocabulary",
            {},
            {},
            true});
  data.add_fields(list);
  list.at("task").required = true;
  list.at("task").unless = {"text-column"};
  training.add_fields(list);
  list.add({"keep-trajectory", "Baselines", &keep_trajectory,
            "distill --method rco: keep the teacher after each of N equal shares of its training; "
            "0: only the end",
            base::kNotNegative});
  list.add({"student-friendly", "Baselines", &student_friendly,
            "distill --method sftn: train with branches of this student model"});
  list.add({"student-layers", "Baselines", &student_layers,
            "its encoder layers to take, counted from 0 (not given: all)", base::kNotNegative});
  run.add_fields(list);
  return list;
}

}  // namespace reaugkd::stages
