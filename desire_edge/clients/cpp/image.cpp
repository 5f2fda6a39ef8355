#include "image.h"

#include <stdexcept>

#include "error.h"

namespace app {
namespace {

constexpr int kOrientationTag = 0x112, kShort = 3, kLong = 4;

void refuse_large(int64_t width, int64_t height, const std::string& where) {
  if (width <= kMostPixels && height <= kMostPixels && width * height <= kMostPixels) return;
  refuse("image-large"_code, where, " is a picture of ", width, " × ", height, " pixels; at most ",
         kMostPixels / 1'000'000, " megapixels are read");
}

/* The colour that shows where it lies on white. */
uint8_t on_white(uint8_t colour, uint8_t alpha) {
  return static_cast<uint8_t>((colour * alpha + 255 * (255 - alpha) + 127) / 255);
}

/* Turned as EXIF's `orientation` says, on white. */
Pixels upright(const Decoded& given) {
  const int64_t h = given.height, w = given.width;
  const int turned = given.orientation - 1;
  const bool swapped = turned >= 4;                                             // rows become columns
  const bool right = turned == 1 || turned == 2 || turned == 5 || turned == 6;  // columns from the right
  const bool below = turned == 2 || turned == 3 || turned == 6 || turned == 7;  // rows from below
  Pixels made{swapped ? w : h, swapped ? h : w, {}};
  made.rgb.resize(static_cast<size_t>(3 * h * w));
  uint8_t* to = made.rgb.data();
  for (int64_t row = 0; row < made.height; ++row) {
    for (int64_t column = 0; column < made.width; ++column, to += 3) {
      const int64_t r = below ? made.height - 1 - row : row, c = right ? made.width - 1 - column : column;
      const int64_t pixel = swapped ? c * w + r : r * w + c;
      const uint8_t* from = given.bytes.data() + given.channels * pixel;
      for (int i = 0; i < 3; ++i) to[i] = given.channels == 4 ? on_white(from[i], from[3]) : from[i];
    }
  }
  return made;
}

}  // namespace

Pixels decode_image(const std::string& content, const std::string& where) {
  const auto begins = [&](std::string_view magic) { return content.compare(0, magic.size(), magic) == 0; };
  try {
    if (begins("\x89PNG\r\n\x1a\n")) return upright(decode_png(content, where, refuse_large));
    if (begins("\xff\xd8\xff")) return upright(decode_jpeg(content, where, refuse_large));
    throw std::runtime_error("it does not begin like one");
  } catch (const Error&) {
    throw;
  } catch (const std::runtime_error& error) {
    refuse("image"_code, where, " is not a whole PNG or JPEG picture: ", error.what());
  }
}

int orientation_of(std::string_view tiff) {
  const bool big = tiff.substr(0, 4) == std::string_view("MM\0*", 4);
  if (!big && tiff.substr(0, 4) != std::string_view("II*\0", 4)) return 1;
  const auto value = [&](size_t at, size_t size) -> uint32_t {
    uint32_t found = 0;
    if (at > tiff.size() || size > tiff.size() - at) return 0;
    for (size_t i = 0; i < size; ++i) {
      found |= uint32_t{static_cast<uint8_t>(tiff[at + i])} << 8 * (big ? size - 1 - i : i);
    }
    return found;
  };
  const size_t directory = value(4, 4), count = value(directory, 2);
  for (size_t entry = directory + 2; entry < directory + 2 + 12 * count && entry < tiff.size(); entry += 12) {
    if (value(entry, 2) != kOrientationTag) continue;
    const uint32_t type = value(entry + 2, 2);
    const uint32_t found = type == kShort ? value(entry + 8, 2) : type == kLong ? value(entry + 8, 4) : 1;
    return found >= 1 && found <= 8 ? static_cast<int>(found) : 1;
  }
  return 1;
}

}  // namespace app
