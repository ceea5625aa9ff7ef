#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>

#include "app/command.h"
#include "app/run_config.h"
#include "app/run_setup.h"
#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "dltonic/core/log.h"
#include "dltonic/core/stop.h"
#include "dltonic/core/text.h"
#include "dltonic/data/statistics.h"
#include "dltonic/report/statistics_page.h"

namespace dltonic::app {
namespace {

using Json = nlohmann::json;

/// "-" where there is nothing to tell.
std::string shown(const Json& value, double scale, int decimals) {
  return value.is_number() ? fixed(scale * value.get<double>(), decimals) : "-";
}

void print_row(const std::string& split, const std::string& name, const Json& facts) {
  const auto of = [&](const char* what, const char* which) { return facts[what].is_null() ? Json() : facts[what][which]; };
  std::cout << std::left << std::setw(7) << split << std::setw(20) << name.substr(0, 19) << std::right << std::setw(11)
            << with_commas(facts["recordings"].get<std::uint64_t>()) << std::setw(15)
            << with_commas(facts["events"].get<std::uint64_t>()) << std::setw(11)
            << shown(of("events_per_recording", "mean"), 1, 0) << std::setw(10)
            << shown(of("events_per_recording", "q05"), 1, 0) << std::setw(10) << shown(of("events_per_recording", "q95"), 1, 0)
            << std::setw(10) << shown(of("duration_us", "median"), 1e-3, 1) << std::setw(7) << shown(facts["on_share"], 100, 1)
            << std::setw(8) << shown(facts["bits_share"], 100, 2) << '\n';
}

void print_table(const Json& statistics) {
  std::cout << std::left << std::setw(7) << "split" << std::setw(20) << "class" << std::right << std::setw(11) << "recordings"
            << std::setw(15) << "events" << std::setw(11) << "mean" << std::setw(10) << "5 %" << std::setw(10) << "95 %"
            << std::setw(10) << "ms" << std::setw(7) << "ON %" << std::setw(8) << "set %" << '\n';
  for (const Json& split : statistics["splits"]) {
    for (const Json& one : split["classes"]) print_row(split["name"], one["name"], one);
    print_row(split["name"], "all", split);
  }
}

int stats(comm::World& world, const ConfigArguments& arguments, const std::string& out, bool as_json) {
  RunConfig config;
  if (arguments.help_config) return print_config_help(world, config);
  config.load(world, arguments.words);
  share_cores(world);
  stop::on_signals("stats");
  const auto progress = root_progress(world, config);
  const auto statistics = data::collect_statistics(world, config.data, config.dirs().project, *progress);
  const std::filesystem::path folder =
      out.empty() ? config.dirs().project / "data" / (config.data.name + "-stats") : std::filesystem::path(out);
  world.agree("write the statistics", [&] {
    if (!world.is_root()) return;
    const std::string text = data::to_json(statistics);
    make_directories(folder);
    write_file_atomic(folder / "stats.json", text + "\n");
    write_file_atomic(folder / "stats.html", report::statistics_page(text));
    const Json parsed = Json::parse(text);
    if (as_json) {
      std::cout << Json{{"page", (folder / "stats.html").string()},
                        {"json", (folder / "stats.json").string()},
                        {"recordings", statistics.recordings.size()},
                        {"duplicates", parsed["duplicates"].size()},
                        {"skipped", statistics.skipped}}
                << std::endl;
      return;
    }
    std::cout << statistics.source << '\n';
    print_table(parsed);
    if (!parsed["duplicates"].empty())
      std::cout << parsed["duplicates"].size() << " groups of recordings with the same events: see stats.json\n";
    std::cout << "written: " << (folder / "stats.html").string() << ", stats.json" << std::endl;
  });
  for (const std::string& skipped : statistics.skipped) log::warn("skipped: " + skipped);
  return kExitDone;
}

}  // namespace

void add_stats(CLI::App& cli, Run& run) {
  auto* command =
      cli.add_subcommand("stats", "count what a data set holds, by split and class: a table, stats.json, a page with plots");
  auto arguments = std::make_shared<ConfigArguments>();
  auto out = std::make_shared<std::string>();
  auto as_json = std::make_shared<bool>(false);
  arguments->add_to(*command);
  command->add_option("--out", *out, "folder for stats.json and stats.html (default: <project>/data/<data.name>-stats)");
  command->add_flag("--json", *as_json, "print one JSON object on the last line of standard output");
  command->callback([=, &run] { run = [=](comm::World& world) { return stats(world, *arguments, *out, *as_json); }; });
}

}  // namespace dltonic::app
