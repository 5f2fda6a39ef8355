#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <stdexcept>

#include "image.h"

namespace app {
namespace {

struct Source {
  std::string_view content;
  size_t at = 0;
};

void read_bytes(png_structp png, png_bytep into, size_t size) {
  auto* source = static_cast<Source*>(png_get_io_ptr(png));
  if (size > source->content.size() - source->at) png_error(png, "it is cut short");
  std::copy_n(source->content.data() + source->at, size, into);
  source->at += size;
}

[[noreturn]] void fail(png_structp png, png_const_charp message) {
  *static_cast<std::string*>(png_get_error_ptr(png)) = message;
  png_longjmp(png, 1);
}

void ignore(png_structp, png_const_charp) {}

/* libpng's structures, freed whatever happens. */
struct Reader {
  std::string error;
  Source source;
  png_structp png;
  png_infop info;

  explicit Reader(std::string_view content)
      : source{content},
        png(png_create_read_struct(PNG_LIBPNG_VER_STRING, &error, fail, ignore)),
        info(nullptr) {
    if (png != nullptr) info = png_create_info_struct(png);
  }
  ~Reader() { png_destroy_read_struct(&png, &info, nullptr); }
};

/* Reads up to the colours, and has libpng give RGBA of 8 bits; false where it cannot. No object with a
 * destructor may be made in here: libpng leaves by longjmp. */
bool read_header(Reader* reader) {
  if (setjmp(png_jmpbuf(reader->png)) != 0) return false;
  png_structp png = reader->png;
  png_set_read_fn(png, &reader->source, read_bytes);
  png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  png_read_info(png, reader->info);
  const int depth = png_get_bit_depth(png, reader->info), type = png_get_color_type(png, reader->info);
  // As Pillow does, which knows no transparent grey of 16 bits.
  const bool opaque = depth == 16 && type == PNG_COLOR_TYPE_GRAY;
  if (depth == 16) png_set_strip_16(png);
  if (type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
  if (type == PNG_COLOR_TYPE_GRAY && depth < 8) png_set_expand_gray_1_2_4_to_8(png);
  const bool clear = png_get_valid(png, reader->info, PNG_INFO_tRNS) != 0;
  if (clear && !opaque) png_set_tRNS_to_alpha(png);
  if (type == PNG_COLOR_TYPE_GRAY || type == PNG_COLOR_TYPE_GRAY_ALPHA) png_set_gray_to_rgb(png);
  png_set_filler(png, 255, PNG_FILLER_AFTER);
  png_set_interlace_handling(png);
  png_read_update_info(png, reader->info);
  return true;
}

bool read_rows(Reader* reader, png_bytepp rows) {
  if (setjmp(png_jmpbuf(reader->png)) != 0) return false;
  png_read_image(reader->png, rows);
  png_read_end(reader->png, reader->info);  // EXIF may follow the colours
  return true;
}

}  // namespace

Decoded decode_png(std::string_view content, const std::string& where, RefuseLarge refuse_large) {
  Reader reader(content);
  if (reader.info == nullptr) throw std::runtime_error("there is no memory");
  if (!read_header(&reader)) throw std::runtime_error(reader.error);
  Decoded made;
  made.width = png_get_image_width(reader.png, reader.info);
  made.height = png_get_image_height(reader.png, reader.info);
  made.channels = 4;
  refuse_large(made.width, made.height, where);
  if (png_get_rowbytes(reader.png, reader.info) != 4 * static_cast<size_t>(made.width))
    throw std::runtime_error("its colours are of no kind that is known");
  made.bytes.resize(static_cast<size_t>(4 * made.width * made.height));
  std::vector<png_bytep> rows(static_cast<size_t>(made.height));
  for (size_t row = 0; row < rows.size(); ++row)
    rows[row] = made.bytes.data() + row * 4 * static_cast<size_t>(made.width);
  if (!read_rows(&reader, rows.data())) throw std::runtime_error(reader.error);
  png_uint_32 size = 0;
  png_bytep exif = nullptr;
  if (png_get_eXIf_1(reader.png, reader.info, &size, &exif) != 0)
    made.orientation = orientation_of({reinterpret_cast<const char*>(exif), size});
  return made;
}

}  // namespace app
