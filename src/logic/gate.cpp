#include "dltonic/logic/gate.h"

#include "dltonic/core/error.h"
#include "dltonic/core/random.h"
#include "dltonic/core/text.h"

namespace dltonic::logic {

Parametrization parametrization_from(const std::string& word) {
  if (word == "raw") return Parametrization::raw;
  if (word == "light") return Parametrization::light;
  throw ConfigError(cat("model.parametrization: '", word, "' is not one of raw, light"));
}

Initialization initialization_from(const std::string& word) {
  if (word == "normal") return Initialization::normal;
  if (word == "residual") return Initialization::residual;
  throw ConfigError(cat("model.init: '", word, "' is not one of normal, residual"));
}

Estimator estimator_from(const std::string& word) {
  if (word == "soft") return Estimator::soft;
  if (word == "hard") return Estimator::hard;
  if (word == "gumbel") return Estimator::gumbel;
  throw ConfigError(cat("model.estimator: '", word, "' is not one of soft, hard, gumbel"));
}

std::string_view gate_name(int id) {
  static constexpr std::array<std::string_view, kGateKinds> kNames = {
      "FALSE", "AND",  "A AND NOT B", "A",          "NOT A AND B", "B",          "XOR",  "OR",
      "NOR",   "XNOR", "NOT B",       "A OR NOT B", "NOT A",       "NOT A OR B", "NAND", "TRUE"};
  return kNames.at(static_cast<std::size_t>(id));
}

template <class T>
void initial_logits(T* z, Parametrization p, Initialization how, std::uint64_t seed, std::uint32_t layer, std::uint32_t gate) {
  const int n = logits_per_gate(p);
  if (how == Initialization::normal) {
    Random random(seed, Use::init, layer, gate);
    for (int i = 0; i < n; ++i) z[i] = static_cast<T>(random.normal());
  } else if (p == Parametrization::raw) {
    for (int i = 0; i < n; ++i) z[i] = i == 3 ? T{5} : T{0};  // 3: gate "A"
  } else {
    for (int i = 0; i < n; ++i) z[i] = i >= 2 ? T{3} : T{-3};  // entries 10 and 11
  }
}

template void initial_logits<float>(float*, Parametrization, Initialization, std::uint64_t, std::uint32_t, std::uint32_t);
template void initial_logits<double>(double*, Parametrization, Initialization, std::uint64_t, std::uint32_t, std::uint32_t);

}  // namespace dltonic::logic
