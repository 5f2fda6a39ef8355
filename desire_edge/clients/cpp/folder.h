/* A folder of examples: its metadata, and the files that they name; as desire_edge/inputs/folder.py reads it.
 */
#ifndef DESIRE_EDGE_APP_FOLDER_H
#define DESIRE_EDGE_APP_FOLDER_H

#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace app {

/* The text of an entry that has one and names no file; nothing where the example is a file. */
std::optional<std::string> text_of(const nlohmann::json& entry, const std::string& where);

class Folder {
 public:
  /* Refuses what is no folder, or has not one of metadata.jsonl and metadata.csv. */
  explicit Folder(const std::filesystem::path& path);

  const std::filesystem::path& metadata() const { return metadata_; }
  /* Calls `entry` for each entry of the metadata, an object; `where` names its file and line. */
  using Entry = std::function<void(const nlohmann::json& entry, const std::string& where)>;
  void for_each_entry(const Entry& entry) const;
  /* The file that an entry names; paths and links that lead out of the folder are refused. */
  std::filesystem::path file_of(const nlohmann::json& entry, const std::string& where);

 private:
  std::optional<std::filesystem::path> file_composed_as(const std::string& name);

  std::filesystem::path path_, metadata_;
  std::optional<std::map<std::string, std::filesystem::path>> files_; /* by their paths in NFC, once needed */
};

}  // namespace app

#endif
