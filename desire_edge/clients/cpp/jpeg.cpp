#include <csetjmp>
#include <cstdio>
#include <stdexcept>
#include <utility>

// clang-format off: the first needs <cstdio>, and says of which version the codes of the second are
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#include "image.h"

namespace app {
namespace {

constexpr std::string_view kExif("Exif\0\0", 6);

/* libjpeg's structures, freed whatever happens; its errors come back to `jump`. */
struct Reader {
  jpeg_decompress_struct jpeg;
  jpeg_error_mgr errors;
  std::jmp_buf jump;
  char error[JMSG_LENGTH_MAX];

  Reader() : jpeg{}, errors{}, jump{}, error{} {
    jpeg.err = jpeg_std_error(&errors);
    jpeg.client_data = this;
    errors.error_exit = fail;
    errors.emit_message = warn;
  }
  ~Reader() { jpeg_destroy_decompress(&jpeg); }

  [[noreturn]] static void fail(j_common_ptr jpeg) {
    auto* reader = static_cast<Reader*>(jpeg->client_data);
    jpeg->err->format_message(jpeg, reader->error);
    std::longjmp(reader->jump, 1);
  }
  /* Damage that a picture can still be made of is none; where it breaks off is. */
  static void warn(j_common_ptr jpeg, int level) {
    if (level < 0 && jpeg->err->msg_code == JWRN_JPEG_EOF) fail(jpeg);
  }
};

/* Reads up to the colours; false where it cannot. No object with a destructor may be made in here. */
bool read_header(Reader* reader, std::string_view content) {
  if (setjmp(reader->jump) != 0) return false;
  jpeg_create_decompress(&reader->jpeg);
  jpeg_save_markers(&reader->jpeg, JPEG_APP0 + 1, 0xffff);
  jpeg_mem_src(&reader->jpeg, reinterpret_cast<const unsigned char*>(content.data()), content.size());
  jpeg_read_header(&reader->jpeg, TRUE);
  const bool four = reader->jpeg.num_components == 4;
  reader->jpeg.out_color_space = four ? JCS_CMYK : JCS_RGB;
  jpeg_calc_output_dimensions(&reader->jpeg);
  return true;
}

bool read_rows(Reader* reader, uint8_t* into) {
  if (setjmp(reader->jump) != 0) return false;
  jpeg_decompress_struct* jpeg = &reader->jpeg;
  jpeg_start_decompress(jpeg);
  while (jpeg->output_scanline < jpeg->output_height) {
    JSAMPROW row =
        into + static_cast<size_t>(jpeg->output_scanline) * jpeg->output_width * jpeg->output_components;
    jpeg_read_scanlines(jpeg, &row, 1);
  }
  return true;
}

/* Inks, which files hold as Adobe does, the other way round, as colours, in Pillow's arithmetic. */
void from_inks(Decoded* picture) {
  const std::vector<uint8_t> inks = std::move(picture->bytes);
  picture->bytes.resize(inks.size() / 4 * 3);
  for (size_t pixel = 0; pixel < inks.size() / 4; ++pixel) {
    const auto ink = [&](int i) { return 255 - inks[4 * pixel + i]; };
    const int paper = 255 - ink(3);
    for (int i = 0; i < 3; ++i) {
      const int product = ink(i) * paper + 128;
      picture->bytes[3 * pixel + i] = static_cast<uint8_t>(paper - (((product >> 8) + product) >> 8));
    }
  }
}

}  // namespace

Decoded decode_jpeg(std::string_view content, const std::string& where, RefuseLarge refuse_large) {
  Reader reader;
  if (!read_header(&reader, content)) throw std::runtime_error(reader.error);
  Decoded made;
  made.width = reader.jpeg.output_width;
  made.height = reader.jpeg.output_height;
  refuse_large(made.width, made.height, where);
  const auto components = static_cast<int64_t>(reader.jpeg.out_color_components);
  made.bytes.resize(static_cast<size_t>(components * made.width * made.height));
  for (auto* marker = reader.jpeg.marker_list; marker != nullptr; marker = marker->next) {
    const std::string_view data(reinterpret_cast<const char*>(marker->data), marker->data_length);
    if (data.substr(0, kExif.size()) != kExif) continue;
    made.orientation = orientation_of(data.substr(kExif.size()));
    break;
  }
  if (!read_rows(&reader, made.bytes.data())) throw std::runtime_error(reader.error);
  if (components == 4) from_inks(&made);
  return made;
}

}  // namespace app
