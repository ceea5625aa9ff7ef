#include <event.pb.h>
#include <unistd.h>

#include <chrono>

#include "dltonic/core/file.h"
#include "dltonic/core/text.h"
#include "dltonic/report/sinks.h"
#include "report/append_file.h"
#include "report/tfrecord.h"

namespace dltonic::report {
namespace {

double wall_time_s() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

/// TensorBoard takes every file with ".tfevents." in its name, in the order of the names: seconds come first. The count
/// keeps two sinks of one process in one second apart.
std::filesystem::path file_in(const std::filesystem::path& folder) {
  static int count = 0;
  char host[256] = "localhost";
  ::gethostname(host, sizeof host - 1);
  make_directories(folder);
  return folder /
         cat("events.out.tfevents.", static_cast<std::int64_t>(wall_time_s()), ".", host, ".", ::getpid(), ".", count++);
}

class TensorBoardSink : public train::MetricSink {
 public:
  explicit TensorBoardSink(const std::filesystem::path& folder) : file_(file_in(folder)) {
    tensorboard::Event event;
    event.set_wall_time(wall_time_s());
    event.set_file_version("brain.Event:2");
    file_.append(tfrecord(event.SerializeAsString()));
  }

  void write(const train::MetricPoint& point) override {
    tensorboard::Event event;
    event.set_wall_time(wall_time_s());
    event.set_step(point.step);
    for (const auto& [name, value] : point.scalars) {
      auto* scalar = event.mutable_summary()->add_value();
      scalar->set_tag(name + "/" + point.split);
      scalar->set_simple_value(static_cast<float>(value));
    }
    file_.append(tfrecord(event.SerializeAsString()));
  }

  void flush() override { file_.sync(); }

 private:
  AppendFile file_;
};

}  // namespace

std::unique_ptr<train::MetricSink> make_tensorboard_sink(const std::filesystem::path& folder) {
  return std::make_unique<TensorBoardSink>(folder);
}

}  // namespace dltonic::report
