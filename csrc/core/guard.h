// The C ABI's boundary: what is thrown becomes a status and a sentence.
#pragma once

#include <algorithm>
#include <cstring>
#include <new>
#include <stdexcept>

#include "check.h"

namespace desire_edge {

inline void write_error(const char* message, char* error, size_t capacity) noexcept {
  if (error == nullptr || capacity == 0) return;
  const size_t length = std::min(std::strlen(message), capacity - 1);
  std::memcpy(error, message, length);
  error[length] = '\0';
}

template <class Call>
desire_edge_status guarded(char* error, size_t capacity, Call call) noexcept {
  desire_edge_status status = DESIRE_EDGE_OK;
  try {
    write_error("", error, capacity);
    call();
    return status;
  } catch (const Failure& failure) {
    write_error(failure.what(), error, capacity);
    return failure.status();
  } catch (const std::bad_alloc&) {
    status = DESIRE_EDGE_OUT_OF_MEMORY;
  } catch (const std::length_error&) {
    status = DESIRE_EDGE_OUT_OF_MEMORY;
  } catch (...) {
    status = DESIRE_EDGE_INTERNAL_ERROR;
  }
  write_error(desire_edge_status_message(status), error, capacity);
  return status;
}

}  // namespace desire_edge
