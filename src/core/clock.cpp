#include "dltonic/core/clock.h"

#include <chrono>
#include <ctime>

namespace dltonic {
namespace {
std::string utc(const char* format) {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm fields{};
  gmtime_r(&now, &fields);
  char text[32];
  return {text, std::strftime(text, sizeof text, format, &fields)};
}
}  // namespace

double steady_seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }
std::string utc_compact() { return utc("%Y%m%dT%H%M%SZ"); }
std::string utc_iso() { return utc("%Y-%m-%dT%H:%M:%SZ"); }

}  // namespace dltonic
