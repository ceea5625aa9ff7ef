/// From one command line to several runs: model.gates=8000,16000 model.tau=1,10 are four.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace dltonic::app {

/// One run of a sweep; of a command line that sweeps nothing: that line.
struct SweepTask {
  std::vector<std::string> words;                           ///< the command line with one value a key
  std::vector<std::pair<std::string, std::string>> values;  ///< of the swept keys
  std::string name;                                         ///< tells the values: "gates=8000-tau=1"; "" where nothing is swept
};

/// A comma parts the values of a key, except in [brackets] and behind a backslash (which is taken away). is_list says which
/// keys hold lists: of them only bracketed values are a sweep, model.hidden=[512,256],[1024], since 512,256 is one list. The
/// last key varies fastest. Names are different from each other and fit for folders. ConfigError for an empty value, and for
/// a value that is given twice.
std::vector<SweepTask> expand_sweep(const std::vector<std::string>& words,
                                    const std::function<bool(const std::string&)>& is_list);

}  // namespace dltonic::app
