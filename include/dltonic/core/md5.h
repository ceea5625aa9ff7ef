/// MD5 (OpenSSL), only to compare with what publishers of data sets tell of their archives.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

namespace dltonic {

/// Of a file's content, read in pieces; 32 lower-case hexadecimal digits. `between` is called now and then. Throws
/// StorageError.
std::string md5_file(const std::filesystem::path& path, const std::function<void()>& between = {});

}  // namespace dltonic
