#include "dltonic/core/md5.h"

#include <openssl/evp.h>

#include <memory>

#include "core/digest.h"

namespace dltonic {

std::string md5_file(const std::filesystem::path& path, const std::function<void()>& between) {
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  if (EVP_DigestInit_ex(context.get(), EVP_md5(), nullptr) != 1)
    throw StorageError("this machine's OpenSSL refuses MD5; archives cannot be compared with their published checksums");
  each_piece(path, std::size_t{1} << 22, [&](std::span<const std::byte> bytes) {
    EVP_DigestUpdate(context.get(), bytes.data(), bytes.size());
    if (between) between();
  });
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  EVP_DigestFinal_ex(context.get(), digest, &length);
  return hex_of(std::as_bytes(std::span(digest).first(length)));
}

}  // namespace dltonic
