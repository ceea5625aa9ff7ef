/// Options of the update that every model shares; `logic` applies them to gate logits, `model` to torch parameters.
#pragma once

#include <string>

#include "dltonic/config/section.h"

namespace dltonic::logic {

struct OptimizerOptions {
  std::string kind = "adam";
  double learning_rate = 0.01;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  double weight_decay = 0;  ///< adam, sgd: added to the gradient; adamw: decoupled (Loshchilov & Hutter 2019)
  double momentum = 0;      ///< sgd

  void bind(config::Section& s) {
    s.key("optimizer", kind, "how gradients become updates").choices({"adam", "adamw", "sgd"});
    s.key("learning_rate", learning_rate, "step size").above(0);
    s.key("beta1", beta1, "adam, adamw: decay of the gradient's mean").min(0).below(1);
    s.key("beta2", beta2, "adam, adamw: decay of the gradient's square").min(0).below(1);
    s.key("epsilon", epsilon, "adam, adamw: added to the root of the square").above(0);
    s.key("weight_decay", weight_decay, "pull of the weights to zero (adamw: decoupled from the gradient)").min(0);
    s.key("momentum", momentum, "sgd: share of the last update that is kept").min(0).below(1);
  }
};

}  // namespace dltonic::logic
