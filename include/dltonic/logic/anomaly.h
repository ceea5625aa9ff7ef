/// Where in a step the first value lies that is not finite: the pass once more, with a look at every layer's numbers. Slow and
/// large (the activations of all layers at once): for a step that has gone wrong.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "dltonic/core/bits.h"
#include "dltonic/logic/network.h"

namespace dltonic::logic {

struct Anomaly {
  std::string where;  ///< "parameters of layer1", "forward of layer1", "loss", "backward of layer1", "gradients of layer1"
  std::string what;   ///< "gate 5, logit 6 (XOR)"
  double value = 0;   ///< NaN or an infinity
  std::int64_t sample = -1;  ///< of the batch; -1: of no one sample
};

/// The first in the order of the arithmetic: logits and coefficients of all layers, then the layers' outputs, the loss, and
/// from the last layer to the first its four sums and its input's gradient. Arguments and the sums that are ADDED: as
/// Network::forward_backward's, to rounding (no sums of what follows the place that is found). Inputs are bits, which are
/// finite.
std::optional<Anomaly> find_anomaly(const Network<float>& network, const BitMatrix& x, std::span<const std::uint16_t> labels,
                                    float inverse_batch, std::span<float> sums, const LabelMix& mix = {});

/// The first of given four sums, [total gates][4]; where those are finite, of the logit gradients that follow from them.
std::optional<Anomaly> find_anomaly(const Network<float>& network, std::span<const float> sums);

}  // namespace dltonic::logic
