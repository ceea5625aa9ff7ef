/// Which batches come to which slot of a ring, and when: what is read by a step that is still to run stays. Batches are
/// numbered through all epochs, so that an epoch's first ones come during the one before.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <vector>

namespace dltonic::data {

class BatchRing {
 public:
  /// Batches come at most `at_once` at a time, to twice as many slots: batch n to slot n mod slots(). An epoch has `batches`,
  /// those of epoch e are e * batches … (e + 1) * batches − 1; of later epochs than `epochs` none come.
  BatchRing(std::size_t at_once, std::size_t batches, std::size_t epochs)
      : at_once_(at_once), batches_(batches), all_(batches * epochs), came_(2 * at_once) {}
  std::size_t slots() const { return came_.size(); }
  std::size_t batches() const { return batches_; }

  /// Batches `first` … `first + count` − 1, of one epoch, come to slots `slot` …; count 0: none now.
  struct Fetch {
    std::size_t first = 0, count = 0, slot = 0;
  };
  /// What is to come next, all steps before that of batch `running` being enqueued. To be called before that step is, until it
  /// gives nothing. Looks no farther than the next epoch. Where `running` does not follow the batch before (a run that goes on
  /// from a checkpoint, or starts again), all comes anew.
  Fetch next(std::size_t running) {
    if (!running_ || (running != *running_ && running != *running_ + 1)) begun_ = fetched_ = arrived_ = running;
    running_ = running;
    if (fetched_ > running && fetched_ >= running + 1 + at_once_) return {};
    const std::size_t slot = fetched_ % slots();
    // What comes first is waited for; half of them take a GPU little longer than one.
    const std::size_t wanted = std::min(fetched_ == begun_ ? std::max<std::size_t>(1, at_once_ / 2) : at_once_, slots() - slot);
    const std::size_t end_of_epoch = (fetched_ / batches_ + 1) * batches_, next_epoch = running / batches_ + 1;
    const std::size_t end = std::min(
        {fetched_ + wanted, running + slots(), end_of_epoch, (next_epoch + 1) * batches_, std::max(all_, running + 1)});
    if (end <= fetched_) return {};
    const Fetch fetch{fetched_, end - fetched_, slot};
    for (std::size_t batch = fetched_; batch < end; ++batch) came_[batch % slots()] = {slot, end};
    fetched_ = end;
    return fetch;
  }

  /// The fetch that the step of batch `running` has to wait for, by the slot of its first batch. Each is told once.
  std::optional<std::size_t> waited_for(std::size_t running) {
    if (running < arrived_) return std::nullopt;
    arrived_ = came_[running % slots()].end;
    return came_[running % slots()].slot;
  }

 private:
  struct Came {
    std::size_t slot = 0, end = 0;  ///< slot of the first batch of the fetch with which it came, the batch that ended it
  };
  std::size_t at_once_, batches_, all_, begun_ = 0, fetched_ = 0, arrived_ = 0;
  std::optional<std::size_t> running_;
  std::vector<Came> came_;  ///< [slot]
};

}  // namespace dltonic::data
