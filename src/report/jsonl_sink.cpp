#include <nlohmann/json.hpp>

#include "dltonic/core/clock.h"
#include "dltonic/core/log.h"
#include "dltonic/core/text.h"
#include "dltonic/report/sinks.h"
#include "report/append_file.h"

namespace dltonic::report {
namespace {

class JsonlSink : public train::MetricSink {
 public:
  explicit JsonlSink(const std::filesystem::path& path) : file_(path) {
    const std::size_t dropped = file_.drop_cut_line();
    if (dropped > 0) log::warn(cat(path.string(), ": dropped a last line that was cut off (", dropped, " bytes)"));
  }

  void write(const train::MetricPoint& point) override {
    nlohmann::ordered_json line{{"time", utc_iso()}, {"split", point.split}, {"epoch", point.epoch}, {"step", point.step}};
    for (const auto& [name, value] : point.scalars) line[name] = value;  // not finite: dumped as null
    file_.append(line.dump() + "\n");
  }

  void flush() override { file_.sync(); }

 private:
  AppendFile file_;
};

}  // namespace

std::unique_ptr<train::MetricSink> make_jsonl_sink(const std::filesystem::path& path) {
  return std::make_unique<JsonlSink>(path);
}

}  // namespace dltonic::report
