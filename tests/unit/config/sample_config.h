/// A small schema with every kind of target, and a folder for configuration files.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dltonic/config/loader.h"
#include "dltonic/core/error.h"

namespace dltonic::config {

struct SampleOptions {
  int gates = 16000, layers = 4;
  std::string kind = "difflogic", tau = "auto", dataset_name = "none", dataset_root, note;
  std::vector<int> hidden = {512};
  std::vector<double> rates;
  std::vector<std::string> tags;
  int epochs = 10, batch_size = 100, micro_batch_size = 50;
  double learning_rate = 0.01;
  std::int64_t far = 0;
  std::uint64_t seed = 0;
  bool augment = false;

  void bind(Section& root) {
    auto& model = root.section("model", "the network");
    model.key("kind", kind, "what is trained").choices({"difflogic", "mlp", "cnn"});
    model.key("gates", gates, "width of one layer").unit("gates").min(1);
    model.key("layers", layers, "gate layers").min(1).max(64);
    model.key("tau", tau, "divisor of the class sums").or_auto().above(0);
    model.key("hidden", hidden, "widths of the hidden layers").min(1);
    auto& data = root.section("data", "what is learnt from");
    data.key("root", dataset_root, "folder of the recordings");
    data.key("name", dataset_name, "name in file names");
    data.section("augmentation").key("flip_x", augment, "mirror half of the samples");
    auto& train = root.section("train", "how it is trained");
    train.key("epochs", epochs, "passes over the training set").min(1);
    train.key("batch_size", batch_size, "samples a step, over all ranks").min(1);
    train.key("micro_batch_size", micro_batch_size, "samples a rank computes at once").min(1);
    train.key("learning_rate", learning_rate, "step size").above(0).below(10);
    train.key("rates", rates, "further rates").min(0);
    train.key("seed", seed, "key of every random draw");
    train.key("far", far, "a large number");
    train.check("micro_batch_size", [this]() -> std::string {
      return micro_batch_size <= batch_size
                 ? ""
                 : "is " + std::to_string(micro_batch_size) + ", more than train.batch_size " + std::to_string(batch_size);
    });
    root.section("run").key("tags", tags, "words to find the run by");
    root.section("run").key("note", note, "a remark");
  }
};

/// A temporary folder, with an empty one in it as the working folder; environment variables set through it are put back.
class ConfigTest : public ::testing::Test {
 protected:
  ConfigTest() {
    std::string name = (std::filesystem::temp_directory_path() / "dltonic-config-XXXXXX").string();
    if (!::mkdtemp(name.data())) std::abort();
    folder_ = name;
    std::filesystem::create_directory(folder_ / "work");
    std::filesystem::current_path(folder_ / "work");
    options_.bind(root_);
    set("DLTONIC_CONFIGS", nullptr);
  }
  ~ConfigTest() override {
    for (auto change = before_.rbegin(); change != before_.rend(); ++change) put(change->first, change->second);
    std::filesystem::current_path(started_in_);
    std::filesystem::remove_all(folder_);
  }

  /// Null unsets it.
  void set(const std::string& name, const char* value) {
    const char* old = std::getenv(name.c_str());
    before_.emplace_back(name, old ? std::optional<std::string>(old) : std::nullopt);
    put(name, value ? std::optional<std::string>(value) : std::nullopt);
  }
  /// Writes a file below the folder; returns its path.
  std::string write(const std::string& name, const std::string& text) {
    const auto path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return path.string();
  }
  void load(const std::vector<std::string>& arguments) { Loader(root_, folder_ / "configs").load(arguments); }
  /// What the ConfigError of loading says; "" where it loads.
  std::string faults(const std::vector<std::string>& arguments) {
    try {
      load(arguments);
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "";
  }

  const std::filesystem::path started_in_ = std::filesystem::current_path();
  std::filesystem::path folder_;
  SampleOptions options_;
  Section root_;

 private:
  static void put(const std::string& name, const std::optional<std::string>& value) {
    value ? ::setenv(name.c_str(), value->c_str(), 1) : ::unsetenv(name.c_str());
  }

  std::vector<std::pair<std::string, std::optional<std::string>>> before_;
};

}  // namespace dltonic::config
