#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>

#include "app/command.h"
#include "app/load_event_frames.h"
#include "app/run_config.h"
#include "app/run_setup.h"
#include "app/run_storage.h"
#include "dltonic/config/effective.h"
#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "dltonic/core/log.h"
#include "dltonic/core/stop.h"
#include "dltonic/core/text.h"
#include "dltonic/report/sinks.h"
#include "dltonic/train/init_from.h"
#include "dltonic/train/trainer.h"

namespace dltonic::app {
namespace {

struct TrainArguments {
  ConfigArguments config;
  bool resume = false;
  std::vector<std::string> allow;
  bool as_json = false;
};

nlohmann::json summary_json(const RunConfig& config, const train::Summary& summary, const data::FrameSet& frames,
                            const data::Splits& splits, const comm::World& world) {
  nlohmann::json out{{"run", config.run.name},
                     {"steps", summary.steps},
                     {"epochs", config.train.epochs},
                     {"ranks", world.size()},
                     {"train_seconds", summary.seconds},
                     {"samples_per_s", summary.samples_per_s},
                     {"train_loss", summary.train_loss},
                     {"train_accuracy", summary.train_accuracy},
                     {"monitor", summary.monitor},
                     {"best", summary.best},
                     {"best_step", summary.best_step},
                     {"skipped_steps", summary.skipped},
                     {"ended_early", summary.ended_early},
                     {"frames_key", frames.key},
                     {"splits_hash", splits.hash()}};
  if (!summary.stopped_by.empty()) out["stopped_by"] = summary.stopped_by;
  const auto& saving = summary.saving;
  out["checkpoints"] = {{"saves", saving.saves},
                        {"merged", saving.merged},
                        {"failed", saving.failed},
                        {"longest_copy_s", saving.longest_copy_s},
                        {"seconds", saving.seconds},
                        {"durable_s", saving.durable_s},
                        {"verified_s", saving.verified_s},
                        {"cpu_s", saving.cpu_s},
                        {"bytes", saving.bytes}};
  if (summary.validation.samples > 0) out["validation"] = summary.validation.json(frames.classes);
  return out;
}

/// Weights of another run, before anything computes with them.
void init_from(comm::World& world, const RunConfig& config, model::Model& model) {
  std::filesystem::path checkpoint;
  world.agree("find the weights to begin with", [&] {
    const std::vector<std::filesystem::path> runs{config.dirs().scratch / "runs", config.dirs().project / "runs"};
    checkpoint = train::find_checkpoint(config.train.init_from, runs);
  });
  const auto names = train::take_weights(world, checkpoint, model.state(), config.train.init_layers);
  model.state_loaded();
  log::info(cat("train.init_from: begins with ", names.size(), " tensors of ", checkpoint.string(), " (", join(names),
                "); counters, moments and the order of samples start anew"));
}

/// Makes the run's folder, with its configuration and the logs of all ranks. `from`: its newest good checkpoint. ConfigError,
/// agreed, where that is there and nobody asked to go on from it. collective
void open_run_folder(comm::World& world, const RunConfig& config, const TrainArguments& arguments,
                     const store::CheckpointStore& saved, const std::optional<std::string>& from) {
  const auto run_dir = config.run_dir();
  world.agree("open the run's folder", [&] {
    if (from && !arguments.resume) {
      throw ConfigError(cat("run.dir ", run_dir.string(), " already holds checkpoints (newest: ", *from,
                            "); add --resume to go on from there, or give another run.dir or run.name"));
    }
    if (!world.is_root()) return;
    make_directories(run_dir);
    log::add_file(run_dir / "log.txt");
    write_file_atomic(run_dir / "config.yaml", config::effective_yaml(config.root()));
    // A job that died between a save's end and its marker left an older one there.
    if (from && saved.marker("latest") != saved.folder() / *from) saved.set_marker("latest", saved.folder() / *from);
  });
  world.agree("open the ranks' logs", [&] {
    if (world.size() == 1) return;
    const auto folder = run_dir / "ranks";
    make_directories(folder);
    if (!world.is_root()) log::add_file(folder / cat("log-rank", world.rank(), ".txt"));
    world.keep_collectives(folder);
  });
  if (arguments.resume && !from) log::info(cat("nothing to go on from in ", run_dir.string(), ": starting anew"));
}

/// To the run's folder, the log and, where it was asked for, standard output. collective
void write_summary(comm::World& world, const RunConfig& config, const TrainArguments& arguments, const nlohmann::json& json,
                   const train::Summary& summary, std::span<train::MetricSink* const> sinks) {
  world.agree("write the summary", [&] {
    if (!world.is_root()) return;
    const auto run_dir = config.run_dir();
    write_file_atomic(run_dir / "summary.json", json.dump(2) + "\n");
    for (train::MetricSink* sink : sinks) sink->flush();
    if (!summary.stopped_by.empty()) {
      log::info(cat("stopped by ", summary.stopped_by, " after step ", summary.steps, ", saved; --resume goes on from there"));
    } else {
      log::info(summary.resources);
      log::info(
          cat("trained ", with_commas(static_cast<std::uint64_t>(summary.steps)), " steps in ", human_seconds(summary.seconds),
              summary.best_step >= 0
                  ? cat("; best validation ", summary.monitor, " ", fixed(summary.best, 4), " at step ", summary.best_step)
                  : std::string(),
              "\nevaluate with  dltonic evaluate --run ", run_dir.string(), " --split test"));
    }
    if (arguments.as_json) std::cout << json.dump() << std::endl;
  });
}

int train(comm::World& world, const TrainArguments& arguments) {
  RunConfig config;
  if (arguments.config.help_config) return print_config_help(world, config);
  config.load(world, arguments.config.words);
  world.agree("look at the model's input", [&] { model::expect_readable(config.model, config.data.frames.depth()); });
  share_cores(world);
  stop::on_signals("train");
  world.agree("read train.walltime", [&] {
    if (const auto left = train::walltime_left_s(config.train.walltime))
      stop::wish_after(*left - config.train.walltime_margin_s, "the wall time");
  });
  const auto run_dir = config.run_dir();
  RunStorage storage(world, config);
  storage.restore(arguments.resume);
  train::Checkpoints checkpoints(world, run_dir / "checkpoints", config.checkpoint, train::monitor_of(config.train),
                                 config::effective_json(config.root()));
  checkpoints.set_timeout(config.comm.timeout_s);

  const std::optional<std::string> from = checkpoints.newest_good();
  open_run_folder(world, config, arguments, checkpoints.store(), from);

  const auto progress = root_progress(world, config);
  const LoadedData data = load_data(world, config, arguments.config.typed(), *progress);
  const LoadedEvents events = load_event_frames(world, config, data, arguments.config.typed());
  const auto model = make_model(world, config, data);
  log::info(model->summary());
  checkpoints.set_fit(fit_facts(config, data, *model), arguments.allow);
  if (!config.train.init_from.empty() && !from) init_from(world, config, *model);
  std::vector<std::unique_ptr<train::MetricSink>> sinks;
  world.agree("open the run's files", [&] {
    if (!world.is_root()) return;
    data::store_splits(data.splits, config.dirs().project / "data", config.data.name);
    sinks = report::make_sinks(config.report, run_dir);
  });
  std::vector<train::MetricSink*> sink_views;
  for (const auto& sink : sinks) sink_views.push_back(sink.get());

  const auto engine =
      make_engine(world, config, *model, data.frames, data.frames.samples_of(data.splits.train).size(), events.cut.get());
  std::unique_ptr<train::Trainer> trainer;
  world.agree("set up training", [&] {
    trainer = std::make_unique<train::Trainer>(world, *engine, data.frames, data.splits, config.train, config.comm.timeout_s,
                                               checkpoints, sink_views, *progress);
  });
  if (from) trainer->resume(*from);
  if (from && !config.train.init_from.empty()) log::info("train.init_from counts for a new run only: this one goes on");
  storage.start_mirror();
  checkpoints.set_mirror(storage.journal(), storage.mirror());
  const train::Summary summary = trainer->run();

  write_summary(world, config, arguments, summary_json(config, summary, data.frames, data.splits, world), summary, sink_views);
  storage.finish(!summary.stopped_by.empty(), *progress);
  return summary.stopped_by.empty() ? kExitDone : kExitRunAgain;
}

}  // namespace

void add_train(CLI::App& cli, Run& run) {
  auto* command = cli.add_subcommand("train", "train a model on prepared frames");
  auto arguments = std::make_shared<TrainArguments>();
  arguments->config.add_to(*command);
  command->add_flag("--resume", arguments->resume,
                    "go on from the newest good checkpoint of run.dir, or start anew where there is none");
  command
      ->add_option("--allow", arguments->allow,
                   "KEY,...: what a checkpoint that is gone on from may differ in, as the refusal names it (model.tau, data)")
      ->delimiter(',');
  command->add_flag("--json", arguments->as_json, "print one JSON object on the last line of standard output");
  command->callback([=, &run] { run = [=](comm::World& world) { return train(world, *arguments); }; });
}

}  // namespace dltonic::app
