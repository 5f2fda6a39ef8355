/* Pictures: PNG and JPEG to RGB of any size; as desire_edge/inputs/images.py. */
#ifndef DESIRE_EDGE_APP_IMAGE_H
#define DESIRE_EDGE_APP_IMAGE_H

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace app {

constexpr int64_t kMostPixels =
    50'000'000; /* a picture comes from anyone: a small file may unpack to a huge one */

/* RGB [height, width, 3], row by row from the top. */
struct Pixels {
  int64_t height = 0, width = 0;
  std::vector<uint8_t> rgb;
};

/* The picture in a PNG or JPEG file's bytes, turned as its EXIF says; what shines through is laid on white. */
Pixels decode_image(const std::string& content, const std::string& where);

/* What a file's EXIF, from its TIFF header on, says of how the picture is turned: 1 (not at all) to 8. */
int orientation_of(std::string_view tiff);

/* Colours of a file, before they are turned: 3 or 4 bytes a pixel, RGB or RGBA, and the EXIF beside them. */
struct Decoded {
  int64_t height = 0, width = 0;
  int channels = 3;
  std::vector<uint8_t> bytes;
  int orientation = 1;
};

/* By libpng and libjpeg; a std::runtime_error says why a file cannot be read. `refuse_large` is called with the
 * width and height before anything is unpacked. */
using RefuseLarge = void (*)(int64_t width, int64_t height, const std::string& where);
Decoded decode_png(std::string_view content, const std::string& where, RefuseLarge refuse_large);
Decoded decode_jpeg(std::string_view content, const std::string& where, RefuseLarge refuse_large);

}  // namespace app

#endif
