#include "dltonic/train/evaluate.h"

#include <iostream>
#include <nlohmann/json.hpp>

#include "app/command.h"
#include "app/run_config.h"
#include "app/run_setup.h"
#include "dltonic/core/error.h"
#include "dltonic/core/log.h"
#include "dltonic/core/text.h"
#include "dltonic/train/checkpoints.h"
#include "dltonic/train/trainer.h"

namespace dltonic::app {
namespace {

struct EvaluateArguments {
  std::string run;
  std::string split = "test";
  std::string checkpoint = "best", at;
  std::vector<std::string> overrides;
  bool as_json = false;
};

std::string table(const train::Evaluation& e, const std::vector<std::string>& classes) {
  std::ostringstream out;
  const auto percent = [&](const std::string& name) { return fixed(100 * e.scalar(name), 2) + " %"; };
  out << with_commas(static_cast<std::uint64_t>(e.samples)) << " frames of "
      << with_commas(static_cast<std::uint64_t>(e.recordings)) << " recordings in " << fixed(e.seconds, 1) << " s\n"
      << "accuracy a frame      hard " << percent("accuracy_hard") << "   soft " << percent("accuracy_soft") << "\n"
      << "accuracy a recording  hard " << percent("accuracy_hard_recording") << "   soft " << percent("accuracy_soft_recording")
      << "\n"
      << "macro (hard, a frame) precision " << percent("precision_macro") << "   recall " << percent("recall_macro") << "   F1 "
      << percent("f1_macro") << "\n";
  const auto precision = e.hard_frames.precision(), recall = e.hard_frames.recall(), f1 = e.hard_frames.f1();
  for (std::size_t c = 0; c < classes.size(); ++c) {
    out << "  class " << classes[c] << ": precision " << fixed(precision[c], 3) << "  recall " << fixed(recall[c], 3) << "  F1 "
        << fixed(f1[c], 3) << "\n";
  }
  return out.str();
}

int evaluate(comm::World& world, const EvaluateArguments& arguments) {
  RunConfig config;
  std::vector<std::string> words{(std::filesystem::path(arguments.run) / "config.yaml").string()};
  world.agree("find the run", [&] {
    if (!std::filesystem::exists(words.front())) {
      throw ConfigError(cat("--run ", arguments.run, " holds no config.yaml: it is not a run of dltonic train"));
    }
  });
  words.insert(words.end(), arguments.overrides.begin(), arguments.overrides.end());
  config.load(world, words);
  world.agree("look at the model's input", [&] { model::expect_readable(config.model, config.data.frames.depth()); });
  share_cores(world);
  const auto progress = root_progress(world, config);
  const LoadedData data = load_data(world, config, join(words, " "), *progress);
  const auto model = make_model(world, config, data);
  train::Checkpoints checkpoints(world, std::filesystem::path(arguments.run) / "checkpoints", config.checkpoint,
                                 train::monitor_of(config.train), "{}");
  const std::string name = checkpoints.resolve(arguments.at.empty() ? arguments.checkpoint : "@" + arguments.at);
  auto facts = fit_facts(config, data, *model);
  std::erase_if(facts,
                [](const auto& fact) { return fact.first != "model" && fact.first != "input" && fact.first != "classes"; });
  checkpoints.set_fit(std::move(facts));
  auto tensors = model->state();
  train::Progression progression;  // part of every checkpoint; not looked at here
  const auto rest = progression.state();
  tensors.insert(tensors.end(), rest.begin(), rest.end());
  checkpoints.load(name, tensors);
  model->state_loaded();
  const auto engine = make_engine(world, config, *model, data.frames, /*training_samples=*/0);

  std::span<const std::uint32_t> recordings;
  world.agree("choose the split", [&] {
    recordings = data.splits.by_name(arguments.split);
    if (recordings.empty()) throw ConfigError(cat("split '", arguments.split, "' holds no recordings"));
  });
  const auto evaluation = train::evaluate(world, *engine, data.frames, recordings, *progress);
  if (world.is_root()) {
    auto json = evaluation.json(data.frames.classes);
    json["split"] = arguments.split;
    json["checkpoint"] = name;
    json["run"] = arguments.run;
    if (arguments.as_json) {
      std::cout << json.dump() << std::endl;
    } else {
      std::cout << arguments.run << ", checkpoint " << name << ", split " << arguments.split << ": "
                << table(evaluation, data.frames.classes) << std::flush;
    }
  }
  return kExitDone;
}

}  // namespace

void add_evaluate(CLI::App& cli, Run& run) {
  auto* command = cli.add_subcommand("evaluate", "evaluate a trained run");
  auto arguments = std::make_shared<EvaluateArguments>();
  command->add_option("--run", arguments->run, "the run's folder")->required();
  command->add_option("--split", arguments->split, "train, val or test")->capture_default_str();
  command
      ->add_option("--checkpoint", arguments->checkpoint,
                   "best, latest, a checkpoint's name, step-<n>, or @<time> (the last one saved by then, UTC)")
      ->capture_default_str();
  command->add_option("--at", arguments->at, "instead of --checkpoint: the last one saved at or before this time (UTC)");
  command->add_option("overrides", arguments->overrides, "KEY=VALUE: e.g. another data.root to evaluate on");
  command->add_flag("--json", arguments->as_json, "print one JSON object on the last line of standard output");
  command->callback([=, &run] { run = [=](comm::World& world) { return evaluate(world, *arguments); }; });
}

}  // namespace dltonic::app
