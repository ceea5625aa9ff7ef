#include "dltonic/train/checkpoints.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "dltonic/core/clock.h"
#include "dltonic/core/error.h"
#include "dltonic/core/log.h"
#include "dltonic/core/text.h"
#include "dltonic/core/version.h"
#include "dltonic/store/hdf5_info.h"
#include "train/io_thread.h"
#include "train/snapshot.h"

namespace dltonic::train {
namespace {

using nlohmann::json;
constexpr double kLoadLimit_s = 1800;
/// Bytes a second that storage has to take from a save, lest it count as hanging.
constexpr double kSlowestStorage = 20e6;

std::uint64_t bytes_of(std::span<const TensorView> tensors) {
  std::uint64_t bytes = 0;
  for (const TensorView& tensor : tensors) bytes += tensor.bytes();
  return bytes;
}

/// Of the monitored metric in a manifest's part "metrics".
std::optional<double> value_of(const std::string& metrics, const Monitor& monitor) {
  const json all = json::parse(metrics, nullptr, false);
  if (!all.is_object() || !all.contains(monitor.name) || !all[monitor.name].is_number()) return std::nullopt;
  return all[monitor.name].get<double>();
}

/// What retention needs to know of a checkpoint.
RetentionEntry facts_of(const store::CheckpointEntry& entry, const Monitor& monitor) {
  const json progress = json::parse(store::CheckpointStore::part(entry.path, "progress"), nullptr, false);
  const double epoch = progress.is_object() ? progress.value("epoch", 0.0) : 0.0;
  return {entry.name, entry.step, epoch, value_of(store::CheckpointStore::part(entry.path, "metrics"), monitor)};
}

}  // namespace

struct Checkpoints::Job {
  Moment moment;
  std::vector<TensorView> model, rest;
  json progress;
  double limit_s = 0;
};

/// What a save leaves behind for the main thread; written before its thread is done, read after.
struct Checkpoints::Background {
  std::unique_ptr<comm::World> world;  ///< null: saves run in the main thread, over the program's own world
  Snapshot model, rest;
  std::string failure;  ///< the same on every rank; "" where all went well
  store::SaveReport report;
  std::unique_ptr<IoThread> thread;  ///< dies first
};

Checkpoints::Checkpoints(comm::World& world, const std::filesystem::path& folder, const CheckpointOptions& options,
                         const Monitor& monitor, std::string config)
    : world_(world),
      store_(folder),
      options_(options),
      monitor_(monitor),
      config_(std::move(config)),
      versions_(json{{"dltonic", version()}, {"git", git_hash()}, {"hdf5", store::hdf5_info().version}}.dump()),
      fit_("{}"),
      last_save_s_(steady_seconds()) {}

Checkpoints::~Checkpoints() { wait(); }

void Checkpoints::wait() {
  if (!background_ || !background_->thread) return;
  // No limit of its own: the save's thread has one, and knows which rank it waits for.
  const auto phase = world_.phase("wait for the running save", /*limit_s=*/0);
  background_->thread->wait();
}

void Checkpoints::set_fit(FitFacts facts, std::vector<std::string> allow) {
  fit_ = fit_text(facts);
  facts_ = std::move(facts);
  allow_ = std::move(allow);
}

// ---- when

bool Checkpoints::wishes() {
  if (!world_.is_root() || told_) return false;
  // While a save runs its end is told, and the clock asks for the next one after that: a wish means one thing at a time.
  if (running_) told_ = !background_->thread->busy();
  else told_ = options_.every_minutes > 0 && !wanted_ && steady_seconds() - last_save_s_ >= options_.every_minutes * 60;
  return told_;
}

void Checkpoints::heard() {
  told_ = false;
  if (running_) settle(false);
  else wanted_ = true;
}

bool Checkpoints::due(std::int64_t step) {
  const bool asked = wanted_ || (options_.every_steps > 0 && step % options_.every_steps == 0);
  if (!running_) return asked || merged_;
  if (asked) {
    ++figures_.merged;
    merged_ = true;
    wanted_ = false;
  }
  return false;
}

bool Checkpoints::due_at_epoch_end(int epoch, bool is_best) {
  if (running_ && world_.sum(static_cast<std::int64_t>(background_->thread->busy())) == 0) settle(false);
  const bool asked = wanted_ || is_best || (options_.every_epochs > 0 && epoch % options_.every_epochs == 0);
  if (!running_) return asked || merged_;
  if (is_best) {
    ++figures_.waited;
    return true;  // save() waits
  }
  if (asked) {
    ++figures_.merged;
    merged_ = true;
    wanted_ = false;
  }
  return false;
}

// ---- saving

void Checkpoints::prepare(const ModelState& state) {
  if (background_) return;
  background_ = std::make_unique<Background>();
  if (options_.mode != "background") return;
  if (!world_.thread_multiple()) {
    log::warn_once("checkpoint.mode: background needs MPI_THREAD_MULTIPLE, which this MPI does not give; saving is blocking");
    return;
  }
  background_->world = world_.beside();
  world_.agree("make room for a copy of the state", [&] {
    if (state.steps_change_it) background_->model.reserve(state.model);
    background_->rest.reserve(state.rest);
    background_->thread = std::make_unique<IoThread>();
  });
}

void Checkpoints::save(Moment moment, const std::function<ModelState()>& newest) {
  settle(false);
  last_save_s_ = steady_seconds();
  const ModelState state = newest();
  prepare(state);
  const bool beside = background_->thread != nullptr;
  merged_ = wanted_ = false;
  const double limit_s = timeout_s_ + static_cast<double>(bytes_of(state.model) + bytes_of(state.rest)) / kSlowestStorage;
  Job job{std::move(moment), state.model, state.rest, {}, limit_s};
  job.progress = {{"step", job.moment.step}, {"epoch", job.moment.epoch}, {"time", utc_iso()}, {"ranks", world_.size()}};
  const bool is_last = job.moment.is_last;
  if (beside) {
    if (state.steps_change_it) job.model = background_->model.take(state.model);
    job.rest = background_->rest.take(state.rest);
    background_->thread->start([this, job = std::move(job)] { run(*background_->world, job); });
  } else {
    run(world_, job);
  }
  figures_.longest_copy_s = std::max(figures_.longest_copy_s, steady_seconds() - last_save_s_);
  running_ = true;
  if (!beside || is_last) settle(is_last);
}

/// The whole of a save, in whichever thread.
void Checkpoints::run(comm::World& world, const Job& job) {
  background_->failure.clear();
  try {
    const auto phase = world.phase(cat("save the checkpoint of step ", job.moment.step), job.limit_s);
    json metrics = json::object();
    for (const auto& [name, value] : job.moment.metrics) metrics[name] = value;
    auto tensors = job.model;
    tensors.insert(tensors.end(), job.rest.begin(), job.rest.end());
    const auto path = store_.save(world, job.moment.step, tensors,
                                  {{"progress", job.progress.dump()},
                                   {"metrics", metrics.dump()},
                                   {"versions", versions_},
                                   {"fit", fit_},
                                   {"config", config_}},
                                  &background_->report, /*finite=*/job.model.size());
    world.agree("mark and prune checkpoints", [&] {
      if (!world.is_root()) return;
      store_.set_marker("latest", path);
      if (job.moment.is_best) store_.set_marker("best", path);
      if (journal_) journal_->record(path.filename().string(), store::Place::scratch, background_->report.state_checksum);
      if (mirror_) mirror_->wish(path);
      prune(store_, options_, monitor_, /*dry_run=*/false, journal_, mirror_);
    });
  } catch (const Error& error) {
    if (!error.agreed()) world.abort(error.what(), error.exit_code());
    background_->failure = error.what();
  } catch (const std::exception& error) {  // of one rank alone: the others wait for it
    world.abort(cat("in a save: ", error.what()), kExitFailure);
  }
}

/// The running save is over, as every rank knows or is about to wait for.
void Checkpoints::settle(bool is_last) {
  if (!running_) return;
  wait();
  running_ = false;
  const std::string& failure = background_->failure;
  if (failure.empty()) {
    const store::SaveReport& report = background_->report;
    ++figures_.saves;
    figures_.seconds += report.seconds;
    figures_.durable_s += report.durable_s;
    figures_.verified_s += report.verified_s;
    figures_.cpu_s += report.cpu_s;
    figures_.bytes += report.bytes;
    return;
  }
  ++figures_.failed;
  if (is_last) {
    StorageError error(failure);
    error.set_agreed();
    throw error;
  }
  if (world_.is_root())
    log::warn(cat("a checkpoint was not saved, training goes on and tries again at the next one: ", failure));
}

void Checkpoints::finish() {
  settle(/*is_last=*/true);
  const auto& f = figures_;
  if (f.saves == 0) return;
  const auto saves = static_cast<double>(f.saves);
  log::info(cat("saved ", f.saves, f.saves == 1 ? " checkpoint (" : " checkpoints (",
                human_bytes(f.bytes / static_cast<std::uint64_t>(f.saves)), " each, ", fixed(f.seconds / saves, 2), " s, ",
                fixed(f.cpu_s / saves, 2), " s of CPU time); steps waited ", fixed(1000 * f.longest_copy_s, 0), " ms at most",
                f.merged > 0 ? cat("; ", f.merged, " became due while one was running and were merged") : std::string(),
                f.failed > 0 ? cat("; ", f.failed, " failed") : std::string()));
}

std::vector<std::string> Checkpoints::prune(const store::CheckpointStore& store, const CheckpointOptions& options,
                                            const Monitor& monitor, bool dry_run, store::Journal* journal,
                                            store::Mirror* mirror) {
  std::vector<std::string> always;
  if (const auto best = store.marker("best")) always.push_back(best->filename().string());
  std::vector<RetentionEntry> entries;
  std::set<std::string> here;
  for (const auto& entry : store.list()) {
    if (!entry.good()) continue;  // a broken one is left for a person to look at
    entries.push_back(facts_of(entry, monitor));
    here.insert(entry.name);
  }
  if (mirror != nullptr) {  // scratch may have been wiped since they were made
    for (const auto& copy : mirror->copies()) {
      if (here.contains(copy.name)) continue;
      entries.push_back({copy.name, copy.step, 0, value_of(copy.metrics, monitor)});
      if (options.keep_every_epochs > 0) always.push_back(copy.name);  // its epoch is not known here
    }
    std::stable_sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.step > b.step; });
  }
  const auto names = given_up(entries, options, monitor, always);
  if (dry_run) return names;
  for (const std::string& name : names) {
    const bool needed = (journal && !journal->may_remove(name, store::Place::scratch)) || (mirror && mirror->copying(name));
    if (!here.contains(name) || needed) continue;  // its turn comes at the next save
    if (journal) journal->forget(name, store::Place::scratch);
    store::CheckpointStore::remove(store.folder() / name);
  }
  if (mirror) mirror->prune(names);
  return names;
}

