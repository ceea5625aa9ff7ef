/// mlp: hidden layers with ReLU on the flattened frame, then the classes.
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/linear.h>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "model/torch_model.h"

namespace dltonic::model {

std::unique_ptr<Model> make_mlp(const Recipe& recipe) {
  if (recipe.options.hidden.empty())
    throw ConfigError("model.hidden: an mlp has at least one hidden layer, but the list is empty; e.g. [512]");
  torch::nn::Sequential layers;
  layers->push_back("flatten", torch::nn::Flatten());
  auto inputs = static_cast<std::int64_t>(recipe.shape.features());
  for (std::size_t i = 0; i < recipe.options.hidden.size(); ++i) {
    const int width = recipe.options.hidden[i];
    if (width < 1) throw ConfigError(cat("model.hidden: layer ", i, " has width ", width, "; at least 1 is needed"));
    layers->push_back(cat("hidden", i), torch::nn::Linear(inputs, width));
    layers->push_back(cat("relu", i), torch::nn::ReLU());
    inputs = width;
  }
  layers->push_back("classes", torch::nn::Linear(inputs, recipe.classes));
  return std::make_unique<TorchModel>(recipe, std::move(layers));
}

}  // namespace dltonic::model
