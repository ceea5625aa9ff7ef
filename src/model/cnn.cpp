/// cnn: two convolutions (5 × 5, then 3 × 3, padded to keep the size), each with ReLU and 2 × 2 max pooling, then a hidden
/// layer with ReLU and the classes. Shape and kernel sizes are those of the project's Python predecessor.
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/pooling.h>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "model/torch_model.h"

namespace dltonic::model {

std::unique_ptr<Model> make_cnn(const Recipe& recipe) {
  using torch::nn::Conv2dOptions;
  const data::FrameShape& shape = recipe.shape;
  const std::vector<int>& channels = recipe.options.channels;
  if (channels.size() != 2)
    throw ConfigError(
        cat("model.channels: a cnn has two convolutions, but the list has ", channels.size(), " elements; e.g. [32, 64]"));
  if (channels[0] < 1 || channels[1] < 1 || recipe.options.cnn_hidden < 1)
    throw ConfigError(cat("model.channels, model.cnn_hidden: every width must be at least 1, but got [", channels[0], ", ",
                          channels[1], "] and ", recipe.options.cnn_hidden));
  if (shape.height < 4 || shape.width < 4)
    throw ConfigError(cat("model.kind: a cnn halves frames twice and needs at least 4 x 4 pixels, but they are ", shape.height,
                          " x ", shape.width, " (height x width); use model.kind=mlp"));

  torch::nn::Sequential layers;
  layers->push_back("conv0", torch::nn::Conv2d(Conv2dOptions(shape.channels, channels[0], 5).padding(2)));
  layers->push_back("relu0", torch::nn::ReLU());
  layers->push_back("pool0", torch::nn::MaxPool2d(2));
  layers->push_back("conv1", torch::nn::Conv2d(Conv2dOptions(channels[0], channels[1], 3).padding(1)));
  layers->push_back("relu1", torch::nn::ReLU());
  layers->push_back("pool1", torch::nn::MaxPool2d(2));
  layers->push_back("flatten", torch::nn::Flatten());
  const std::int64_t pixels = std::int64_t{shape.height / 2 / 2} * (shape.width / 2 / 2);
  layers->push_back("hidden", torch::nn::Linear(channels[1] * pixels, recipe.options.cnn_hidden));
  layers->push_back("relu2", torch::nn::ReLU());
  layers->push_back("classes", torch::nn::Linear(recipe.options.cnn_hidden, recipe.classes));
  return std::make_unique<TorchModel>(recipe, std::move(layers));
}

}  // namespace dltonic::model