// ---- loading

void Checkpoints::load(const std::string& name, std::span<const TensorView> tensors) {
  const auto phase = world_.phase("load a checkpoint", kLoadLimit_s);
  const auto path = store_.folder() / name;
  world_.agree("compare the checkpoint with the configuration", [&] {
    const auto lines = fit_differences(store::CheckpointStore::part(path, "fit"), facts_, allow_);
    if (lines.empty()) return;
    throw DataError(cat("checkpoint ", path.string(), " does not fit this configuration:\n  ", join(lines, "\n  "),
                        "\nuse the settings it was trained with, start anew in another run.dir, or name what may differ with "
                        "--allow KEY,..."));
  });
  store::CheckpointStore::load(world_, path, tensors);
}

std::optional<std::string> Checkpoints::newest_good() {
  std::vector<std::string> skipped;
  const auto newest = store_.newest_good(world_, &skipped);
  if (world_.is_root()) {
    for (const std::string& line : skipped) log::warn("passed over a checkpoint: " + line);
  }
  if (!newest) return std::nullopt;
  return newest->name;
}

std::string Checkpoints::resolve(const std::string& which) {
  std::string name;
  world_.agree("choose a checkpoint", [&] {
    if (world_.is_root()) name = store_.find(which).name;
  });
  return world_.broadcast(name);
}

}  // namespace dltonic::train
