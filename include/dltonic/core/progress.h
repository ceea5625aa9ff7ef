/// How long work tells a person how far it is. `report` draws it; library code only knows this interface.
#pragma once

#include <cstdint>
#include <string>

namespace dltonic {

class Progress {
 public:
  virtual ~Progress() = default;
  /// Starts a task of `total` units (0: unknown). `unit` is plural: "recordings", "samples".
  virtual void begin(const std::string& /*what*/, std::uint64_t /*total*/, const std::string& /*unit*/) {}
  /// `done` units of the task are finished in all (by all ranks, where the caller knows); `note`: e.g. "loss 0.312".
  virtual void advance(std::uint64_t /*done*/, const std::string& /*note*/ = {}) {}
  virtual void end(const std::string& /*note*/ = {}) {}
};

}  // namespace dltonic
