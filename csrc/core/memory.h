// Memory for the kernels: 64-byte aligned, padded arrays, cut from one block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

namespace desire_edge {

// The least multiple of `multiple` that is no smaller than `size`.
inline int64_t padded(int64_t size, int64_t multiple) { return (size + multiple - 1) / multiple * multiple; }

// Hands out arrays of a block one after the other; without a block it only counts what they need.
class Arena {
 public:
  explicit Arena(void* block = nullptr) : block_(reinterpret_cast<uintptr_t>(block)) {
    if (block_ != 0) block_ = aligned(block_);
  }

  template <class T>
  T* take(int64_t count) {
    const uintptr_t offset = used_;
    used_ = aligned(used_ + static_cast<uintptr_t>(count) * sizeof(T));
    return block_ == 0 ? nullptr : reinterpret_cast<T*>(block_ + offset);
  }

  // The same, of zeros.
  float* zeros(int64_t count) {
    float* data = take<float>(count);
    if (data != nullptr) std::memset(data, 0, static_cast<size_t>(count) * sizeof(float));
    return data;
  }

  bool counts_only() const { return block_ == 0; }

  // Bytes that a block needs for what was taken, wherever it begins.
  size_t bytes() const { return used_ + kAlignment; }

 private:
  static constexpr uintptr_t kAlignment = 64;
  static uintptr_t aligned(uintptr_t address) { return (address + kAlignment - 1) / kAlignment * kAlignment; }

  uintptr_t block_;
  uintptr_t used_ = 0;
};

// A block of the heap, not initialised.
class Block {
 public:
  explicit Block(size_t bytes) : data_(std::malloc(bytes)) {
    if (data_ == nullptr) throw std::bad_alloc();
  }
  ~Block() { std::free(data_); }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  void* data() const { return data_; }

 private:
  void* data_;
};

}  // namespace desire_edge
