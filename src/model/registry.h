/// The kinds of model by name. A new kind is one source file with its factory and one line in registry.cpp.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dltonic/model/model.h"

namespace dltonic::model {

/// What a factory makes a model from.
struct Recipe {
  Options options;
  data::FrameShape shape;
  int classes = 0;
  std::uint64_t seed = 0;
  logic::OptimizerOptions optimizer;
  logic::LossOptions loss;
};

struct Kind {
  std::string name;
  std::unique_ptr<Model> (*make)(const Recipe&);  ///< throws ConfigError where the options do not fit the shape
  bool reads_floats;                              ///< also frames of half floats
};

const std::vector<Kind>& registry();

std::unique_ptr<Model> make_difflogic(const Recipe& recipe);
std::unique_ptr<Model> make_mlp(const Recipe& recipe);
std::unique_ptr<Model> make_cnn(const Recipe& recipe);

}  // namespace dltonic::model
