#include "mpi/train/synthetic.h"

#include "dltonic/core/random.h"

namespace dltonic::test {

data::FrameSet synthetic_frames(std::uint32_t recordings) {
  constexpr int kClasses = 4;
  data::FrameSet frames;
  frames.shape = {2, 6, 7};
  frames.classes = {"a", "b", "c", "d"};
  frames.bits.reset(2 * recordings, frames.shape.features());
  frames.recording_offset.push_back(0);
  for (std::uint32_t r = 0; r < recordings; ++r) {
    const auto label = static_cast<std::uint16_t>(r % kClasses);
    frames.recording_labels.push_back(label);
    frames.recording_splits.push_back(events::Split::none);
    for (std::uint32_t f = 0; f < 2; ++f) {
      const std::uint32_t sample = 2 * r + f;
      frames.labels.push_back(label);
      Random random(3, Use::test, sample);
      for (std::size_t bit = 0; bit < frames.shape.features(); ++bit) {
        // bits of the label's quarter are likely set, the others are not
        const bool likely = bit * kClasses / frames.shape.features() == label;
        if (random.uniform() < (likely ? 0.85f : 0.1f)) frames.bits.set(sample, bit);
      }
    }
    frames.recording_offset.push_back(2 * r + 2);
  }
  return frames;
}

data::Splits synthetic_splits(const data::FrameSet& frames) {
  return data::make_splits(frames.recording_labels, frames.recording_splits,
                           {.val_split = 0.2, .test_split = 0.1, .split_seed = 0});
}

std::unique_ptr<model::Model> synthetic_model(const data::FrameSet& frames, const std::string& kind,
                                              const logic::OptimizerOptions& optimizer) {
  model::Options options;
  options.kind = kind;
  options.network.gates = 120;
  options.network.layers = 3;
  options.hidden = {16};
  return model::make_model(options, frames.shape, static_cast<int>(frames.classes.size()), 1, optimizer);
}

std::vector<std::byte> state_bytes(model::Model& model) {
  std::vector<std::byte> bytes;
  for (const TensorView& tensor : model.state()) {
    const auto* data = static_cast<const std::byte*>(tensor.data);
    bytes.insert(bytes.end(), data, data + tensor.bytes());
  }
  return bytes;
}

}  // namespace dltonic::test
