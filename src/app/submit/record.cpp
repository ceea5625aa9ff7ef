#include "app/submit/record.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "dltonic/core/file.h"
#include "dltonic/core/log.h"
#include "dltonic/core/text.h"
#include "dltonic/core/version.h"

namespace fs = std::filesystem;

namespace dltonic::app {
namespace {

using Json = nlohmann::ordered_json;

Record from_json(const Json& json, const fs::path& folder) {
  Record record{folder, json.at("job").get<std::string>(), json.at("submitted").get<std::string>(), {}};
  for (const Json& item : json.at("runs")) {
    SubmittedRun run{item.at("name").get<std::string>(),
                     item.at("dir").get<std::string>(),
                     item.at("words").get<std::vector<std::string>>(),
                     {}};
    for (const auto& [key, value] : item.at("values").items()) run.values.emplace_back(key, value.get<std::string>());
    record.runs.push_back(std::move(run));
  }
  return record;
}

}  // namespace

std::string Record::job_of(std::size_t run) const { return job.empty() || runs.size() < 2 ? job : cat(job, "_", run); }

void write_record(const Record& record, const Job& job) {
  Json json{{"job", record.job},
            {"submitted", record.submitted},
            {"nodes", job.size.nodes},
            {"ranks", job.ranks()},
            {"gpus_per_node", job.size.gpus_per_node},
            {"time", job.cluster.time},
            {"launcher", job.cluster.launcher},
            {"container", job.cluster.container},
            {"version", version()},
            {"git", git_hash()},
            {"runs", Json::array()}};
  for (const SubmittedRun& run : record.runs) {
    Json values = Json::object();
    for (const auto& [key, value] : run.values) values[key] = value;
    json["runs"].push_back({{"name", run.name}, {"dir", run.dir.string()}, {"words", run.words}, {"values", values}});
  }
  write_file_atomic(record.folder / "submit.json", json.dump(2) + "\n");
}

std::vector<Record> read_records(const fs::path& project) {
  std::vector<Record> records;
  std::error_code error;
  for (const auto& item : fs::directory_iterator(project / "jobs", error)) {
    const fs::path path = item.path() / "submit.json";
    if (!fs::exists(path)) continue;
    try {
      records.push_back(from_json(Json::parse(read_text(path)), item.path()));
    } catch (const std::exception& fault) {
      log::warn(cat(path.string(), " is left out: ", fault.what()));
    }
  }
  std::sort(records.begin(), records.end(),
            [](const Record& a, const Record& b) { return std::tie(a.submitted, a.folder) < std::tie(b.submitted, b.folder); });
  return records;
}

}  // namespace dltonic::app
