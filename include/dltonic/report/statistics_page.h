/// The page of `dltonic stats`: one HTML file with its data, its script and no others, that opens from disk.
#pragma once

#include <string>

namespace dltonic::report {

/// `json`: as data::to_json gives it.
std::string statistics_page(const std::string& json);

}  // namespace dltonic::report
