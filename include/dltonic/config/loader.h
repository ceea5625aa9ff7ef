/// From configuration files and the command line into the structs that modules bound to a Section.
///
///   train configs/experiment/nmnist_difflogic.yaml train.epochs=50 model.gates=128000
///   train experiment=nmnist_difflogic model=mlp train.epochs=5
///
/// Files compose: `include: [../dataset/nmnist.yaml, ../model/difflogic.yaml]` (paths relative to the including file, or
/// to the configs folder) come first, the including file wins over them, later includes win over earlier ones, and
/// `key=value` overrides win last, in their order. `dataset=`, `model=`, `cluster=` and `experiment=` choose the file
/// <configs>/<group>/<name>.yaml: it takes the place of what the experiment includes from that group, so the experiment's
/// own keys still win over it; a chosen file whose group is not included comes before everything else.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "dltonic/config/section.h"

namespace dltonic::config {

class Loader {
 public:
  /// `root` and everything bound to it must outlive the loader. The configs folder is $DLTONIC_CONFIGS, else a folder
  /// `configs` beside or above the given file, else ./configs, else `default_configs`.
  explicit Loader(Section& root, std::filesystem::path default_configs = {});

  /// Binds [FILE] KEY=VALUE... to the targets. All faults are collected and thrown as one ConfigError, a line each:
  /// "file:line:column: key: message" or "command line: argument: message". A faulty key leaves its target alone.
  /// Reads files, does not communicate.
  void load(const std::vector<std::string>& arguments);
  /// Binds a configuration held as text, such as effective_yaml() or effective_json() gave; `name` stands for the file
  /// in faults. Includes are taken relative to the working folder.
  void load_text(const std::string& text, const std::string& name);

  /// Where a key got its value, as faults name it: "configs/model/mlp.yaml:3:9", "command line: model.gates=5"; "" where
  /// it has its default.
  std::string where(const std::string& key) const;

 private:
  Section& root_;
  std::filesystem::path default_configs_;
  std::map<std::string, std::string> where_;
};

}  // namespace dltonic::config
