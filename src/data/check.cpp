#include "dltonic/data/check.h"

#include <algorithm>
#include <optional>
#include <sstream>

#include "data/published.h"
#include "data/survey.h"
#include "data/unpack_archives.h"
#include "dltonic/core/error.h"
#include "dltonic/core/md5.h"
#include "dltonic/core/stop.h"
#include "dltonic/core/text.h"
#include "dltonic/events/archive.h"

namespace dltonic::data {
namespace {

constexpr double kPhaseLimit_s = 6 * 3600;

std::string from_where(const PublishedSet* set) { return set == nullptr ? "" : cat("; it is to be had from ", set->page); }

/// Each archive by one rank. collective
void check_archives(comm::World& world, const std::string& root, const PublishedSet* set, Progress& progress,
                    comm::Phase& phase, CheckResult& result) {
  std::string mine;
  world.agree("compare checksums of archives", [&] {
    const auto archives = events::archives_of(root);
    const auto published = set == nullptr ? std::vector<PublishedArchive>{} : set->archives;
    progress.begin("checksums", archives.size(), "archives");
    for (std::size_t i = 0; i < archives.size(); ++i) {
      if (i % static_cast<std::size_t>(world.size()) != static_cast<std::size_t>(world.rank())) continue;
      const std::string name = archives[i].filename().string();
      const auto known =
          std::find_if(published.begin(), published.end(), [&](const auto& archive) { return archive.name == name; });
      if (known == published.end()) {
        mine += cat("+", name, ": no published checksum is known\n");
      } else {
        const std::string md5 = md5_file(archives[i], [&] {
          phase.alive();
          if (stop::wished()) throw StopError(cat(stop::command(), " was stopped by ", stop::reason(), "; run it again"));
        });
        if (md5 == known->md5) mine += cat("+", name, ": md5 ", md5, ", as published\n");
        else
          mine += cat("-", archives[i].string(), " has md5 ", md5, ", published is ", known->md5,
                      ": it is damaged or another version; it (", known->what, ") is to be had from ",
                      known->page.empty() ? set->page : known->page, "\n");
      }
      progress.advance(i + 1);
    }
    progress.end();
  });
  for (const std::string& text : world.gather(mine)) {
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) (line[0] == '+' ? result.good : result.faults).push_back(line.substr(1));
  }
}

/// What differs from the published numbers; empty where nothing does.
std::vector<std::string> differences(const Survey& survey, const events::RecordingSource& source,
                                     const PublishedCounts& published) {
  std::vector<std::string> found;
  const auto compare = [&](events::Split split, const char* name, std::uint64_t total,
                           const std::vector<std::uint64_t>& of_class) {
    std::vector<std::uint64_t> counts(source.classes().size(), 0);
    std::uint64_t all = 0;
    for (const auto& row : survey.table) {
      if (row.split != split) continue;
      ++counts[row.label];
      ++all;
    }
    for (std::size_t label = 0; label < of_class.size() && label < counts.size(); ++label) {
      if (counts[label] == of_class[label]) continue;
      found.push_back(cat(name, "class ", source.classes()[label], " has ", with_commas(counts[label]), " good recordings, ",
                          with_commas(of_class[label]), " are published"));
    }
    if (of_class.empty() && all != total)
      found.push_back(cat(name, "there are ", with_commas(all), " good recordings, ", with_commas(total), " are published"));
  };
  compare(events::Split::train, "train: ", published.train, published.train_of);
  compare(events::Split::test, "test: ", published.test, published.test_of);
  compare(events::Split::none, "", published.none, published.none_of);
  return found;
}

}  // namespace

CheckResult check_data(comm::World& world, const Options& options, const std::filesystem::path& project, Progress& progress) {
  if (options.kind == "images") throw ConfigError("prepare --check looks at recordings; data.kind is images");
  auto phase = world.phase("check", kPhaseLimit_s);
  const PublishedSet* set = published_set(options.source.layout);
  CheckResult result;
  check_archives(world, options.source.root, set, progress, phase, result);
  std::unique_ptr<events::RecordingSource> source;
  try {
    const auto unpacked = unpack_archives(world, options, project, progress, phase);
    world.agree("list recordings", [&] { source = events::make_source(unpacked); });
  } catch (const DataError& error) {  // agreed: the same on every rank
    result.faults.push_back(cat(error.what(), from_where(set)));
    return result;
  }
  const Survey seen = survey(world, *source, progress, phase);
  result.recordings = seen.table.size();
  result.events = seen.events;
  for (const std::string& why : seen.damaged) result.faults.push_back(why + from_where(set));
  result.good.push_back(
      cat(with_commas(result.recordings), " recordings with ", with_commas(result.events), " events are read and decoded"));
  if (set == nullptr) return result;
  std::optional<std::vector<std::string>> least;
  std::string nearest;  // form
  for (const PublishedCounts& counts : set->counts) {
    auto found = differences(seen, *source, counts);
    if (found.empty())
      result.good.push_back(cat("their numbers are those of ", set->title, " as published (", counts.form, ")"));
    if (!least || found.size() < least->size()) least = std::move(found), nearest = counts.form;
  }
  for (const std::string& difference : *least)
    result.faults.push_back(cat(set->title, " (compared with ", nearest, "), ", difference, from_where(set)));
  return result;
}

}  // namespace dltonic::data
