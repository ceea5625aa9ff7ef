/// Options of the update that every model shares; `logic` applies them to gate logits, `model` to torch parameters.
#pragma once

#include <algorithm>
#include <string>

#include "dltonic/config/section.h"

namespace dltonic::logic {

struct OptimizerOptions {
  std::string kind = "adam";
  double learning_rate = 0.01;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  double weight_decay = 0;  ///< adam, sgd: added to the gradient; adamw: decoupled (Loshchilov & Hutter 2019)
  double momentum = 0;      ///< sgd
  double clip_value = 0;    ///< every gradient value is brought into [-clip_value, clip_value] first; 0: no
  double clip_norm = 0;     ///< then all of them are scaled so that their Euclidean norm is at most this; 0: no

  /// What a gradient of this norm is multiplied with (torch.nn.utils.clip_grad_norm_).
  double clip_scale(double norm) const { return clip_norm > 0 ? std::min(1.0, clip_norm / (norm + 1e-6)) : 1.0; }

  void bind(config::Section& s) {
    s.key("optimizer", kind, "how gradients become updates").choices({"adam", "adamw", "sgd"});
    s.key("learning_rate", learning_rate, "step size").above(0);
    s.key("beta1", beta1, "adam, adamw: decay of the gradient's mean").min(0).below(1);
    s.key("beta2", beta2, "adam, adamw: decay of the gradient's square").min(0).below(1);
    s.key("epsilon", epsilon, "adam, adamw: added to the root of the square").above(0);
    s.key("weight_decay", weight_decay, "pull of the weights to zero (adamw: decoupled from the gradient)").min(0);
    s.key("momentum", momentum, "sgd: share of the last update that is kept").min(0).below(1);
    s.key("clip_norm", clip_norm,
          "longest gradient, over all parameters of the model (of a gate network: its logits); a longer one is scaled down to "
          "it; 0: as it is")
        .min(0);
    s.key("clip_value", clip_value, "largest value of a gradient; what is beyond is cut, before the norm is taken; 0: as it is")
        .min(0);
  }
};

}  // namespace dltonic::logic
