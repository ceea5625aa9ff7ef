/// Writes an event file for tensorboard_reads_back.py: write_tensorboard <folder>.
#include "dltonic/report/sinks.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const auto sink = dltonic::report::make_tensorboard_sink(argv[1]);
  for (int epoch = 1; epoch <= 300; ++epoch) {
    sink->write({"train", epoch * 540, epoch, {{"loss", 1.0 / epoch}, {"accuracy", 1.0 - 1.0 / epoch}}});
    if (epoch % 10 == 0) sink->write({"val", epoch * 540, epoch, {{"f1_macro", 0.5}}});
  }
  sink->write({"train", std::int64_t{1} << 40, 301, {{"loss", 0.0}}});
  sink->flush();
}
