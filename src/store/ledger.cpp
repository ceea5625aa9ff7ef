#include "store/ledger.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "dltonic/core/log.h"

namespace dltonic::store {
namespace {

constexpr std::size_t kSpareLines = 200;  ///< superseded lines that a ledger may hold before it is written anew

std::string line_of(const std::string& name, const CopyRecord& entry) {
  const nlohmann::json line{{"file", name},
                            {"source", {entry.source.bytes, entry.source.mtime_ns}},
                            {"copy", {entry.copy.bytes, entry.copy.mtime_ns}},
                            {"checksum", entry.checksum}};
  return line.dump() + "\n";
}

}  // namespace

std::optional<Stamp> stamp_of(const std::filesystem::path& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  return Stamp{static_cast<std::uint64_t>(status.st_size),
               std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec};
}

Ledger::Ledger(std::filesystem::path folder) : folder_(std::move(folder)) {
  std::ifstream file(folder_ / kLedgerFile);
  for (std::string line; std::getline(file, line); ++lines_) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (json.is_discarded()) continue;
    try {
      const auto stamp = [&](const char* key) {
        return Stamp{json.at(key).at(0).get<std::uint64_t>(), json.at(key).at(1).get<std::int64_t>()};
      };
      entries_[json.at("file")] = {stamp("source"), stamp("copy"), json.at("checksum")};
    } catch (const nlohmann::json::exception&) {
      continue;
    }
  }
}

const CopyRecord* Ledger::find(const std::string& name) const {
  const auto it = entries_.find(name);
  return it == entries_.end() ? nullptr : &it->second;
}

void Ledger::record(const std::string& name, const CopyRecord& entry) {
  entries_[name] = entry;
  if (++lines_ > entries_.size() + kSpareLines) {
    write_anew();
    lines_ = entries_.size();
    return;
  }
  const std::string line = line_of(name, entry);
  const int fd = ::open((folder_ / kLedgerFile).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  const bool written = fd >= 0 && ::write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  if (fd >= 0) ::close(fd);
  if (!written) log::debug("cannot note a copy in " + (folder_ / kLedgerFile).string());
}

void Ledger::write_anew() const {
  std::string text;
  for (const auto& [name, entry] : entries_) text += line_of(name, entry);
  try {
    write_file_atomic(folder_ / kLedgerFile, text);
  } catch (const StorageError& error) {
    log::debug(error.what());
  }
}

}  // namespace dltonic::store
