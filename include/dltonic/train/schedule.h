/// The learning rate of every step. Closed forms are those of torch.optim.lr_scheduler (LinearLR for the warm-up, StepLR,
/// MultiStepLR, ExponentialLR, CosineAnnealingLR, OneCycleLR, PolynomialLR, ReduceLROnPlateau), so a step's rate is a function
/// of its number and resuming needs no state but the plateau's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dltonic/config/section.h"

namespace dltonic::train {

struct ScheduleOptions {
  std::string kind = "constant";
  double warmup_epochs = 0;   ///< may be a fraction
  double warmup_from = 0.01;  ///< factor of the very first step

  int every_epochs = 10;        ///< step
  double gamma = 0.1;           ///< step, multi_step, exponential, plateau
  std::vector<int> milestones;  ///< multi_step: epochs, increasing
  double final_factor = 0;      ///< cosine, polynomial, one_cycle: of the last rate; plateau: of the least
  double power = 1;             ///< polynomial
  double rise = 0.3;            ///< one_cycle: share of the steps
  double first_factor = 0.04;   ///< one_cycle

  std::string monitor = "loss";  ///< plateau
  int patience = 5;              ///< plateau: evaluations
  double min_delta = 0;          ///< plateau

  void bind(config::Section& s);
};

class Schedule {
 public:
  /// batches: steps an epoch. ConfigError where the options cannot make a schedule for so many steps.
  Schedule(const ScheduleOptions& options, double learning_rate, std::int64_t batches, int epochs);
  /// Of step 0 … batches × epochs - 1 (later ones have the last's), before the plateau's factor.
  double rate(std::int64_t step) const;

 private:
  double factor(std::int64_t step) const;
  ScheduleOptions options_;
  double learning_rate_;
  std::int64_t batches_, warmup_, total_;
};

}  // namespace dltonic::train
