/// When checkpoints are made, what is in them, and which are kept: the policy above store::CheckpointStore.
///
/// A save in the background: the state is copied (steps wait for that alone), and a thread of its own writes it with the
/// threads of the other ranks, over a communicator of their own. One save at a time. Whether one is running is agreed: rank 0
/// tells the end of a save in a step's wish, so every rank hears it at the same step. (Rank 0 sees the end after the
/// last thing that the threads do together; another rank's thread is at most a moment behind, and is waited for.)
///   - due while one runs: merged into one that starts as soon as the running one is over; counted.
///   - due because it is the best so far: waits for the running one, since later weights are not those that were measured.
///   - failed (a full disk): a warning, and the next one that is due tries again. Only the last one's failure is an error.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dltonic/comm/world.h"
#include "dltonic/core/tensor_view.h"
#include "dltonic/store/checkpoint_store.h"
#include "dltonic/store/journal.h"
#include "dltonic/store/mirror.h"
#include "dltonic/train/checkpoint_fit.h"
#include "dltonic/train/checkpoint_options.h"

namespace dltonic::train {

/// What is saved.
struct Moment {
  std::int64_t step = 0;
  double epoch = 0;
  std::vector<std::pair<std::string, double>> metrics;  ///< measured on this very state; empty where it was not evaluated
  bool is_best = false;                                 ///< the marker `best` moves here
  bool is_last = false;                                 ///< nothing will be saved after it: its failure is an error
};

struct ModelState {
  std::vector<TensorView> model;  ///< what a non-finite value must never be saved of
  std::vector<TensorView> rest;   ///< counters and the like; always copied
  bool steps_change_it = true;    ///< else `model` stays as it is until the save is over, and is not copied
};

/// How saving went. The same on every rank but for times.
struct SaveFigures {
  std::int64_t saves = 0, merged = 0, failed = 0, waited = 0;
  double longest_copy_s = 0;  ///< that steps waited for a copy
  double seconds = 0;         ///< in saves
  double durable_s = 0;       ///< in saves, until all bytes of state.h5 were on the disk
  double verified_s = 0;      ///< and read back
  double cpu_s = 0;           ///< CPU time of saves on all ranks, the copies that steps waited for left out
  std::uint64_t bytes = 0;    ///< of all state.h5
};

class Checkpoints {
 public:
  /// `config`: the effective configuration as JSON text; goes into every manifest.
  Checkpoints(comm::World& world, const std::filesystem::path& folder, const CheckpointOptions& options, const Monitor& monitor,
              std::string config);
  /// Waits for a save that is running.
  ~Checkpoints();
  Checkpoints(const Checkpoints&) = delete;
  Checkpoints& operator=(const Checkpoints&) = delete;

  const store::CheckpointStore& store() const { return store_; }

  /// Root: which copies are verified, and who makes those on project storage (null: nobody). Both must outlive this.
  void set_mirror(store::Journal* journal, store::Mirror* mirror) {
    journal_ = journal;
    mirror_ = mirror;
  }

  /// comm.timeout_s: a save that takes longer than this and a second for every 20 MB of state ends the job.
  void set_timeout(double timeout_s) { timeout_s_ = timeout_s; }

  /// What load() compares, and every manifest holds. `allow`: names that may differ.
  void set_fit(FitFacts facts, std::vector<std::string> allow = {});

  // ---- when: the same calls at the same steps on every rank; none communicates but where it says so

  /// To be told to all ranks in the coming step's wish.
  bool wishes();
  /// A step's result carries that wish.
  void heard();
  /// Every step, when `step` updates have been begun: whether the state after them is to be saved.
  bool due(std::int64_t step);
  /// The same at the end of an epoch, with no step on its way. collective
  bool due_at_epoch_end(int epoch, bool is_best);

  // ---- saving

  /// Makes the thread, its communicator and room for the copy, so that the first save waits for no more than the others.
  /// From the first save on no other thread may call HDF5, but to read event files. collective
  void prepare(const ModelState& state);
  /// Saves, moves the markers `latest` and, where it is the best, `best`, and then prunes; in the background if the options
  /// say so and MPI can. `state` is asked once no other save is running, and its tensors must live until this one is over.
  /// StorageError, agreed, if it is the last one and fails. collective
  void save(Moment moment, const std::function<ModelState()>& state);
  /// Waits for the running save. StorageError, agreed, if it failed: nothing comes after it. collective
  void finish();
  /// Waits for this rank's part in the running save, whatever comes of it: after it nobody reads the tensors any more.
  void wait();
  const SaveFigures& figures() const { return figures_; }

  // ---- loading

  /// Reads checkpoint `name` into the views. DataError with all differences where it does not fit. collective
  void load(const std::string& name, std::span<const TensorView> tensors);
  /// Name of the newest checkpoint that is whole; each broken one that is passed over is warned of. collective
  std::optional<std::string> newest_good();
  /// What `which` means (store::CheckpointStore::find). ConfigError that lists what there is. collective
  std::string resolve(const std::string& which);

  /// Removes what the options give up, here and (through the mirror) on project storage, but never the last copy that is
  /// known to be whole, nor one that is being read; `dry_run` only tells. Returns the names. Any rank, alone. StorageError.
  static std::vector<std::string> prune(const store::CheckpointStore& store, const CheckpointOptions& options,
                                        const Monitor& monitor, bool dry_run, store::Journal* journal = nullptr,
                                        store::Mirror* mirror = nullptr);

 private:
  struct Job;
  struct Background;
  void run(comm::World& world, const Job& job);
  void settle(bool is_last);

  comm::World& world_;
  store::CheckpointStore store_;
  CheckpointOptions options_;
  Monitor monitor_;
  std::string config_, versions_, fit_;
  FitFacts facts_;
  std::vector<std::string> allow_;
  store::Journal* journal_ = nullptr;
  store::Mirror* mirror_ = nullptr;

  // Agreed:
  bool running_ = false;  ///< a save was begun, and its end was not heard of yet
  bool merged_ = false;   ///< one became due meanwhile
  bool wanted_ = false;   ///< minutes have passed
  SaveFigures figures_;
  // This rank's own:
  bool told_ = false;  ///< a wish is on its way
  double last_save_s_;
  double timeout_s_ = comm::Options().timeout_s;
  std::unique_ptr<Background> background_;
};

}  // namespace dltonic::train
