#include "dltonic/core/text.h"
#include "dltonic/model/model.h"

namespace dltonic::model {

void Options::bind(config::Section& s) {
  s.key("kind", kind, "what is trained: a network of logic gates, or a neural baseline").choices(model_kinds());
  network.bind(s);
  s.key("hidden", hidden, "mlp: widths of the hidden layers").min(1);
  s.key("channels", channels, "cnn: output channels of its two convolutions").min(1);
  s.key("cnn_hidden", cnn_hidden, "cnn: width of the layer before the classes").min(1);
  s.check("hidden", [this]() -> std::string {
    return kind == "mlp" && hidden.empty() ? "an mlp has at least one hidden layer, but the list is empty; e.g. [512]" : "";
  });
  s.check("channels", [this]() -> std::string {
    if (kind != "cnn" || channels.size() == 2) return "";
    return cat("a cnn has two convolutions, but the list has ", channels.size(), " elements; e.g. [32, 64]");
  });
}

}  // namespace dltonic::model
