#include "model/registry.h"

#include <algorithm>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"

namespace dltonic::model {

const std::vector<Kind>& registry() {
  static const std::vector<Kind> kinds{
      {"difflogic", make_difflogic, false},
      {"mlp", make_mlp, true},
      {"cnn", make_cnn, true},
  };
  return kinds;
}

std::vector<std::string> model_kinds() {
  std::vector<std::string> names;
  for (const Kind& kind : registry()) names.push_back(kind.name);
  return names;
}

namespace {

const Kind& kind_of(const Options& options) {
  const auto& kinds = registry();
  const auto kind = std::find_if(kinds.begin(), kinds.end(), [&](const Kind& k) { return k.name == options.kind; });
  if (kind != kinds.end()) return *kind;
  const std::string near = nearest(options.kind, model_kinds());
  throw ConfigError(cat("model.kind: there is no model '", options.kind, "'",
                        near.empty() ? "." : cat("; did you mean '", near, "'?"), " Known: ", join(model_kinds())));
}

}  // namespace

void expect_readable(const Options& options, int depth) {
  if (depth == 1 || kind_of(options).reads_floats) return;
  std::vector<std::string> others;
  for (const Kind& kind : registry()) {
    if (kind.reads_floats) others.push_back(kind.name);
  }
  throw ConfigError(
      cat("model ", options.kind,
          ": reads bits, but data.frames.dtype is float16; set it to bits, or use model.kind=", join(others, " or ")));
}

std::unique_ptr<Model> make_model(const Options& options, const data::FrameShape& shape, int classes, std::uint64_t seed,
                                  const logic::OptimizerOptions& optimizer, const logic::LossOptions& loss) {
  const Kind& kind = kind_of(options);
  expect_readable(options, shape.depth);
  if (shape.channels < 1 || shape.height < 1 || shape.width < 1)
    throw ConfigError(cat("model ", options.kind, ": frames of ", shape.channels, " x ", shape.height, " x ", shape.width,
                          " (channels x height x width) hold nothing; at least 1 x 1 x 1 is needed"));
  if (classes < 1) throw ConfigError(cat("model ", options.kind, ": needs at least one class, but got ", classes));
  return kind.make({options, shape, classes, seed, optimizer, loss});
}

}  // namespace dltonic::model
