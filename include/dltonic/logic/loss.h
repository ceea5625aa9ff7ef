/// What training minimises: cross entropy against a distribution over classes. Of a sample with logits x, whose label is a, or
/// a with share s and b with share 1 - s (Zhang et al. 2018, mixup):
///   t_k = (1 - smoothing) (s [k = a] + (1 - s) [k = b]) + smoothing / classes        (Szegedy et al. 2016, CVPR)
///   loss = -sum_k w_k t_k log softmax(x)_k,    d loss / d x_j = softmax(x)_j sum_k w_k t_k - w_j t_j
/// which is PyTorch's cross_entropy(x, a, weight=w, label_smoothing=smoothing, reduction="none"), mixed by s.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace dltonic::logic {

struct LossOptions {
  double label_smoothing = 0;        ///< in [0, 1)
  std::vector<float> class_weights;  ///< w, [class]; empty: all 1
};

/// Second labels of a batch and the first one's share of each sample, in [0, 1]; empty: there are none.
struct LabelMix {
  std::span<const std::uint16_t> second = {};  ///< [sample]
  std::span<const float> share = {};           ///< [sample]
};

/// What kernels read of a batch's labels: on the host or on a GPU, as the rest of their arguments. `second` and `share` may be
/// null.
struct Targets {
  const std::uint16_t* first = nullptr;   ///< [sample]
  const std::uint16_t* second = nullptr;  ///< [sample]
  const float* share = nullptr;           ///< [sample], the first one's
  Targets from(std::size_t sample) const {
    return {first + sample, second == nullptr ? nullptr : second + sample, share == nullptr ? nullptr : share + sample};
  }
};

}  // namespace dltonic::logic
