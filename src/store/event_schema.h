#pragma once

namespace dltonic::store {
constexpr const char* kEventSchema = "dltonic.events";
constexpr int kEventVersion = 1;
}  // namespace dltonic::store
