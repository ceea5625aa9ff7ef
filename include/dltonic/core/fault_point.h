/// Faults that tests ask for, at named points of the program. Built where DLTONIC_FAULT_POINTS is on (as the tests are);
/// without it, and without the environment variable, a point does nothing.
///
///   DLTONIC_FAIL_AT="<point>:<rank>:<step>:<action>[;...]"     e.g. before_rename:1:6:kill;loader:*:*:sleep=0.1
///
/// rank and step may be `*`: any. Actions: kill (SIGKILL), stop (SIGSTOP of the whole process), throw (an Error),
/// storage (a StorageError, as a full disk gives), sleep=<seconds>; nan (a value that is no number), where nan_at() is asked.
#pragma once

#include <cstdint>
#include <string_view>

namespace dltonic {

/// The points there are. A step is the number of updates made (of the state that is saved, in the points of a save).
namespace fault {
constexpr std::string_view kBeforeWrite = "before_write";                 ///< of a save: nothing is written yet
constexpr std::string_view kBetweenRanksWrites = "between_ranks_writes";  ///< this rank's slab of the first tensor is written
constexpr std::string_view kBeforeManifest = "before_manifest";           ///< state.h5 is whole
constexpr std::string_view kBeforeRename = "before_rename";               ///< everything is there, under the .part name
constexpr std::string_view kDuringSync = "during_sync";                   ///< in the midst of a copy to project storage
constexpr std::string_view kDuringPrune = "during_prune";                 ///< a checkpoint has lost its name, not yet its files
constexpr std::string_view kInCollective = "in_collective";               ///< the others wait in a sum for this rank
constexpr std::string_view kInEvaluation = "in_evaluation";
constexpr std::string_view kSurvey = "survey";          ///< of prepare, stats; step: files that this rank has read
constexpr std::string_view kDecode = "decode";          ///< of prepare; step: files that this rank has decoded and written
constexpr std::string_view kFit = "fit";                ///< of prepare, stats; step: recordings that thresholds have seen
constexpr std::string_view kCut = "cut";                ///< of prepare: a recording has become frames
constexpr std::string_view kLoader = "loader";          ///< a batch is being made
constexpr std::string_view kParameters = "parameters";  ///< a step begins with them; nan
constexpr std::string_view kGradients = "gradients";    ///< of this rank's samples, to be added up over ranks; nan
}  // namespace fault

/// `step` < 0: the step that was set last.
void fail_at(std::string_view point, std::int64_t step = -1);
/// The same where there are numbers: true where the caller is to put a NaN into what the point names.
bool nan_at(std::string_view point, std::int64_t step = -1);

/// What faults are compared with; said by comm::World.
void set_fault_rank(int rank);
void set_fault_step(std::int64_t step);
/// Whether this build has fault points.
bool has_fault_points();

}  // namespace dltonic
