#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "dltonic/logic/device_network.h"
#include "dltonic/logic/network.h"

namespace dltonic::logic {

Precision precision_from(const std::string& word) {
  if (word == "float32") return Precision::float32;
  if (word == "bfloat16") return Precision::bfloat16;
  throw ConfigError(cat("train.precision: '", word, "' is not one of float32, bfloat16"));
}

void NetworkOptions::bind(config::Section& s) {
  s.key("gates", gates, "gates of one layer; rounded up to a multiple of the classes").min(1);
  s.key("layers", layers, "gate layers").min(1);
  s.key("wiring", wiring, "which inputs gates read: walks over them, or random pairs, or random pairs none of which repeats")
      .choices({"chain", "random", "unique"});
  s.key("parametrization", parametrization,
        "logits of a gate: raw (16, one a gate kind) or light (4, one an entry of the truth table)")
      .choices({"raw", "light"});
  s.key("init", init, "first logits: normal, or residual (every gate starts near its first input)")
      .choices({"normal", "residual"});
  s.key("estimator", estimator,
        "forward of training: soft mixtures, or the most likely gates (straight-through), or gates drawn by Gumbel noise")
      .choices({"soft", "hard", "gumbel"});
  s.key("temperature", temperature, "divides the logits").above(0);
  s.key("tau", tau, "divides the class sums; auto: 0.5 * sqrt(outputs a class)").above(0).or_auto();
  s.key("grad_factor", grad_factor, "multiplies the gradient that a layer hands to the one before it").above(0);
}

}  // namespace dltonic::logic
